"""Which answers trees are fitted to, and when: one trainer over one answers partition, in the order of its log."""

from collections import deque
from collections.abc import Iterator

import numpy as np

from forestall.pipeline.core.lateness import Lateness
from forestall.pipeline.core.models.names import BOOSTED
from forestall.pipeline.training.fitting import Row, fit
from forestall.schemas.answer import Answer
from forestall.schemas.trees import FittedTrees

#: Trees are fitted anew after so many answers, then after each REFIT_EVERY more.
REFITS = (300, 600, 1_200, 2_400, 4_800)
REFIT_EVERY = 5_000
#: Answers they are fitted to, the latest.
ROWS = 20_000


def next_refit(answers: int) -> int:
    """The first number of answers above this after which trees are fitted.

    >>> next_refit(0), next_refit(300), next_refit(4_800), next_refit(10_000)
    (300, 600, 5000, 15000)
    """
    return next((n for n in REFITS if n > answers), (answers // REFIT_EVERY + 1) * REFIT_EVERY)


class _Problem:
    """What is kept of one problem: its latest answers, and when trees are due."""

    def __init__(self, revision: str, catalogue: int) -> None:
        self.revision = revision
        self.catalogue = catalogue
        self.answers = 0
        self.due = next_refit(0)
        self.through = 0
        self.lateness = Lateness()
        self.rows: deque[Row] = deque(maxlen=ROWS)


class Trainer:
    """`answered` and `fitted` hear what the log brings, at its offset; `due` gives the trees that are due.

    Nothing that others compute depends on what a trainer has in memory: what it makes counts once it is in the log.
    So it may be killed, and start again from the log's beginning; another that is there makes the same. A record
    that was sent twice counts twice here, which is one row too many among 20,000.
    `every`: trees for all problems, rather than those that ask for them.
    """

    def __init__(self, *, every: bool = False) -> None:
        self._every = every
        self._problems: dict[str, _Problem] = {}

    def answered(self, answer: Answer, offset: int) -> None:
        """One answer, at this offset of the log."""
        if not self._every and answer.model != BOOSTED:
            self._problems.pop(answer.problem, None)
            return
        known = self._problems.get(answer.problem)
        if known is None or (known.revision != answer.revision and answer.catalogue > known.catalogue):
            known = self._problems[answer.problem] = _Problem(answer.revision, answer.catalogue)
        if known.revision != answer.revision or answer.treatment == "contacted":
            return  # as learn does, see learning
        known.through = offset
        x, categories = np.frombuffer(answer.features, np.float32), tuple(answer.categories)
        if answer.stage == "late":
            known.lateness.add(answer.y)
            return
        labels = (
            known.lateness.labels(answer.weight) if answer.stage == "open" else [(answer.y, answer.weight)]
        )
        for y, weight in labels:
            known.answers += 1
            known.rows.append(Row(x, categories, bool(y), weight))

    def fitted(self, trees: FittedTrees) -> None:
        """Trees that are in the log: they need not be fitted again."""
        known = self._problems.get(trees.problem)
        if known is not None and known.revision == trees.revision:
            known.answers = max(known.answers, trees.answers)
            known.due = max(known.due, next_refit(trees.answers))

    def due(self) -> Iterator[FittedTrees]:
        """Fits what is due. What is given must reach the log. Raises ConfigurationError without LightGBM."""
        for name, known in self._problems.items():
            if known.answers < known.due:
                continue
            known.due = next_refit(known.answers)
            forest = fit(known.rows)
            if forest is not None:
                yield FittedTrees(
                    problem=name,
                    revision=known.revision,
                    answers=known.answers,
                    through=known.through,
                    rows=len(known.rows),
                    forest=forest.to_bytes(),
                )
