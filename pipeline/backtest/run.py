"""The backtest: lines of an event file through both cores, each question scored as it ends."""

import time
from collections import Counter, deque
from collections.abc import Hashable
from datetime import UTC, datetime

from kafka.partitioner import murmur2

from forestall.pipeline.backtest.beside import beside
from forestall.pipeline.backtest.categories import Categories
from forestall.pipeline.backtest.customers import Customers
from forestall.pipeline.backtest.happenings import Happenings
from forestall.pipeline.backtest.reference import Reference
from forestall.pipeline.backtest.result import ProblemResult, Result, Run
from forestall.pipeline.backtest.scoring import Seen, scored, since_of
from forestall.pipeline.backtest.tally import Known, Tally
from forestall.pipeline.core.effects import ALERTS, DEAD_LETTERS, Effect, Record
from forestall.pipeline.core.journal import FUTURE_MS
from forestall.pipeline.core.models.named import DEFAULT, model_named, named_live
from forestall.pipeline.core.models.names import BOOSTED
from forestall.pipeline.core.partition import Predicted, Prediction
from forestall.pipeline.inline import Inline
from forestall.pipeline.sources.event_line import read_line
from forestall.pipeline.training.fitting import load_lightgbm
from forestall.schemas.alert import decode_alert
from forestall.schemas.answer import Answer
from forestall.schemas.catalogue import Configuration
from forestall.schemas.deadletter import decode_dead_letter
from forestall.schemas.event import CATALOGUE, TICK, Event, encode


