"""Broken products: each lacks one of the safeguards that exactly once rests on, and must be caught by some seed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec

from forestall.agents.chunk import Chunked, Place
from forestall.agents.producing import submit
from forestall.agents.receivers import TopicReceiver
from forestall.agents.relay import Lane, Relay
from forestall.pipeline.core import applying
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.head import Head
from forestall.pipeline.store.values import Commit, OutboxRecord
from tests.simulation.consumer import SimulatedConsumer
from tests.simulation.log import MARKER, Log
from tests.simulation.producer import SimulatedTransactions
from tests.simulation.queue_twin import MemoryQueue
from tests.simulation.redis import FencedStore
from tests.simulation.run import Result, Twins, simulate

changed = msgspec.structs.replace


class Unfenced(FencedStore):
    """Takes commits of whoever comes."""

    async def land(self, commit: Commit) -> None:
        await super().land(changed(commit, epoch=self._held.epoch or ""))


class Uncompared(FencedStore):
    """Takes commits wherever they start."""

    async def land(self, commit: Commit) -> None:
        held = self._held
        await super().land(changed(commit, start=held.position, expected_commit=held.commit))


class Unguarded(Uncompared):
    """Takes commits of whoever comes, wherever they start."""

    async def land(self, commit: Commit) -> None:
        await super().land(changed(commit, epoch=self._held.epoch or ""))


class Unmarked(MemoryQueue):
    """Takes what it has taken before."""

    def takes(self, sequence: int, mark: int) -> bool:
        return True


def _unmarked_receivers() -> AbstractContextManager[object]:
    def takes(head: Head, sender: str, sequence: int, where: str) -> bool:
        head.marks[sender] = max(sequence, head.marks.get(sender, 0))
        return True

    return patch.object(Head, "takes", takes)


def _marks_before_receipts() -> AbstractContextManager[object]:
    async def deliver(receiver: TopicReceiver, records: Sequence[OutboxRecord]) -> int:
        _, count = await submit(receiver._producer, (receiver._topic, receiver._partition), records)
        return records[count - 1].sequence

    return patch.object(TopicReceiver, "deliver", deliver)


def _transactions_keep_no_mark() -> AbstractContextManager[object]:
    """How far was sent is only what the store was told afterwards."""
    begin = SimulatedTransactions.start

    async def start(connection: SimulatedTransactions, places: Sequence[Place]) -> dict[Place, int]:
        return dict.fromkeys(await begin(connection, places), 0)

    return patch.object(SimulatedTransactions, "start", start)


@contextmanager
def _trims_too_early() -> Iterator[None]:
    async def held(_relay: Relay, _lanes: Sequence[Lane], _through: int) -> bool:
        return True

    begin = Relay.__init__

    def without_keeping(relay: Relay, *arguments: Any) -> None:
        begin(relay, *arguments)
        relay._keep = 0.0

    with patch.object(Relay, "_still_held", held), patch.object(Relay, "__init__", without_keeping):
        yield


def _commits_what_was_dropped() -> AbstractContextManager[object]:
    def committable(_chunked: Chunked, _place: Place, acknowledged: int) -> int:
        return acknowledged

    return patch.object(Chunked, "committable", committable)


def _forgets_ids() -> AbstractContextManager[object]:
    return patch.object(applying, "is_repeated", lambda customer, source, id_: False)


def _reads_uncommitted() -> AbstractContextManager[object]:
    def read(log: Log, start: int, end: int) -> list[Record]:
        return [log.entries[at] for at in range(start, end) if log.kinds[at] != MARKER]

    return patch.object(SimulatedConsumer, "reads", staticmethod(read))


class Mutant(NamedTuple):
    """What is broken: twins of Redis, and patches of the product."""

    twins: Twins = Twins()
    patches: Callable[[], AbstractContextManager[object]] = nullcontext


MUTANTS = {
    "fence": Mutant(Twins(store=Unfenced)),
    "position": Mutant(Twins(store=Uncompared)),
    "both": Mutant(Twins(store=Unguarded)),
    "queue-mark": Mutant(Twins(queue=Unmarked)),
    "marks": Mutant(patches=_unmarked_receivers),
    "early-mark": Mutant(patches=_marks_before_receipts),
    "forgotten-mark": Mutant(patches=_transactions_keep_no_mark),
    "early-trim": Mutant(patches=_trims_too_early),
    "dropped": Mutant(patches=_commits_what_was_dropped),
    "ids": Mutant(patches=_forgets_ids),
    "uncommitted": Mutant(patches=_reads_uncommitted),
}


#: What catches each, of all that may.
CAUGHT_BY = {
    "fence": {"fence"},
    "position": {"state", "emitted", "restart"},
    "both": {"state", "emitted", "fence"},
    "queue-mark": {"emitted"},
    "marks": {"state", "emitted"},
    "early-mark": {"gapless"},
    "forgotten-mark": {"committed once"},
    "early-trim": {"rest", "restart"},
    "dropped": {"taken in"},
    "ids": {"counted once"},
    "uncommitted": {"state"},
}


def simulate_mutant(name: str, seed: int) -> Result:
    """Runs one seed with the product broken so."""
    mutant = MUTANTS[name]
    with mutant.patches():
        return simulate(seed, mutant.twins)
