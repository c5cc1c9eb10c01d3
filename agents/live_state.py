"""A partition's state as Redis has it now."""

from typing import Any

from forestall.agents.redis_calls import ask_redis
from forestall.agents.settings import Settings
from forestall.pipeline.store.partition import PartitionStore
from forestall.pipeline.store.snapshot import Snapshot, take_snapshot
from forestall.pipeline.store.values import Reading


def live_snapshot(settings: Settings, processor: str, partition: int) -> Snapshot:
    """The state and the outbox. Raises Unreachable."""

    async def read(redis: Any) -> Snapshot:
        return await take_snapshot(PartitionStore(redis, processor, partition, settings.store_prefix))

    return ask_redis(settings, read)


def live_reading(settings: Settings, processor: str, partition: int) -> Reading:
    """The state, and where it stands. Raises Unreachable."""

    async def read(redis: Any) -> Reading:
        return await PartitionStore(redis, processor, partition, settings.store_prefix).read()

    return ask_redis(settings, read)
