"""Support at work: claims actions and does, releases, snoozes or forgets them, while everything fails around it."""

import asyncio
import contextlib
import threading
from random import Random

from redis.exceptions import RedisError

from forestall.agents.settings import Settings
from forestall.pipeline.errors import ForestallError
from forestall.pipeline.queue.queue import ActionQueue
from forestall.pipeline.queue.values import Claim
from forestall.pipeline.store.connect import connect

#: A short lease, so that forgotten claims run out.
LEASE_MS = 2_000


class Support:
    """Works the queue in a thread of its own until it is told to stop."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self._settings, self._random = settings, Random(seed)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()), daemon=True)
        self.done = 0

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Goes home; what is claimed is never finished."""
        self._ends.set()
        self._thread.join(15)

    async def _work(self) -> None:
        redis = connect(self._settings.redis)
        queue = ActionQueue(redis, self._settings.store_prefix)
        while not self._ends.is_set():
            with contextlib.suppress(RedisError, OSError, ForestallError):
                for claim in await queue.claim("support", self._random.randrange(1, 4), LEASE_MS):
                    await self._handle(queue, claim)
            await asyncio.sleep(0.15)
        await redis.aclose()

    async def _handle(self, queue: ActionQueue, claim: Claim) -> None:
        name, token = claim.alert.id, claim.token
        match self._random.randrange(8):
            case 0:
                await queue.release(name, token)
            case 1:
                await queue.snooze(name, token, 500)
            case 2:
                pass
            case _:
                await queue.done(name, token, "helped")
                self.done += 1