class Backtest:
    """`take` every line, then `finish`. Memory holds the customers, and what is open; not the history.

    `now_ms` is the broker's time of every record: events dated later are dead letters, as they would be live.
    `model` names another model in place of our own (see models.named). `predicted` is told of every question: when
    it ends, and of the open ones at last. With `reference`, LightGBM stands beside ours; it keeps every row. Raises
    ConfigurationError for a wrong catalogue or model.
    """

    def __init__(
        self,
        configuration: Configuration,
        now_ms: int,
        *,
        partitions: int = 1,
        model: str | None = None,
        predicted: Predicted | None = None,
        reference: bool = False,
    ) -> None:
        self._name, model = model or DEFAULT, None if model == DEFAULT else model
        if model is not None:
            model_named(model, (), 0)
        self.events = self.too_large = 0
        self.dead_letters: Counter[str] = Counter()
        self._now_ms, self._predicted = now_ms, predicted
        self._inline = Inline(partitions, self._carry_out, self._ended, model, self._answered)
        self._places: dict[bytes, int] = {}
        self._first_ms: int | None = None
        self._last_ms: int | None = None
        self._started = time.perf_counter()
        self._inline.feed_all(Record(0, now_ms, None, _own(CATALOGUE, configuration)))
        self._program = program = self._inline.foresee[0].state.program
        self._tallies = {name: Tally(compiled.problem) for name, compiled in program.problems.items()}
        asked_for = {compiled.problem.model for compiled in program.problems.values()}
        if BOOSTED in ({named_live(model)} if model is not None else asked_for):
            load_lightgbm()
        self._customers = Customers()
        self._categories = Categories(program)
        self._happenings = {name: Happenings(compiled.problem) for name, compiled in program.problems.items()}
        self._counting: dict[str, list[Happenings]] = {}
        for happenings in self._happenings.values():
            for type_ in happenings.types:
                self._counting.setdefault(type_, []).append(happenings)
        self._waiting: deque[Prediction] = deque()
        self._reference = Reference(program) if reference else None
        self._cover: dict[str, tuple[Hashable, int]] = {}

    def take(self, text: bytes | None) -> None:
        """One line; None stands for one that is too large for the journal."""
        if text is None:
            self.too_large += 1
            return
        line = read_line(text)
        if line.ms is not None and line.ms <= self._now_ms + FUTURE_MS:
            self._last_ms = max(line.ms, self._last_ms or line.ms)
            self._first_ms = min(line.ms, self._first_ms or line.ms)
            if line.event is not None and line.well_formed:
                self._count(line.event, line.ms)
        self._inline.feed(self._place(line.key, text), Record(self.events, self._now_ms, line.key, text))
        self.events += 1

    def finish(self) -> Result:
        """Ticks every partition at the latest event's time, and scores."""
        if self._last_ms is not None:
            self._inline.feed_all(Record(self.events, self._now_ms, None, _own(TICK, None, self._last_ms)))
        seconds = time.perf_counter() - self._started
        for prediction in self._inline.open_questions():
            self._tallies[prediction.problem].still_open(prediction)
            if self._predicted is not None:
                self._predicted(prediction)
        run = Run(
            model=self._name,
            partitions=len(self._inline.foresee),
            events=self.events,
            customers=len(self._customers),
            first=self._first_ms,
            last=self._last_ms,
            too_large=self.too_large,
            dead_letters=dict(sorted(self.dead_letters.items())),
            seconds=round(seconds, 3),
            events_a_second=round(self.events / seconds),
            us_an_event=round(seconds / max(1, self.events) * 1e6, 1),
        )
        return Result(run=run, problems=[self._scored(tally) for tally in self._tallies.values()])

    def _scored(self, tally: Tally) -> ProblemResult:
        problem = tally.problem
        model = self._inline.foresee[0].state.models.get(problem.name)
        weights = model.weights if model is not None else None
        compiled, drifts = self._program.problems[problem.name], self._inline.learn.drifts(problem.name)
        seen = Seen(compiled, weights, self._categories, drifts)
        if self._reference is None:
            return scored(tally, self._name, seen)
        return scored(tally, self._name, seen, beside(self._reference, problem, since_of(tally), self._cover))

    def _count(self, event: Event, ms: int) -> None:
        """What is counted beside the cores: customers, names of categories, how often the problems came."""
        assert event.customer is not None
        self._customers.seen(event.customer, ms)
        self._categories.take(event)
        for happenings in self._counting.get(event.type, ()):
            happenings.take(event.customer, event, ms)
        if self._reference is not None:
            self._reference.event(event)

    def _place(self, key: bytes, text: bytes) -> int:
        """The partition: Kafka's own for the customer; broken lines are spread by their bytes."""
        partitions = len(self._inline.foresee)
        if partitions == 1:
            return 0
        place = self._places.get(key)
        if place is None:
            place = murmur2(key or text) % 0x80000000 % partitions
            if key:
                self._places[key] = place
        return place

    def _ended(self, prediction: Prediction) -> None:
        self._tallies[prediction.problem].ended(prediction)
        if prediction.y is not None:
            self._waiting.append(prediction)
        if self._predicted is not None:
            self._predicted(prediction)

    def _answered(self, answer: Answer) -> None:
        """What the core sends to learn: of questions' ends in the order in which it told of them, and before that of
        those whose answer is late, which are still open."""
        if answer.stage == "open":
            return
        prediction = self._waiting.popleft()
        assert prediction.question == answer.question
        tally, asked = self._tallies[answer.problem], answer.asked
        number = self._customers.number(prediction.customer)
        count = self._happenings[answer.problem].before(prediction.customer, asked)
        tally.learned(prediction, answer, Known(number, self._customers.is_new(number, asked), count))
        if self._reference is not None:
            self._reference.answered(answer)
            self._cover[answer.question] = (tally.key(prediction), tally.until(asked, answer.known))

    def _carry_out(self, effect: Effect) -> None:
        if effect.destination == ALERTS:
            alert = decode_alert(effect.payload)
            self._tallies[alert.problem].alert(alert)
        elif effect.destination == DEAD_LETTERS:
            self.dead_letters[decode_dead_letter(effect.payload).cause] += 1


def _own(type_: str, data: Configuration | None, ms: int = 0) -> bytes:
    """A record that Forestall itself would write."""
    return encode(
        {
            "specversion": "1.0",
            "id": f"{type_}:{ms}",
            "source": "forestall/backtest",
            "type": type_,
            "time": datetime.fromtimestamp(ms / 1000.0, UTC),
            "data": data,
        }
    )
