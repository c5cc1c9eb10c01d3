"""A relay over a store in memory, and receivers that keep what they get."""

import asyncio
from collections.abc import Sequence
from itertools import count

from aiokafka.errors import KafkaConnectionError

from forestall.agents.marks import Marks
from forestall.agents.relay import Lane, Relay
from forestall.pipeline.errors import SequenceGap
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.values import Commit, OutboxRecord


class Receiver:
    """Keeps what it gets, at most two records a time; with `marks` it knows its own mark."""

    def __init__(self, *, marks: bool = False, failures: int = 0) -> None:
        self.got: list[int] = []
        self.deliveries = 0
        self._marks = marks
        self._failures = failures

    async def mark(self) -> int | None:
        """See relay's Receiver."""
        return (self.got[-1] if self.got else 0) if self._marks else None

    async def deliver(self, records: Sequence[OutboxRecord]) -> int:
        """See relay's Receiver."""
        if self._failures:
            self._failures -= 1
            raise KafkaConnectionError
        if self._marks and records[0].sequence > (self.got[-1] if self.got else 0) + 1:
            raise SequenceGap("hole")
        self.deliveries += 1
        self.got += [record.sequence for record in records[:2]]
        return self.got[-1]

    async def close(self) -> None:
        """See relay's Receiver."""
        self.closed = True


class Bench:
    """A store with effects for `alerts`, and a relay over it."""

    def __init__(self, *receivers: Receiver, keep: float = 0.0, pause: float = 0.0) -> None:
        self.store = MemoryStore()
        self.errors: list[BaseException] = []
        self._commit: str | None = None
        self._numbers = count(1)
        self._receivers, self._keep, self._pause = receivers, keep, pause
        self.take_over()

    def take_over(self) -> None:
        """Another owner's relay, which was told of nothing yet."""
        marks = Marks(self.store)
        self.lanes = [
            Lane(self.store, marks, "alerts", f"alerts/{n}", receiver, lambda delivered: None, self._pause)
            for n, receiver in enumerate(self._receivers)
        ]
        self.relay = Relay(self.store, marks, self.lanes, self._keep, self.errors.append)

    async def emit(self, effects: int) -> None:
        """Commits so many effects."""
        await self.store.acquire("us")
        numbered = [OutboxRecord(next(self._numbers), None, b"{}") for _ in range(effects)]
        held = await self.store.held()
        commit = Commit(
            epoch="us",
            start=held.position,
            end=held.position + 1,
            commit_id=f"{numbered[-1].sequence}",
            expected_commit=held.commit,
            outboxes={"alerts": numbered},
        )
        await self.store.commit(commit)
        self.relay.wake({"alerts": numbered})

    async def until_sent(self, *numbers: int) -> None:
        """Waits until the lanes have recorded these numbers."""
        wanted = {f"alerts/{n}": number for n, number in enumerate(numbers)}
        async with asyncio.timeout(5):
            while await self.store.sent() != wanted:
                await asyncio.sleep(0.01)

    async def until_trimmed(self) -> None:
        """Waits until the outbox is empty."""
        async with asyncio.timeout(5):
            while await self.store.outbox_length("alerts"):
                await asyncio.sleep(0.01)
