"""Patches of the product: each takes one safeguard away, or breaks what a core must keep to."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import cycle
from typing import Any
from unittest.mock import patch

from forestall.agents.chunk import Chunked, Place
from forestall.agents.outcomes import OutcomeRelay
from forestall.agents.producing import submit
from forestall.agents.receivers import TopicReceiver
from forestall.agents.relay import Lane, Relay
from forestall.pipeline.core import applying, deciding
from forestall.pipeline.core.customer import Customer
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.head import Head
from forestall.pipeline.core.models.forest import Forest
from forestall.pipeline.store.values import OutboxRecord
from forestall.pipeline.training import trainer
from forestall.pipeline.training.fitting import Row
from tests.simulation.consumer import SimulatedConsumer
from tests.simulation.log import MARKER, Log
from tests.simulation.producer import SimulatedTransactions


def unmarked_receivers() -> AbstractContextManager[object]:
    """The cores take what they have taken before."""

    def takes(head: Head, sender: str, sequence: int, where: str) -> bool:
        head.marks[sender] = max(sequence, head.marks.get(sender, 0))
        return True

    return patch.object(Head, "takes", takes)


def marks_before_receipts() -> AbstractContextManager[object]:
    """What was sent counts as received, before the broker says so."""

    async def deliver(receiver: TopicReceiver, records: Sequence[OutboxRecord]) -> int:
        _, count = await submit(receiver._producer, (receiver._topic, receiver._partition), records)
        return records[count - 1].sequence

    return patch.object(TopicReceiver, "deliver", deliver)


def transactions_keep_no_mark() -> AbstractContextManager[object]:
    """How far was sent is only what the store was told afterwards."""
    begin = SimulatedTransactions.start

    async def start(connection: SimulatedTransactions, places: Sequence[Place]) -> dict[Place, int]:
        return dict.fromkeys(await begin(connection, places), 0)

    return patch.object(SimulatedTransactions, "start", start)


@contextmanager
def trims_too_early() -> Iterator[None]:
    """An outbox is dropped as soon as it is sent, though its receiver may yet fall back."""

    async def held(_relay: Relay, _lanes: Sequence[Lane], _through: int) -> bool:
        return True

    begin = Relay.__init__

    def without_keeping(relay: Relay, *arguments: Any) -> None:
        begin(relay, *arguments)
        relay._keep = 0.0

    with patch.object(Relay, "_still_held", held), patch.object(Relay, "__init__", without_keeping):
        yield


def commits_what_was_dropped() -> AbstractContextManager[object]:
    """Kafka hears that a chunk is done that was dropped."""

    def committable(_chunked: Chunked, _place: Place, acknowledged: int) -> int:
        return acknowledged

    return patch.object(Chunked, "committable", committable)


def drops_outcomes_before_telling() -> AbstractContextManager[object]:
    """What the queue's workers did is dropped there before the journal has it."""
    tell = OutcomeRelay._tell

    async def drop_and_tell(relay: OutcomeRelay, records: list[OutboxRecord]) -> None:
        if records:
            await relay._queue.trim(records[-1])
        await tell(relay, records)

    return patch.object(OutcomeRelay, "_tell", drop_and_tell)


def forgets_ids() -> AbstractContextManager[object]:
    """An event that a source sends again counts again."""
    return patch.object(applying, "is_repeated", lambda customer, source, id_: False)


def reads_uncommitted() -> AbstractContextManager[object]:
    """Consumers read what transactions have aborted."""

    def read(log: Log, start: int, end: int) -> list[Record]:
        return [log.entries[at] for at in range(start, end) if log.kinds[at] != MARKER]

    return patch.object(SimulatedConsumer, "reads", staticmethod(read))


def fits_other_trees_each_time() -> AbstractContextManager[object]:
    """Trees depend on more than the log."""
    fit, left_out = trainer.fit, cycle((0, 1))

    def fit_fewer(rows: Sequence[Row]) -> Forest | None:
        return fit(list(rows)[next(left_out) :])

    return patch.object(trainer, "fit", fit_fewer)


def core_that_raises() -> AbstractContextManager[object]:
    """The core raises at some events."""
    known = applying.is_repeated

    def is_repeated(customer: Customer, source: str, id_: str) -> bool:
        if id_.endswith("7"):
            raise KeyError
        return known(customer, source, id_)

    return patch.object(applying, "is_repeated", is_repeated)


def core_that_leaves_bytes_to_chance() -> AbstractContextManager[object]:
    """What the core writes is not the same when it writes it again."""
    encoded, blank = deciding.encode, cycle((b"", b" "))
    return patch.object(deciding, "encode", lambda decision: encoded(decision) + next(blank))
