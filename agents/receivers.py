"""Where effects go: the action queue, and partitions of topics. What they have in common is `Receiver`."""

from collections.abc import Sequence
from typing import Protocol

from aiokafka import AIOKafkaProducer

from forestall.agents.producing import submit
from forestall.agents.transactions import Transactions
from forestall.pipeline.store.interface import Store
from forestall.pipeline.store.values import OutboxRecord


class Receiver(Protocol):
    """One destination of one sender."""

    async def mark(self) -> int | None:
        """The last sequence that the receiver holds of this sender; None if it keeps no mark itself."""

    async def deliver(self, records: Sequence[OutboxRecord]) -> int:
        """Delivers records in order, and returns the last sequence that is held. Raises if none is."""

    async def close(self) -> None:
        """The sender no longer delivers."""


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
        sent, count = await submit(self._producer, (self._topic, self._partition), records)
        await sent
        return records[count - 1].sequence

    async def close(self) -> None:
        """See Receiver. The producer is shared."""


class TransactionalReceiver:
    """A partition of a topic whose readers read committed: what it holds it holds once.

    `source` names the sender's outbox. Its recorded mark counts where it is the higher: Kafka forgets marks that
    have not moved for a week, and while there were no transactions they did not.
    """

    def __init__(
        self, transactions: Transactions, topic: str, partition: int, store: Store, source: str
    ) -> None:
        self._transactions, self._place = transactions, (topic, partition)
        self._store, self._source = store, source

    async def mark(self) -> int | None:
        """See Receiver."""
        mark = await self._transactions.mark(self._place)
        return max(mark, (await self._store.sent()).get(self._source, 0))

    async def deliver(self, records: Sequence[OutboxRecord]) -> int:
        """See Receiver."""
        return await self._transactions.deliver(self._place, records)

    async def close(self) -> None:
        """See Receiver."""
        await self._transactions.close()


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

    async def close(self) -> None:
        """See Receiver. The queue is shared."""
