"""A customer: numbers, subjects, open questions, alerts, residuals. Bounded; customer_document has the stored form."""

from heapq import heapify, heappop, heappush
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.features import new_numbers
from forestall.pipeline.core.layout import Layout
from forestall.pipeline.core.models.residual import PRIOR_VARIANCE
from forestall.pipeline.core.subjects import Subjects
from forestall.schemas.answer import Treatment
from forestall.schemas.preference import Purpose

#: Identities of the latest events, to ignore repeats.
SEEN_LIMIT = 64
#: Open questions of one problem (one real caller has 280).
QUESTION_LIMIT = 500
#: So many timers may stand that no longer count, beside as many as do.
STALE_LIMIT = 64


class Question(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """One prediction that waits for its answer. Times are epoch ms; `y` is None while unknown.

    `number` counts the customer's questions; `moment` is the number of the features shared by all questions
    asked at the same event. `own` are the problem's own columns, frozen like the moment.
    """

    number: int
    problem: str
    revision: str
    subject: str | None
    asked: int
    closes: int
    due: int
    p: float
    moment: int
    own: tuple[float, float]
    decision: str = ""
    treatment: Treatment = "untouched"
    raised: bool = False
    y: bool | None = None
    known: int = 0


class Moment(msgspec.Struct, array_like=True, gc=False):
    """Features as they were at one event: float32 columns and 32-bit category hashes, as bytes."""

    columns: bytes
    categories: bytes
    questions: int


class OpenAlert(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """An alert that is alive: raised, and neither withdrawn, expired nor resolved."""

    id: str
    problem: str
    subject: str | None
    question: int
    p: float
    raised: int
    expires: int


class Residual(msgspec.Struct, array_like=True, gc=False):
    """The customer's own term of a problem's logit: mean and variance."""

    mean: float = 0.0
    variance: float = PRIOR_VARIANCE


#: (due ms, kind, key): a question's number, an alert's id, or a problem whose silence is awaited.
Timer = tuple[int, Literal["alert", "question", "silence"], int | str]


class Customer:
    """What is known of one customer.

    `waiting` (questions without an answer, by problem and number), `open` (questions by problem) and `timers`
    (a heap with lazy deletion) are indices over the rest. `silences` are when a silence will ask, by problem;
    `pauses` until when no alert is wanted, by problem ("": any); `consents` are (since, granted) by purpose;
    `erased` is when erasure was asked for. `packed_told` is what customer_document packed, while it holds.
    """

    __slots__ = (
        "alerts",
        "asked",
        "consents",
        "episodes",
        "erased",
        "layout",
        "moments",
        "numbers",
        "open",
        "packed_told",
        "pauses",
        "questions",
        "residuals",
        "seen",
        "silences",
        "subjects",
        "tallies",
        "timers",
        "version",
        "waiting",
    )

    def __init__(self, layout: Layout, version: int) -> None:
        self.layout = layout.key
        self.version = version
        self.numbers: NDArray[np.float64] = new_numbers(layout)
        self.subjects = Subjects()
        self.seen = b""
        self.asked = 0
        self.questions: dict[int, Question] = {}
        self.moments: dict[int, Moment] = {}
        self.alerts: dict[str, OpenAlert] = {}
        self.tallies: dict[str, tuple[int, int]] = {}
        self.residuals: dict[str, Residual] = {}
        self.silences: dict[str, int] = {}
        self.episodes = 0
        self.consents: dict[Purpose, tuple[int, bool]] = {}
        self.pauses: dict[str, int] = {}
        self.erased: int | None = None
        self.waiting: dict[str, dict[int, Question]] = {}
        self.open: dict[str, int] = {}
        self.timers: list[Timer] = []
        self.packed_told: msgspec.Raw | None = None

    def index(self) -> None:
        """Rebuilds what is not stored: the waiting questions, their numbers, and the timers."""
        self.waiting = {}
        self.open = {}
        for question in self.questions.values():
            name = question.problem
            self.open[name] = self.open.get(name, 0) + 1
            if question.y is None:
                self.waiting.setdefault(name, {})[question.number] = question
        self.timers = self._all_timers()

    def add(self, question: Question) -> None:
        """Opens a question."""
        self.questions[question.number] = question
        self.waiting.setdefault(question.problem, {})[question.number] = question
        self.open[question.problem] = self.open.get(question.problem, 0) + 1
        self._set_timer((question.due, "question", question.number))

    def answer(self, question: Question, y: bool, known: int) -> None:
        """The answer is known; the question stays open until its label is learned."""
        question.y = y
        question.known = known
        del self.waiting[question.problem][question.number]

    def keep_open(self, question: Question) -> None:
        """The question was due, and waits on until it closes."""
        question.due = question.closes
        self._set_timer((question.due, "question", question.number))

    def close(self, question: Question) -> None:
        """Ends a question; its moment goes with the last question that shares it."""
        del self.questions[question.number]
        self.open[question.problem] -= 1
        self.waiting.get(question.problem, {}).pop(question.number, None)
        moment = self.moments[question.moment]
        moment.questions -= 1
        if not moment.questions:
            del self.moments[question.moment]

    def set_alert(self, alert: OpenAlert) -> None:
        """Opens or changes an alert."""
        self.alerts[alert.id] = alert
        self._set_timer((alert.expires, "alert", alert.id))

    def await_silence(self, problem: str, at: int) -> None:
        """Asks the problem at `at`, unless an event moves that on."""
        self.silences[problem] = at
        self._set_timer((at, "silence", problem))

    def allows(self, purpose: Purpose) -> bool:
        """Whether the customer lets us do this. Without a choice it is allowed: legitimate interest is assumed."""
        choice = self.consents.get(purpose)
        return choice is None or choice[1]

    def next_due(self) -> int | None:
        """The earliest time at which something of this customer is due, epoch ms."""
        timers = self.timers
        while timers:
            if self._counts(timers[0]):
                return timers[0][0]
            heappop(timers)
        return None

    def pop_due(self, until: int) -> Timer | None:
        """The next that is due at or before `until`, in the order (ms, kind, key); it will not be due again."""
        timers = self.timers
        while timers and timers[0][0] <= until:
            timer = heappop(timers)
            if self._counts(timer):
                return timer
        return None

    def _set_timer(self, timer: Timer) -> None:
        heappush(self.timers, timer)
        counting = len(self.questions) + len(self.alerts) + len(self.silences)
        if len(self.timers) > 2 * counting + STALE_LIMIT:
            self.timers = self._all_timers()

    def _all_timers(self) -> list[Timer]:
        """A heap of the timers that count."""
        timers: list[Timer] = [(q.due, "question", q.number) for q in self.questions.values()]
        timers += [(a.expires, "alert", a.id) for a in self.alerts.values()]
        timers += [(at, "silence", problem) for problem, at in self.silences.items()]
        heapify(timers)
        return timers

    def _counts(self, timer: Timer) -> bool:
        """Whether the timer still stands: what ended or moved leaves its old timer behind."""
        at, kind, key = timer
        match kind:
            case "question":
                return isinstance(key, int) and key in self.questions
            case "alert":
                return isinstance(key, str) and key in self.alerts and self.alerts[key].expires == at
            case "silence":
                return isinstance(key, str) and self.silences.get(key) == at
