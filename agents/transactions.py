"""Exactly once for those who read committed: one sender's rounds, each one transaction with the sender's marks.

Whoever owns the partition by the store's epoch may fence; a zombie finds that it does not, and ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from aiokafka.errors import KafkaError, KafkaTimeoutError

from forestall.agents.chunk import Place
from forestall.pipeline.store.values import OutboxRecord

#: A transaction costs some 34 ms and half a dozen requests. So alerts and decisions of the same commit wait this
#: long for each other, in seconds,
GATHER = 0.01
#: and rounds begin this far apart, unless the last one was full.
EVERY = 0.2
FULL = 500


class Connection(Protocol):
    """A connection of one sender; see producing.TransactionalProducer."""

    async def start(self, places: Sequence[Place]) -> dict[Place, int]:
        """Fences earlier connections of the sender, and returns its marks."""

    async def commit(self, records: Mapping[Place, Sequence[OutboxRecord]]) -> None:
        """Commits records and their marks together."""

    async def close(self) -> None:
        """Ends the connection."""


class _Waiting:
    def __init__(self, place: Place, records: Sequence[OutboxRecord]) -> None:
        self.place, self.records = place, records
        self.outcome: BaseException | None = None
        self.done = False


class Transactions:
    """What one sender sends to `places`, as one transaction a round, of whatever waits.

    `ours` raises StaleEpoch if the partition is no longer ours: it is asked before each connection, since a
    connection fences. After an error the next call connects anew, and goes on from the marks: what the place holds
    by then is not sent again, even by who asked before and waited, while a successor delivered it.
    """

    def __init__(
        self, connect: Callable[[], Connection], places: Sequence[Place], ours: Callable[[], Awaitable[None]]
    ) -> None:
        self._connect, self._places, self._ours = connect, places, ours
        self._connection: Connection | None = None
        self._marks: dict[Place, int] = {}
        self._waiting: list[_Waiting] = []
        self._turn = asyncio.Lock()
        self._next_round = 0.0

    async def mark(self, place: Place) -> int:
        """The last sequence that the place holds of this sender."""
        async with self._turn:
            await self._connected()
            return self._marks[place]

    async def deliver(self, place: Place, records: Sequence[OutboxRecord]) -> int:
        """Delivers with the next round; returns the last sequence."""
        mine = _Waiting(place, records)
        self._waiting.append(mine)
        async with self._turn:  # whoever gets it takes along what waits behind
            if not mine.done:
                await self._pause()
                await self._round()
        if mine.outcome is not None:
            raise mine.outcome
        return records[-1].sequence

    async def close(self) -> None:
        """Ends the connection; an open transaction is aborted."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connected(self) -> Connection:
        if self._connection is None:
            await self._ours()
            self._connection = self._connect()
            try:
                self._marks = await self._connection.start(self._places)
            except Exception as error:
                await self.close()
                raise _as_kafkas(error) from error
        return self._connection

    async def _pause(self) -> None:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(GATHER, self._next_round - now))

    async def _round(self) -> None:
        took, self._waiting = self._waiting, []
        full = any(len(one.records) >= FULL for one in took)
        self._next_round = asyncio.get_running_loop().time() + (0.0 if full else EVERY)
        outcome: BaseException | None = None
        try:
            connection = await self._connected()
            if new := {one.place: some for one in took if (some := self._beyond_mark(one))}:
                await connection.commit(new)
                self._marks.update({place: some[-1].sequence for place, some in new.items()})
        except Exception as error:
            await self.close()
            outcome = _as_kafkas(error)
        for one in took:
            one.done, one.outcome = True, outcome

    def _beyond_mark(self, one: _Waiting) -> Sequence[OutboxRecord]:
        mark = self._marks[one.place]
        return [record for record in one.records if record.sequence > mark]


def _as_kafkas(error: Exception) -> Exception:
    """A library's slips, such as an assertion about its own state, are mended as Kafka's errors: connect anew."""
    found = error
    if isinstance(error, TimeoutError):
        found = KafkaTimeoutError("a transaction took too long")
    elif isinstance(error, AssertionError):
        found = KafkaError(f"the transactional producer is in no state to go on: {error}")
    return found
