"""What learn keeps of one problem: the population model, its scores, the skill gate, and whether residuals pay."""

from collections.abc import Callable
from math import ceil
from typing import NamedTuple, cast

import msgspec
import numpy as np

from forestall.pipeline.core.drift import Watch
from forestall.pipeline.core.lateness import Lateness
from forestall.pipeline.core.models.boosted import Boosted
from forestall.pipeline.core.models.forest import Forest
from forestall.pipeline.core.models.live import LiveModel, goes_on, live_model
from forestall.pipeline.core.models.prequential import test_and_learn
from forestall.pipeline.core.models.protocol import Model
from forestall.pipeline.core.models.residual import KEEP
from forestall.pipeline.core.scores import Window, auroc, auroc_lower_bound, effective_counts
from forestall.schemas.answer import Answer
from forestall.schemas.trees import FittedTrees

#: Answers in the sliding window of the scores.
WINDOW = 2_000
#: A notice after this share more answers, at most so many (MODELS: the cheapest that costs nothing).
NOTICE_SHARE = 0.01
NOTICE_MOST = 1_000
#: The gate looks only once so many answers are in; the confidence bound does the rest.
GATE_LEAST = 50
#: One-sided, and stricter than 95 %, for the gate looks again at every notice.
GATE_DEVIATIONS = 2.5
#: The kind of a model that runs in a backtest alone.
OTHER = ""

#: Makes the model of a problem out of its first answer.
NewModel = Callable[[Answer], Model]


def new_live(answer: Answer) -> LiveModel:
    """The model that the answer names."""
    columns = len(answer.features) // 4
    return live_model(answer.model, columns, min(answer.history, columns))


class ToldTrees(NamedTuple):
    """The share of the trees in the logit, their level above the weights, which they are, and their stored form."""

    share: float = 0.0
    level: float = 0.0
    fitted: int = 0
    forest: bytes = b""


