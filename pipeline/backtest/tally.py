"""What is kept of a problem's questions and alerts: compact arrays to score, and counts."""

from array import array
from collections import Counter
from statistics import median

import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.backtest.result import ProblemResult
from forestall.pipeline.core.catalogue.declaration import Problem
from forestall.pipeline.core.partition import Prediction
from forestall.pipeline.core.scores import Scores, scores
from forestall.schemas.alert import Alert

#: The share of the answered questions, asked last, that tells how it does once it has learned.
LAST = 0.3
HOUR_MS = 3_600_000
HELD_BACK = "held_back:"

Floats = NDArray[np.float64]


class Tally:
    """One problem's. A question counts as answered once its time is over: before that only a yes can be known."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.unlearned = self.open = 0
        self.held_back: Counter[str] = Counter()
        self.alerts: Counter[str] = Counter()
        self._asked = array("q")
        self._p = array("d")
        self._y = array("b")
        self._leads = array("q")

    def ended(self, prediction: Prediction) -> None:
        """A question's time is over."""
        self._count(prediction)
        if prediction.y is None:
            self.unlearned += 1
        else:
            self.answered(prediction.asked, prediction.p, prediction.y)

    def still_open(self, prediction: Prediction) -> None:
        """A question outlives the file."""
        self._count(prediction)
        self.open += 1

    def answered(self, asked: int, p: float, y: bool) -> None:
        """A pair to score; `asked` is epoch ms."""
        self._asked.append(asked)
        self._p.append(p)
        self._y.append(y)

    def alert(self, alert: Alert) -> None:
        """One change of an alert."""
        self.alerts[alert.state] += 1
        if self.came_true(alert):
            self._leads.append(alert.changed - alert.raised)

    def came_true(self, alert: Alert) -> bool:
        """Whether this change tells that the problem came: an event told, or that none came in time."""
        happens = self.problem.happens
        negated = happens is not None and happens.negated
        return alert.occasion == "occurred" or (negated and alert.state == "expired")

    def pairs(self) -> tuple[Floats, Floats]:
        """Probabilities and answers, in the order in which they were asked."""
        order = np.argsort(np.frombuffer(self._asked, np.int64), kind="stable")
        return np.frombuffer(self._p)[order], np.frombuffer(self._y, np.int8)[order].astype(np.float64)

    def scored(self, reference: tuple[Floats, Floats] | None = None) -> ProblemResult:
        """All scores; `last` are those of the questions asked at or after the 70 % quantile of the answered;
        `reference` has another's p, and y, of the same."""
        p, y = self.pairs()
        asked = np.sort(np.frombuffer(self._asked, np.int64))
        first = int(np.searchsorted(asked, np.quantile(asked, 1.0 - LAST))) if len(asked) else 0
        lead = median(self._leads) / HOUR_MS if self._leads else None
        return ProblemResult(
            problem=self.problem.name,
            title=self.problem.title,
            threshold=self.problem.threshold,
            questions=len(asked) + self.unlearned + self.open,
            answered=len(asked),
            unlearned=self.unlearned,
            open=self.open,
            every=self._scores(p, y),
            last=self._scores(p[first:], y[first:]),
            alerts=dict(sorted(self.alerts.items())),
            held_back=dict(sorted(self.held_back.items())),
            came_true=len(self._leads),
            lead_hours=round(lead, 2) if lead is not None else None,
            reference=self._scores(*reference) if reference is not None else None,
        )

    def _scores(self, p: Floats, y: Floats) -> Scores:
        return scores(p, y, np.ones(len(p)), self.problem.threshold)

    def _count(self, prediction: Prediction) -> None:
        if prediction.decision.startswith(HELD_BACK):
            self.held_back[prediction.decision[len(HELD_BACK) :]] += 1
