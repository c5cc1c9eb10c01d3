"""A worker whose deliveries are slow: `python -m tests.slow_relay_worker --alone`.

Every delivery takes SECONDS more, and a partition waits for its relay at BACKLOG undelivered effects, so that a test
sees it wait. All else is the real worker.
"""

import asyncio
import sys
from collections.abc import Sequence

from forestall.agents import owned, worker
from forestall.agents.relay import Lane
from forestall.pipeline.store.values import OutboxRecord

SECONDS = 0.5
BACKLOG = 300


async def slowly(lane: Lane) -> Sequence[OutboxRecord]:
    """The next records, after a while."""
    records = await _next(lane)
    await asyncio.sleep(SECONDS if records else 0)
    return records


_next = Lane._next


if __name__ == "__main__":
    Lane._next = slowly  # type: ignore[method-assign]  # that is the slowness
    owned.BACKLOG = BACKLOG
    sys.exit(worker.main())
