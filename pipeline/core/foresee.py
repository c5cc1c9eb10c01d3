"""Foresee: the pure core over one journal partition. Customers' events in; predictions, alerts, answers out.

record -> entry -> due things before its time -> the customer's step: answer, ask, count -> effects
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import assert_never

from forestall.pipeline.core.alerting import end_alert
from forestall.pipeline.core.asking import Occasion, ask_all
from forestall.pipeline.core.customer import (
    SEEN_LIMIT,
    SUBJECT_LIMIT,
    Customer,
    decode_customer,
    encode_customer,
    migrate,
)
from forestall.pipeline.core.effects import DEAD_LETTERS, Changes, Progress, Record
from forestall.pipeline.core.ending import answer_waiting, drop_outdated, end_question
from forestall.pipeline.core.features import Floats, count, measure, numeric_values
from forestall.pipeline.core.head import (
    CONFIGURATION,
    HEAD,
    decode_configuration,
    decode_head,
    encode_configuration,
    encode_head,
)
from forestall.pipeline.core.journal import (
    ActionEvent,
    CustomerEvent,
    JournalEntry,
    Preference,
    Rejected,
    Tick,
    read_record,
)
from forestall.pipeline.core.models.fingerprint import fingerprint
from forestall.pipeline.core.partition import (
    MODEL,
    Partition,
    Predicted,
    ReadModel,
    encode_model,
    read_weights,
)
from forestall.pipeline.core.preferring import apply_preference
from forestall.pipeline.core.program import Program
from forestall.pipeline.errors import SequenceGap
from forestall.schemas.catalogue import Configuration
from forestall.schemas.deadletter import Cause, DeadLetter
from forestall.schemas.event import ACTION_DONE, Event, encode
from forestall.schemas.notice import ModelNotice

#: Keys of due customers asked for at once.
DUE_AHEAD = 2_000


class Foresee:
    """Implements the cores' protocol (see protocol.Core) for the journal.

    For a backtest: `predicted` is told of every question when it ends, `read_model` makes models of notices.
    """

    processor = "foresee"

    def __init__(
        self,
        partition: int,
        answers_partitions: int,
        topic: str = "forestall.events",
        *,
        read_model: ReadModel = read_weights,
        predicted: Predicted | None = None,
    ) -> None:
        self.partition = partition
        self.topic = topic
        self._new_state = partial(Partition, partition, answers_partitions, read_model, predicted)
        self.state = self._new_state()
        self._started = False
        self._models_admitted: set[str] = set()
        self._read: tuple[Sequence[Record], list[JournalEntry]] = ((), [])

    # -- the protocol ---------------------------------------------------------------------------------------

    def run(self, records: Sequence[Record], start: int, budget: int) -> Progress:
        """Applies records[start:] until the end, the budget, or a document that is not loaded."""
        if not self._started:
            return Progress(start, frozenset((HEAD, CONFIGURATION)), False)
        lacking = self._lacking_models()
        if lacking:
            return Progress(start, lacking, False)
        if self._read[0] is not records:
            self._read = (records, [read_record(record) for record in records])
        entries = self._read[1]
        missing = self._missing(entries, start)
        if missing:
            return Progress(start, missing, False)
        return self._run(records, entries, start, budget)

    def admit(self, documents: Mapping[str, bytes | None]) -> None:
        """Takes loaded documents."""
        if HEAD in documents:
            self.state.head = decode_head(documents[HEAD], fingerprint())
            self.state.configure(decode_configuration(documents[CONFIGURATION]))
            self._started = True
        for key, document in documents.items():
            if key in (HEAD, CONFIGURATION):
                continue
            if key.startswith(MODEL):
                self._models_admitted.add(key[len(MODEL) :])
                if document is not None:
                    self.state.admit_model(key[len(MODEL) :], document)
            else:
                self.state.working.loaded(key, self._customer(document) if document is not None else None)

    def admit_due(self, window: Sequence[tuple[int, str]], complete: bool) -> None:
        """Takes the store's earliest due times."""
        working = self.state.working
        working.due.admit(window, complete, working.due_changed)

    def cached(self) -> int:
        """How many customers are in memory."""
        return len(self.state.working.customers)

    def event_types(self) -> Collection[str]:
        """The types that the configuration counts by name, for the labels of metrics."""
        return self.state.program.layout.types if self.state.program is not None else ()

    def configured(self) -> int:
        """The version in force; -1 before the first."""
        configuration = self.state.configuration
        return configuration.version if configuration is not None else -1

    def take_changes(self) -> Changes:
        """What is to be committed. The head always is: effects and marks change with nearly every chunk."""
        state, working = self.state, self.state.working
        documents: dict[str, bytes | None] = {HEAD: encode_head(state.head)}
        if state.configuration_changed:
            assert state.configuration is not None
            documents[CONFIGURATION] = encode_configuration(state.configuration)
        for name in sorted(state.models_changed):
            model = state.models.get(name)
            documents[MODEL + name] = encode_model(model) if model is not None else None
        for key in sorted(working.changed):
            customer = working.customers[key]
            documents[key] = encode_customer(customer) if customer is not None else None
        return Changes(documents, dict(working.due_changed), list(state.effects), Counter(state.counts))

    def committed(self, cache_limit: int) -> None:
        """The pending changes are durable."""
        self.state.effects.clear()
        self.state.counts.clear()
        self.state.models_changed.clear()
        self.state.configuration_changed = False
        self.state.working.committed(cache_limit)

    def forget(self) -> None:
        """Starts over from the committed state."""
        self.state = self._new_state()
        self._started = False
        self._models_admitted.clear()
        self._read = ((), [])

    def reject(self, record: Record, topic: str, detail: str) -> None:
        """Dead-letters a record on which the core itself raised. Run without records first: it needs the head."""
        assert self._started
        self._dead_letter(record, "core_failure", detail)

    def next_due(self) -> int | None:
        """The earliest due time in the window."""
        first = self.state.working.due.first()
        return first[0] if first is not None else None

    def watermark(self) -> int:
        """The partition's watermark."""
        return self.state.head.watermark

    # -- running --------------------------------------------------------------------------------------------

    def _lacking_models(self) -> frozenset[str]:
        program = self.state.program
        if program is None or self._models_admitted >= program.problems.keys():
            return frozenset()
        lacking = program.problems.keys() - self._models_admitted
        return frozenset(MODEL + name for name in lacking)

    def _missing(self, entries: Sequence[JournalEntry], start: int) -> frozenset[str]:
        """Customers of the chunk, and customers due before its latest time, that are not loaded."""
        working = self.state.working
        keys = {e.key for e in entries[start:] if isinstance(e, CustomerEvent | ActionEvent | Preference)}
        latest = max((e.ms for e in entries[start:] if isinstance(e, CustomerEvent | Tick)), default=0)
        if latest > self.state.head.watermark:
            keys.update(working.due.before(latest, DUE_AHEAD))
        return working.missing(keys)

    def _run(
        self, records: Sequence[Record], entries: Sequence[JournalEntry], start: int, budget: int
    ) -> Progress:
        working = self.state.working
        for index in range(start, len(records)):
            if len(working.changed) >= budget:
                return Progress(index, frozenset(), False)
            entry = entries[index]
            if isinstance(entry, CustomerEvent | Tick) and entry.ms > self.state.head.watermark:
                stopped = self._advance(entry.ms, index, budget)
                if stopped is not None:
                    return stopped
            self._apply(records[index], entry)
        return Progress(len(records), frozenset(), False)

    def _advance(self, ms: int, index: int, budget: int) -> Progress | None:
        """Fires what is due before `ms`, in event-time order, and moves the watermark there."""
        working = self.state.working
        due = working.due
        while True:
            first = due.first()
            if first is None and not due.reaches(ms):
                return Progress(index, frozenset(), True)
            if first is None or first[0] >= ms:
                break
            at, key = first
            if key not in working.customers:
                return Progress(index, working.missing(due.before(ms, DUE_AHEAD)), False)
            if len(working.changed) >= budget:
                return Progress(index, frozenset(), False)
            self._fire(key, at)
        self.state.head.watermark = ms
        return None

    def _fire(self, key: str, at: int) -> None:
        """Everything of this customer that is due at `at` or before."""
        state = self.state
        customer = state.working.customers[key]
        assert customer is not None
        assert state.program is not None
        self._settle(key, customer, at)
        state.head.watermark = max(state.head.watermark, at)
        while (timer := customer.pop_due(at)) is not None:
            due, kind, name = timer
            match kind:
                case "question":
                    assert isinstance(name, int)
                    end_question(state, key, customer, customer.questions[name])
                case "alert":
                    assert isinstance(name, str)
                    end_alert(state, key, customer, customer.alerts[name], due, "expired", "horizon")
                case "silence":
                    assert isinstance(name, str)
                    del customer.silences[name]
                    ask_all(state, key, customer, [state.program.problems[name]], _silent(state.program, due))
                case _:
                    assert_never(kind)
        state.working.touch(key, customer)

    def _apply(self, record: Record, entry: JournalEntry) -> None:
        match entry:
            case CustomerEvent():
                self._apply_event(entry)
            case Rejected():
                self._dead_letter(record, entry.cause, entry.detail)
            case Tick():
                pass
            case ModelNotice():
                if self._is_next(entry.sender, entry.sequence):
                    self.state.take_notice(entry)
            case Configuration():
                self._configure(entry)
            case ActionEvent():
                self._apply_action(entry)
            case Preference():
                self._apply_preference(entry)
            case _:
                assert_never(entry)

    def _apply_event(self, entry: CustomerEvent) -> None:
        state, event, key = self.state, entry.event, entry.key
        program = state.program
        if program is None:
            state.counts["ignored_events", "no_catalogue"] += 1
            return
        customer = self._known(key, program)
        if self._is_repeated(customer, event.source, event.id):
            return
        state.counts["events", event.type] += 1
        if customer.erased is not None or not customer.allows("predict"):
            state.counts["ignored_events", "no_consent"] += 1
            state.working.touch(key, customer)
            return
        if entry.ms < state.head.watermark:
            state.counts["late_events",] += 1
        self._settle(key, customer, entry.ms)
        answering = program.answering.get(event.type)
        if answering:
            answer_waiting(state, key, customer, answering, event, entry.ms)
        asking = program.asking.get(event.type)
        numbers = numeric_values(program.layout, event.data)
        if asking:
            ask_all(state, key, customer, asking, Occasion(event, entry.ms, event.type, numbers))
        _observe(customer, program, event, entry.ms, numbers)
        for compiled in program.silences.get(event.type, ()):
            silence = compiled.problem.ask.silence
            assert silence is not None
            at = max(customer.silences.get(compiled.problem.name, 0), entry.ms + silence)
            customer.await_silence(compiled.problem.name, at)
        state.working.touch(key, customer)

    def _apply_action(self, entry: ActionEvent) -> None:
        """A contact was made: its alert is resolved, and the open questions it may have changed are marked."""
        state, key = self.state, entry.key
        program = state.program
        customer = state.working.customers.get(key)
        if program is None or customer is None:
            state.counts["ignored_events", "action_of_unknown_customer"] += 1
            return
        if self._is_repeated(customer, entry.event.source, entry.event.id):
            return
        self._settle(key, customer, entry.ms)
        if entry.event.type == ACTION_DONE:
            for question in customer.questions.values():
                if question.problem == entry.change.problem:
                    question.treatment = "contacted"
            alert = customer.alerts.get(entry.change.alert)
            if alert is not None:
                ms = max(state.head.watermark, alert.raised)
                end_alert(state, key, customer, alert, ms, "resolved", entry.change.result or "done")
        state.working.touch(key, customer)

    def _apply_preference(self, entry: Preference) -> None:
        state, key = self.state, entry.key
        if state.program is None:
            state.counts["ignored_events", "no_catalogue"] += 1
            return
        customer = self._known(key, state.program)
        if self._is_repeated(customer, entry.event.source, entry.event.id):
            return
        self._settle(key, customer, entry.ms)
        customer = apply_preference(state, state.program, key, customer, entry.event, entry.ms)
        state.working.touch(key, customer)

    def _configure(self, configuration: Configuration) -> None:
        current = self.state.configuration
        if current is not None and configuration.version <= current.version:
            return
        self.state.configure(configuration)
        self.state.configuration_changed = True
        assert self.state.program is not None
        self._models_admitted.update(self.state.program.problems)

    # -- small parts ----------------------------------------------------------------------------------------

    def _customer(self, document: bytes) -> Customer:
        customer = decode_customer(document)
        program = self.state.program
        if program is not None and customer.layout != program.layout.key:
            migrate(customer, self.state.head.layouts[customer.layout], program.layout)
        return customer

    def _known(self, key: str, program: Program) -> Customer:
        customer = self.state.working.customers.get(key)
        return customer if customer is not None else Customer(program.layout, program.version)

    def _settle(self, key: str, customer: Customer, ms: int) -> None:
        """Brings a customer that was stored under an earlier configuration up to the one in force."""
        program = self.state.program
        assert program is not None
        if customer.version != program.version:
            if customer.layout != program.layout.key:
                migrate(customer, self.state.head.layouts[customer.layout], program.layout)
            drop_outdated(self.state, key, customer, ms)
            customer.version = program.version

    def _is_repeated(self, customer: Customer, source: str, id_: str) -> bool:
        """Whether the event came before; if not, it is remembered."""
        identity = blake2b(f"{source}\0{id_}".encode(errors="surrogatepass"), digest_size=8).digest()
        if identity in customer.seen:
            self.state.counts["duplicate_events",] += 1
            return True
        customer.seen.append(identity)
        if len(customer.seen) > SEEN_LIMIT:
            del customer.seen[0]
        return False

    def _is_next(self, sender: str, sequence: int) -> bool:
        """Takes mark + 1 of a sender, ignores lower, and stops loudly on higher."""
        mark = self.state.head.marks.get(sender, 0)
        if sequence <= mark:
            self.state.counts["ignored_events", "repeated_notice"] += 1
            return False
        if sequence > mark + 1:
            raise SequenceGap(f"{self.topic}/{self.partition}: {sender} sent number {sequence} after {mark}")
        self.state.head.marks[sender] = sequence
        return True

    def _dead_letter(self, record: Record, cause: Cause, detail: str) -> None:
        state = self.state
        sequence = state.head.next_sequence(DEAD_LETTERS)
        letter = DeadLetter(
            sender=state.sender,
            sequence=sequence,
            topic=self.topic,
            partition=self.partition,
            offset=record.offset,
            timestamp=record.ms,
            cause=cause,
            detail=detail[:500],
            key=record.key,
            value=record.value,
        )
        state.emit(DEAD_LETTERS, sequence, None, encode(letter))
        state.counts["dead_letters", cause] += 1


def _silent(program: Program, ms: int) -> Occasion:
    """A moment at which nothing happened."""
    return Occasion(None, ms, "silence", numeric_values(program.layout, None))


def _observe(customer: Customer, program: Program, event: Event, ms: int, numbers: Floats) -> None:
    """Counts the event into the customer's numbers and the subject's."""
    layout = program.layout
    seconds = ms / 1000.0
    count(customer.numbers, layout.group(event.type), layout.spans, seconds)
    if layout.numeric and event.data:
        start = len(customer.numbers) - 3 * len(layout.numeric)
        measure(customer.numbers, start, numbers)
    if event.subject:
        first, last, events = customer.subjects.pop(event.subject, (seconds, seconds, 0.0))
        customer.subjects[event.subject] = (first, max(last, seconds), events + 1.0)
        if len(customer.subjects) > SUBJECT_LIMIT:
            del customer.subjects[next(iter(customer.subjects))]