class ProblemState:
    """One problem's state. `model` is a LiveModel of this `kind` but in backtests of others; `loss_without` and
    `loss_with` compare it without and with the residuals; `catalogue` is the version that brought the revision,
    `asked_for` that by which the model was chosen. `told` says which trees the notices have carried."""

    def __init__(self, revision: str, catalogue: int, kind: str, model: Model, window: Window) -> None:
        self.revision = revision
        self.catalogue = catalogue
        self.kind = kind
        self.asked_for = catalogue
        self.model = model
        self.told = 0
        self.window = window
        self.answers = 0
        self.base_rate = 0.5
        self.loss_without = 0.0
        self.loss_with = 0.0
        self.offset_counts = False
        self.gate_open = False
        self.next_notice = 1
        self.threshold = 0.5
        self.noticed_ms = 0
        self.lateness = Lateness()
        self.watch = Watch()

    @classmethod
    def new(cls, answer: Answer, new_model: NewModel) -> "ProblemState":
        """The state for a problem's first answer: nothing has been learned yet."""
        return cls(answer.revision, answer.catalogue, answer.model, new_model(answer), Window(WINDOW))

    def becomes(self, answer: Answer) -> bool:
        """Goes over to the model that a later version of the catalogue names; False where it must begin anew."""
        if answer.catalogue > self.asked_for:
            self.asked_for = answer.catalogue
            if answer.model != self.kind:
                model = goes_on(self.model, answer.model)
                if model is None:
                    return False
                self.kind, self.model, self.told = answer.model, model, 0
        return True

    def learn(self, answer: Answer) -> None:
        """Tests on the answer, then trains on it. A contacted customer is no clean example: counted, not learned."""
        if answer.stage == "open":
            self._learn_open(answer)
            return
        self.answers += 1
        self.threshold = answer.threshold
        if answer.treatment == "contacted":
            return
        row = np.frombuffer(answer.features, np.float32)
        y = float(answer.y)
        self.base_rate += max(1.0 / (self.answers + 1.0), 1.0 - KEEP) * (y - self.base_rate)
        if answer.stage == "late":
            self._learn_late(answer)
            return
        residual, losses = (answer.offset, answer.variance), (self.loss_without, self.loss_with)
        p, losses = test_and_learn(
            self.model, row, answer.categories, y, answer.weight, residual, self.offset_counts, losses
        )
        self.loss_without, self.loss_with = losses
        self.offset_counts = self.loss_with < self.loss_without
        self._score(answer, p)

    def _score(self, answer: Answer, p: float) -> None:
        """What was said of the answer, into the window of scores and the watch for drift."""
        y = float(answer.y)
        self.window.add(p, y, answer.weight)
        self.watch.add((p - y) * (p - y), answer.weight, answer.known, self.answers)

    def _learn_open(self, answer: Answer) -> None:
        """An answer is late: the question is learned as what late answers have been, the more of them the more. Else
        only the quick answers would be known of the last days, and they are of another kind."""
        if answer.treatment == "contacted":
            return
        row = np.frombuffer(answer.features, np.float32)
        for y, weight in self.lateness.labels(answer.weight):
            self.model.learn(row, answer.categories, y, weight)

    def _learn_late(self, answer: Answer) -> None:
        """The model has learned the question while it was open, and is no test of it any more: what was said is."""
        self.lateness.add(answer.y)
        self._score(answer, answer.p)

    def noticed(self, ms: int) -> None:
        """A notice goes out now: the gate is judged, and the next one set."""
        self.noticed_ms = ms
        self.next_notice = self.answers + min(max(1, ceil(self.answers * NOTICE_SHARE)), NOTICE_MOST)
        self.gate_open = self._has_skill()

    def take(self, fitted: FittedTrees) -> str | None:
        """Takes trees from the trainer; the next answer is noticed. Or says why not.

        Raises StateError where they cannot be read.
        """
        if fitted.revision != self.revision:
            return "trees_of_other_revision"
        if not isinstance(self.model, Boosted):
            return "trees_not_asked_for"
        if not self.model.take(Forest.from_bytes(fitted.forest), fitted.through):
            return "repeated_trees"
        self.next_notice = self.answers + 1
        return None

    def told_weights(self) -> bytes:
        """What a notice carries; nothing where the model has no stored form (it stays where it is: a backtest)."""
        return b"" if self.kind == OTHER else self.live.weights().to_bytes()

    def told_trees(self) -> ToldTrees:
        """What a notice says of the trees; they themselves go once, when they are heard."""
        if not isinstance(self.model, Boosted) or not self.model.share:
            return ToldTrees()
        is_new = self.model.fitted != self.told
        self.told = self.model.fitted
        forest = self.model.stored_forest if is_new else b""
        return ToldTrees(self.model.share, self.model.level.mean, self.model.fitted, forest)

    @property
    def live(self) -> LiveModel:
        """The model, where it has a stored form."""
        assert self.kind != OTHER, "only a model with a stored form runs live"
        return cast("LiveModel", self.model)

    def scores(self) -> dict[str, float]:
        """Prequential scores of the window, by metric."""
        return {
            **msgspec.structs.asdict(self.window.scores(self.threshold)),
            "answers": float(self.answers),
            "gate_open": float(self.gate_open),
            "offset_counts": float(self.offset_counts),
            "drifts": float(self.watch.number),
            "drift_error": self.watch.mean,
            "drift_answers": float(self.watch.width),
            **self._challenge(),
        }

    def _challenge(self) -> dict[str, float]:
        """How the trees do, where there are any."""
        if not isinstance(self.model, Boosted) or self.model.forest is None:
            return {}
        gain = self.model.gain
        return {
            "challenger_heard": float(gain.heard),
            "challenger_gain": gain.mean,
            "challenger_gain_lower": gain.lower,
        }

    def _has_skill(self) -> bool:
        """Above chance with its confidence bound; an open gate closes only once skill is below chance."""
        if self.answers < GATE_LEAST:
            return False
        p, y, weight = self.window.pairs()
        area = auroc(p, y, weight)
        if self.gate_open:
            return area > 0.5
        yes, no = effective_counts(y, weight)
        return auroc_lower_bound(area, yes, no, GATE_DEVIATIONS) > 0.5
