"""Foresee: the pure core over one journal partition. Customers' events in; predictions, alerts, answers out.

record -> entry -> due things before its time -> the customer's step: answer, ask, count -> effects
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from forestall.pipeline.core.applying import apply_entry, fire
from forestall.pipeline.core.customer_document import decode_customer, encode_customer
from forestall.pipeline.core.effects import Changes, Progress, Record
from forestall.pipeline.core.head import (
    CONFIGURATION,
    HEAD,
    Written,
    decode_configuration,
    decode_head,
    encode_configuration,
    encode_head,
    outdated,
)
from forestall.pipeline.core.journal import (
    ActionEvent,
    CustomerEvent,
    JournalEntry,
    Preference,
    Tick,
    read_record,
)
from forestall.pipeline.core.models.fingerprint import fingerprint
from forestall.pipeline.core.partition import (
    MODEL,
    TREES,
    Partition,
    Predicted,
    ReadModel,
    encode_model,
    encode_trees,
    read_weights,
)

#: Keys of due customers asked for at once.
DUE_AHEAD = 2_000


# Tuples: a union is made anew, and is slow, wherever it stands in a loop.
_OF_CUSTOMERS = (CustomerEvent, ActionEvent, Preference)
#: What moves time.
_MOVING = (CustomerEvent, Tick)


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
        self._new_state = partial(Partition, (topic, partition), answers_partitions, read_model, predicted)
        self.state = self._new_state()
        self._started = False
        self._outdated: Written | None = None
        self._models_admitted: set[str] = set()
        self._read: tuple[Sequence[Record], list[JournalEntry]] = ((), [])

    # -- the protocol ---------------------------------------------------------------------------------------

    def run(self, records: Sequence[Record], start: int, budget: int) -> Progress:
        """Applies records[start:] until the end, the budget, or a document that is not loaded.

        Without records it sees to it that the earliest due time is known: where nothing comes, ticks wait for it.
        """
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
            head = decode_head(documents[HEAD], fingerprint())
            self._outdated = outdated(documents[HEAD])
            self.state.start(head, decode_configuration(documents[CONFIGURATION]))
            self._started = True
        for key, document in sorted(
            documents.items(), reverse=True
        ):  # trees before the models that mean them
            if key.startswith((MODEL, TREES)):
                self._admit_learned(key[:2], key[2:], document)
            elif key not in (HEAD, CONFIGURATION):
                self.state.working.loaded(key, decode_customer(document) if document is not None else None)

    def _admit_learned(self, kind: str, name: str, document: bytes | None) -> None:
        self._models_admitted.add(name)
        state = self.state
        if document is not None and kind == MODEL and name not in state.models_changed:
            state.admit_model(name, document)
        elif document is not None and kind == TREES and name not in state.trees_changed:
            state.admit_trees(name, document)

    def admit_due(self, window: Sequence[tuple[int, str]], complete: bool) -> None:
        """Takes the store's earliest due times."""
        working = self.state.working
        working.due.admit(window, complete, working.due_changed)

    def cached(self) -> int:
        """How many customers are in memory."""
        return len(self.state.working.customers)

    def event_types(self) -> Collection[str]:
        """The types that the configuration counts by name, for the labels of metrics."""
        return self.state.program.layout.types

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
        for name in sorted(state.trees_changed):
            trees = state.trees.get(name)
            documents[TREES + name] = encode_trees(trees[0]) if trees is not None else None
        for key in sorted(working.changed):
            customer = working.customers[key]
            documents[key] = encode_customer(customer) if customer is not None else None
        return Changes(documents, dict(working.due_changed), list(state.effects), Counter(state.counts))

    def committed(self, cache_limit: int) -> None:
        """The pending changes are durable."""
        self._outdated = None
        self.state.effects.clear()
        self.state.counts.clear()
        self.state.models_changed.clear()
        self.state.trees_changed.clear()
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
        self.state.dead_letter(record, "core_failure", detail)

    def next_due(self) -> int | None:
        """The earliest due time in the window."""
        first = self.state.working.due.first()
        return first[0] if first is not None else None

    def outdated(self) -> Written | None:
        """The earlier core that left this state; None once it is ours."""
        return self._outdated

    def watermark(self) -> int:
        """The partition's watermark."""
        return self.state.head.watermark

    def behind(self) -> int | None:
        """By how much it is behind its broker's clock where it was moved last."""
        return self.state.head.behind

    # -- running --------------------------------------------------------------------------------------------

    def _lacking_models(self) -> frozenset[str]:
        lacking = self.state.program.problems.keys() - self._models_admitted
        return frozenset(kind + name for name in lacking for kind in (MODEL, TREES))

    def _missing(self, entries: Sequence[JournalEntry], start: int) -> frozenset[str]:
        """Customers of the chunk, and customers due before its latest time, that are not loaded."""
        working = self.state.working
        keys = {e.key for e in entries[start:] if isinstance(e, _OF_CUSTOMERS)}
        latest = max((e.ms for e in entries[start:] if isinstance(e, _MOVING)), default=0)
        if latest > self.state.head.watermark:
            keys.update(working.due.before(latest, DUE_AHEAD))
        return working.missing(keys)

    def _run(
        self, records: Sequence[Record], entries: Sequence[JournalEntry], start: int, budget: int
    ) -> Progress:
        state, working = self.state, self.state.working
        due = working.due
        for index in range(start, len(records)):
            if len(working.changed) >= budget:
                return Progress(index, frozenset(), False)
            entry = entries[index]
            if isinstance(entry, _MOVING) and entry.ms > state.head.watermark:
                if not due.clear_before(entry.ms):
                    stopped = self._fire_before(entry.ms, index, budget)
                    if stopped is not None:
                        return stopped
                state.head.watermark = entry.ms
                state.head.behind = records[index].ms - entry.ms
            apply_entry(state, records[index], entry)
        return Progress(len(records), frozenset(), not records and due.unknown())

    def _fire_before(self, ms: int, index: int, budget: int) -> Progress | None:
        """Fires what is due before `ms`, in event-time order."""
        working = self.state.working
        due = working.due
        first = due.first()
        while first is not None and first[0] < ms:
            at, key = first
            if key not in working.customers:
                return Progress(index, working.missing(due.before(ms, DUE_AHEAD)), False)
            if len(working.changed) >= budget:
                return Progress(index, frozenset(), False)
            fire(self.state, key, at)
            fired, first = first, due.first()
            if first == fired:  # of another state than the customer: its commit will be refused
                due.set(key, None)
                first = due.first()
        return Progress(index, frozenset(), True) if first is None and not due.reaches(ms) else None
