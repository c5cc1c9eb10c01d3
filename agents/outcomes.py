"""Brings what the queue's workers did into the journal: the relay of the queue's own outbox.

The worker that owns journal partition 0 does it. An event may come twice; its random id counts once.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from aiokafka import AIOKafkaProducer

from forestall.agents.settings import Settings
from forestall.pipeline.queue.queue import ActionQueue

BATCH = 200
#: How often it looks, in seconds.
EVERY = 0.25


class OutcomeRelay:
    """Reads the queue's outbox while `ours` says so. Events are keyed by customer, partitioned by murmur2."""

    def __init__(
        self, queue: ActionQueue, producer: AIOKafkaProducer, settings: Settings, ours: Callable[[], bool]
    ) -> None:
        self._queue = queue
        self._producer = producer
        self._topic = settings.topics.events
        self._keep = settings.outbox_seconds
        self._ours = ours
        self._sent = 0
        self._held: deque[tuple[float, int]] = deque()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not self._ours():
                self._sent = 0  # another owner trims meanwhile; what it left is sent again
                self._held.clear()
            elif await self._round():
                continue
            await asyncio.sleep(EVERY)

    async def _round(self) -> bool:
        now = asyncio.get_running_loop().time()
        while self._held and self._held[0][0] <= now - self._keep:
            await self._queue.trim(self._held.popleft()[1])
        records = await self._queue.outbox(self._sent, BATCH)
        if not records:
            return False
        sends = [await self._producer.send(self._topic, record.payload, record.key) for record in records]
        await asyncio.gather(*sends)
        self._sent = records[-1].sequence
        self._held.append((now, self._sent))
        return True
