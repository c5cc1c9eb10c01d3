"""What is kept of a problem's questions and alerts, in bounded memory: counts, spreads over time, a sample."""

from array import array
from collections import Counter
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from forestall.pipeline.backtest.contacts import Contacts
from forestall.pipeline.backtest.customers import LastAsked
from forestall.pipeline.backtest.ladder import Ladder
from forestall.pipeline.backtest.leads import Leads
from forestall.pipeline.backtest.result import Treated
from forestall.pipeline.backtest.rules import Rules
from forestall.pipeline.backtest.sample import Row, Sample
from forestall.pipeline.backtest.spread import Spread
from forestall.pipeline.core.catalogue.declaration import Problem
from forestall.pipeline.core.partition import Prediction
from forestall.schemas.alert import Alert
from forestall.schemas.answer import Answer

HELD_BACK = "held_back:"
#: Answers that are counted together.
BATCH = 4_096


class Known(NamedTuple):
    """What the backtest knows of a question's customer: its number, whether it was new when asked, and how often the
    problem had come to it in the 30 days before."""

    number: int
    new: bool
    recent: int


class Tally:
    """One problem's. A question counts as answered once its time is over: before that only a yes can be known."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.unlearned = self.open = 0
        self.held_back: Counter[str] = Counter()
        self.alerts: Counter[str] = Counter()
        self.leads = Leads()
        self.spread = Spread(problem.threshold)
        self.ladder = Ladder(problem.threshold)
        self.contacts = Contacts(self.ladder.rungs)
        self.rules = Rules()
        self.sample = Sample()
        self.last_asked = LastAsked()
        self.latest = 0
        self._treated: dict[str, list[float]] = {}
        self._open_asked = array("q")
        self._pairs: list[tuple[int, float, bool]] = []
        self._rows: list[tuple[Hashable, int, int]] = []

    def ended(self, prediction: Prediction) -> None:
        """A question's time is over. One that was answered is to be told by `answered` or `learned` too."""
        self._count(prediction)
        if prediction.y is None:
            self.unlearned += 1

    def still_open(self, prediction: Prediction) -> None:
        """A question outlives the file."""
        self._count(prediction)
        self.open += 1
        self._open_asked.append(prediction.asked)

    def answered(self, asked: int, p: float, y: bool) -> None:
        """A pair to score; `asked` is epoch ms."""
        self._pairs.append((asked, p, y))
        if len(self._pairs) >= BATCH:
            self.flush()

    def learned(self, prediction: Prediction, answer: Answer, known: Known) -> None:
        """An answer, with all that is known of it."""
        asked, p, y = answer.asked, answer.p, answer.y
        self._rows.append((self.key(prediction), self.until(asked, answer.known), known.recent))
        self.last_asked.put(known.number, asked)
        if self.sample.wants(answer.question):
            row = Row(asked, p, y, known.new, answer.features, array("I", answer.categories).tobytes())
            self.sample.add(answer.question, row)
        if p > self.problem.threshold:
            sums = self._treated.setdefault(answer.treatment, [0.0, 0.0, 0.0])
            sums[0] += 1
            sums[1] += p
            sums[2] += y
        self.answered(asked, p, y)

    def alert(self, alert: Alert) -> None:
        """One change of an alert."""
        self.alerts[alert.state] += 1
        if self.came_true(alert):
            self.leads.add(alert.changed - alert.raised)

    def came_true(self, alert: Alert) -> bool:
        """Whether this change tells that the problem came: an event told, or that none came in time."""
        happens = self.problem.happens
        negated = happens is not None and happens.negated
        return alert.occasion == "occurred" or (negated and alert.state == "expired")

    def key(self, prediction: Prediction) -> Hashable:
        """Who is contacted at most once about one problem: the customer, or the customer about the subject."""
        end = self.problem.happens or self.problem.answered
        assert end is not None
        if end.same == "subject":
            return prediction.customer, prediction.subject
        return prediction.customer

    def until(self, asked: int, known: int) -> int:
        """Until when a contact at `asked` covers its problem: its horizon, or (with an open end) its answer."""
        return asked + self.problem.happens.within if self.problem.happens is not None else known

    def treatments(self) -> list[Treated]:
        """What came of the questions above the threshold, by what their customers were given."""
        return [
            Treated(treatment=name, count=int(n), said=said / n, came=came / n)
            for name, (n, said, came) in sorted(self._treated.items())
        ]

    def maturity(self, since: int, answered: int) -> float | None:
        """The share of the questions asked since then whose answer is in, where so many are."""
        waiting = sum(asked >= since for asked in self._open_asked)
        return answered / (answered + waiting) if answered + waiting else None

    def flush(self) -> None:
        """Counts what has been taken so far."""
        if not self._pairs:
            return
        asked = np.array([pair[0] for pair in self._pairs], np.int64)
        p = np.array([pair[1] for pair in self._pairs])
        y = np.array([float(pair[2]) for pair in self._pairs])
        self.spread.add(asked, p, y)
        self.latest = max(self.latest, int(asked.max()))
        if self._rows:
            until = np.array([row[1] for row in self._rows], np.int64)
            count = np.array([row[2] for row in self._rows], np.int64)
            levels = self.ladder.levels(p, count)
            self.contacts.add([row[0] for row in self._rows], asked, until, y, levels, int(asked.min()))
            self.rules.add(asked, count, y)
        self._pairs.clear()
        self._rows.clear()

    def _count(self, prediction: Prediction) -> None:
        if prediction.decision.startswith(HELD_BACK):
            self.held_back[prediction.decision[len(HELD_BACK) :]] += 1
