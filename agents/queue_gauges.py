"""Shows how the queue stands: every worker shows the same queue, so dashboards take the maximum."""

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol

from forestall.pipeline.metrics import Metrics
from forestall.pipeline.queue.values import ActionState

EVERY = 2.0


class Queue(Protocol):
    """What is asked of the queue."""

    async def counts(self) -> Mapping[ActionState, int]:
        """How many actions are in each state."""

    async def longest_wait(self, now_ms: int) -> float:
        """Seconds."""


async def show_queue(queue: Queue, metrics: Metrics) -> None:
    """Looks every other second, until cancelled."""
    while True:
        for state, count in (await queue.counts()).items():
            metrics.queue_actions.labels(state).set(count)
        metrics.queue_oldest_ready.set(await queue.longest_wait(round(time.time() * 1000)))
        await asyncio.sleep(EVERY)
