"""A partition's state as Redis has it now."""

import asyncio
from typing import Any

from redis.exceptions import RedisError

from forestall.agents.settings import Settings
from forestall.pipeline.errors import Unreachable
from forestall.pipeline.store.connect import connect
from forestall.pipeline.store.partition import PartitionStore
from forestall.pipeline.store.snapshot import Snapshot, take_snapshot


def live_snapshot(settings: Settings, processor: str, partition: int) -> Snapshot:
    """The state and the outbox. Raises Unreachable, or StateError while commits keep changing them."""

    async def read() -> Snapshot:
        redis: Any = connect(settings.redis)
        try:
            return await take_snapshot(PartitionStore(redis, processor, partition, settings.store_prefix))
        finally:
            await redis.aclose()

    try:
        return asyncio.run(read())
    except (RedisError, OSError) as error:
        raise Unreachable(
            f"Redis does not answer ({error}): start it, or set `redis` (--redis, FORESTALL_REDIS) to where it listens"
        ) from error
