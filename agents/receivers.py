"""Where effects go: the action queue, and partitions of topics. What they have in common is `Receiver`."""

from collections.abc import Sequence
from typing import Protocol

from aiokafka import AIOKafkaProducer

from forestall.pipeline.store.values import OutboxRecord


class Receiver(Protocol):
    """One destination of one sender."""

    async def mark(self) -> int | None:
        """The last sequence that the receiver holds of this sender; None if it keeps no mark itself."""

    async def deliver(self, records: Sequence[OutboxRecord]) -> int:
        """Delivers records in order, and returns the last sequence that is held. Raises if none is."""


class TopicReceiver:
    """A partition of a topic. One batch at a time: a batch lands whole or not at all, so order holds even on
    a broker that knows no idempotent producer."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, partition: int) -> None:
        self._producer = producer
        self._topic = topic
        self._partition = partition

    async def mark(self) -> int | None:
        """See Receiver. A topic keeps no mark; its readers do."""
        return None

    async def deliver(self, records: Sequence[OutboxRecord]) -> int:
        """See Receiver. Delivers what fits into one batch."""
        batch = self._producer.create_batch()
        last = None
        for record in records:
            if batch.append(key=record.key, value=record.payload, timestamp=None) is None:
                break
            last = record.sequence
        if last is None:
            large = records[0]
            await self._producer.send_and_wait(self._topic, large.payload, large.key, self._partition)
            return large.sequence
        await (await self._producer.send_batch(batch, self._topic, partition=self._partition))
        return last


class Queue(Protocol):
    """What the relay needs of the action queue."""

    async def mark(self, sender: str) -> int:
        """The last sequence that it took of the sender."""

    async def deliver(self, sender: str, records: Sequence[tuple[int, bytes]]) -> int:
        """Takes mark + 1 and what follows, ignores lower, raises SequenceGap on higher; returns the mark."""


class QueueReceiver:
    """The action queue, which keeps its own mark of each sender."""

    def __init__(self, queue: Queue, sender: str) -> None:
        self._queue = queue
        self._sender = sender

    async def mark(self) -> int | None:
        """See Receiver."""
        return await self._queue.mark(self._sender)

    async def deliver(self, records: Sequence[OutboxRecord]) -> int:
        """See Receiver."""
        return await self._queue.deliver(
            self._sender, [(record.sequence, record.payload) for record in records]
        )
