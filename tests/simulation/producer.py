"""Simulated producers, with what the product uses of aiokafka's."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from forestall.agents.chunk import Place
from forestall.pipeline.store.values import OutboxRecord
from tests.simulation.broker import Broker, Identity
from tests.simulation.log import Sent

#: Records that fit into one batch.
BATCH = 7


class Taken(NamedTuple):
    """aiokafka's RecordMetadata, as far as it is used."""

    offset: int
    timestamp: int


class Batch:
    """aiokafka's BatchBuilder, as far as it is used."""

    def __init__(self) -> None:
        self.records: list[Sent] = []

    def append(self, *, key: bytes | None, value: bytes | None, timestamp: int | None) -> object | None:
        """Takes a record, or says with None that there is no room."""
        if len(self.records) == BATCH:
            return None
        self.records.append(Sent(key, value))
        return self


class SimulatedProducer:
    """A process' shared producer: to each partition one request at a time, in order. What arrives late, after a
    later batch of ours, is refused by the broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._tails: dict[Place, asyncio.Task[Taken]] = {}
        self._numbers: dict[Place, int] = {}
        self._landed: dict[Place, int] = {}

    async def partitions_for(self, topic: str) -> set[int]:
        """The partitions of a topic."""
        return set(range(self._broker.topics[topic]))

    def create_batch(self) -> Batch:
        """An empty batch."""
        return Batch()

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> Awaitable[Taken]:
        """Submits one record; the answer is what waits for the acknowledgement."""
        number = partition_of(key, self._broker.topics[topic]) if partition is None else partition
        return self._submit((topic, number), [Sent(key, value)])

    async def send_and_wait(self, *arguments: Any, **options: Any) -> Taken:
        """Submits one record, and waits for the acknowledgement."""
        return await (await self.send(*arguments, **options))

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> Awaitable[Taken]:
        """Submits a batch."""
        return self._submit((topic, partition), batch.records)

    def _submit(self, place: Place, records: Sequence[Sent]) -> asyncio.Future[Taken]:
        before = self._tails.get(place)
        number = self._numbers[place] = self._numbers.get(place, 0) + 1
        task = asyncio.create_task(self._send(place, records, number, before))
        task.add_done_callback(_heard)
        self._tails[place] = task
        return asyncio.shield(task)  # who is cancelled no longer waits for it, but it was submitted

    async def _send(
        self, place: Place, records: Sequence[Sent], number: int, before: asyncio.Task[Taken] | None
    ) -> Taken:
        if before is not None and not before.done():
            await asyncio.wait([before])
        broker = self._broker

        def append() -> Taken:
            if self._landed.get(place, 0) > number:
                raise KafkaError("out of order")
            self._landed[place] = number
            return Taken(broker.append(place, records), broker.wall())

        return await broker.request(append)


class SimulatedTransactions:
    """A connection of one transactional sender, as `transactions.Connection` has it."""

    def __init__(self, broker: Broker, identity: str) -> None:
        self._broker = broker
        self._identity = broker.identities.setdefault(identity, Identity(broker))
        self._epoch = 0

    async def start(self, places: Sequence[Place]) -> dict[Place, int]:
        """Fences, then reads the marks."""
        self._epoch = await self._ask(self._identity.start)
        marks = await self._ask(lambda: dict(self._identity.marks))
        return {place: marks.get(place, 0) for place in places}

    async def commit(self, records: Mapping[Place, Sequence[OutboxRecord]]) -> None:
        """One transaction."""
        who, epoch = self._identity, self._epoch
        for place, some in records.items():
            batch = [Sent(one.key, one.payload) for one in some]
            await self._ask(lambda place=place, batch=batch: who.add(epoch, place, batch))  # type: ignore[misc]
        marks = {place: some[-1].sequence for place, some in records.items()}
        await self._ask(lambda: who.mark(epoch, marks))
        await self._ask(lambda: who.commit(epoch))

    async def close(self) -> None:
        """Aborts what is open, where that goes."""
        try:
            await self._ask(lambda: self._identity.abort(self._epoch))
        except KafkaError:
            return

    async def _ask(self, action: Callable[[], Any]) -> Any:
        done: list[Any] = []

        def once() -> Any:  # these producers are idempotent
            if not done:
                done.append(action())
            return done[0]

        return await self._broker.request(once)


def partition_of(key: bytes | None, partitions: int) -> int:
    """Kafka's default partitioner for records with a key."""
    return int((murmur2(key or b"") & 0x7FFFFFFF) % partitions)


def _heard(task: asyncio.Task[Taken]) -> None:
    if not task.cancelled():
        task.exception()
