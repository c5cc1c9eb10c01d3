"""Brings what the queue's workers did into the journal: the relay of the queue's own outbox.

The worker that owns journal partition 0 does it. An event may come twice; its random id counts once.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from aiokafka import AIOKafkaProducer

from forestall.agents.settings import Settings
from forestall.pipeline.store.values import OutboxRecord

BATCH = 200
#: How often it looks, in seconds.
EVERY = 0.25


class Outbox(Protocol):
    """What is needed of the action queue."""

    async def outbox(self, after: int, limit: int) -> list[OutboxRecord]:
        """At most `limit` records numbered above `after`, in order."""

    async def trim(self, through: OutboxRecord) -> None:
        """Drops the records up to this one, if it is still there as it is here."""


class OutcomeRelay:
    """Reads the queue's outbox while `ours` says so. Events are keyed by customer, partitioned by murmur2.

    The queue's shard may lose its last moments, and then gives the same numbers to other records. So it is not the
    number that says what was told, but the record: the last one told is read again, and if it is not there as it
    was, all that are there are looked at anew.
    """

    def __init__(
        self, queue: Outbox, producer: AIOKafkaProducer, settings: Settings, ours: Callable[[], bool]
    ) -> None:
        self._queue = queue
        self._producer = producer
        self._topic = settings.topics.events
        self._keep = settings.outbox_seconds
        self._ours = ours
        self._last: OutboxRecord | None = None
        self._told: dict[int, OutboxRecord] = {}
        self._trims: deque[tuple[float, OutboxRecord]] = deque()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not self._ours():
                self._last = None  # another owner trims meanwhile; what it left is sent again
                self._told.clear()
                self._trims.clear()
            elif await self._round():
                continue
            await asyncio.sleep(EVERY)

    async def _round(self) -> bool:
        """Tells some of what is new; says whether to look again at once."""
        await self._trim()
        last = self._last
        records = await self._queue.outbox(last.sequence - 1 if last else 0, BATCH)
        if last is not None and last not in records[:1]:
            self._last = None
            return bool(self._told) or bool(records)
        if not (records := records[last is not None :]):
            return False
        await self._tell([record for record in records if self._told.get(record.sequence) != record])
        self._last = records[-1]
        self._trims.append((asyncio.get_running_loop().time(), records[-1]))
        return True

    async def _tell(self, records: list[OutboxRecord]) -> None:
        sends = [await self._producer.send(self._topic, record.payload, record.key) for record in records]
        await asyncio.gather(*sends)
        self._told.update({record.sequence: record for record in records})

    async def _trim(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._trims and self._trims[0][0] <= now - self._keep:
            _, through = self._trims.popleft()
            await self._queue.trim(through)
            self._told = {number: one for number, one in self._told.items() if number > through.sequence}
