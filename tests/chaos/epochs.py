"""Who owns which partition, as the store tells by epochs: to know when another owner has taken what one had."""

import time
from collections.abc import Callable

import redis

from forestall.agents.settings import Settings
from forestall.pipeline.store.keys import PartitionKeys

#: How long a new owner is waited for, in seconds; and within how many seconds of the first partition all are taken.
TAKEN_WITHIN = 20.0
TOGETHER = 0.25


def epochs(settings: Settings) -> list[bytes | None]:
    """The epoch of every partition of both processors."""
    places = [("foresee", partition) for partition in range(settings.partitions)]
    places += [("learn", partition) for partition in range(settings.answers_partitions)]
    with redis.Redis.from_url(settings.redis) as client, client.pipeline(transaction=False) as asked:
        for place in places:
            asked.hget(PartitionKeys(settings.store_prefix, *place).meta, "epoch")
        found: list[bytes | None] = asked.execute()
        return found


def until_taken(settings: Settings, before: list[bytes | None], meanwhile: Callable[[float], None]) -> bool:
    """Waits until all partitions have other epochs than `before`, or the first ones had them for a moment; False if
    none has. `meanwhile` is called with the time, again and again."""
    ends = time.monotonic() + TAKEN_WITHIN
    any_taken = False
    while (now := time.monotonic()) < ends:
        meanwhile(now)
        taken = [epoch != old for epoch, old in zip(epochs(settings), before, strict=True)]
        if all(taken):
            return True
        if any(taken) and not any_taken:
            any_taken, ends = True, now + TOGETHER
        time.sleep(0.01)
    return any_taken
