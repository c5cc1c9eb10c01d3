"""When all is quiet: everything read, everything delivered, everything told to the journal."""

import asyncio
from collections.abc import Callable

from redis.exceptions import RedisError

from forestall.agents.lag import LOGS, Lag
from forestall.agents.settings import Settings
from forestall.pipeline.core.effects import NOTICES
from forestall.pipeline.errors import StateError
from forestall.pipeline.queue.queue import ActionQueue
from forestall.pipeline.store.connect import connect
from forestall.pipeline.store.partition import PartitionStore


def unrest(settings: Settings, lag: Callable[[], Lag]) -> str:
    """What is still to be done, in words; empty if nothing."""
    if any(behind := lag()):
        return f"{behind.events} events and {behind.answers} answers are not processed"
    try:
        return asyncio.run(_undelivered(settings))
    except (RedisError, OSError, StateError) as error:
        return f"Redis: {error}"


async def _undelivered(settings: Settings) -> str:
    redis = connect(settings.redis)
    try:
        if left := await ActionQueue(redis, settings.store_prefix).outbox(0, 1):
            return f"the queue's outbox still has number {left[0].sequence}"
        for processor, role in LOGS:
            count = settings.partitions if role == "events" else settings.answers_partitions
            for partition in range(count):
                store = PartitionStore(redis, processor, partition, settings.store_prefix)
                tops, sent = (await store.dump()).sequences, await store.sent()
                for destination, top in tops.items():
                    names = (
                        [f"{NOTICES}/{k}" for k in range(settings.partitions)]
                        if destination == NOTICES
                        else [destination]
                    )
                    for name in names:
                        if sent.get(name, 0) < top:
                            return f"{processor}/{partition}: {name} is delivered to {sent.get(name, 0)} of {top}"
        return ""
    finally:
        await redis.aclose()
