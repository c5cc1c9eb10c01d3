"""How far the processors are behind: the logs' ends against the positions that committed state holds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import redis

from forestall.agents.kafka_clients import consumer
from forestall.agents.log_ends import ends_of, places_of
from forestall.agents.settings import Settings
from forestall.pipeline.errors import Unreachable
from forestall.pipeline.store.keys import PartitionKeys

#: The two processors and the roles of their logs.
LOGS = (("foresee", "events"), ("learn", "answers"))


class Lag(NamedTuple):
    """Records that are in the logs and not in committed state: of the journal and of the answers topic."""

    events: int
    answers: int


@contextmanager
def lag_meter(settings: Settings) -> Iterator[Callable[[], Lag]]:
    """A function that measures the lag now, in some 30 ms. Raises Unreachable if Kafka or Redis is."""
    with consumer(settings, wait_ms=10) as client, redis.Redis.from_url(settings.redis) as store:
        yield lambda: _measured(client, store, settings)


def _measured(client: Any, store: redis.Redis, settings: Settings) -> Lag:
    places = {processor: places_of(client, getattr(settings.topics, role)) for processor, role in LOGS}
    # Positions first: what is committed meanwhile then counts as lag, never the other way round.
    positions = {
        processor: _positions(store, settings, processor, len(places[processor])) for processor, _ in LOGS
    }
    ends = ends_of(client, [place for each in places.values() for place in each])
    return Lag(
        *(
            sum(max(0, ends[place] - at) for place, at in zip(places[name], positions[name], strict=True))
            for name, _ in LOGS
        )
    )


def _positions(store: redis.Redis, settings: Settings, processor: str, partitions: int) -> list[int]:
    keys = [
        PartitionKeys(settings.store_prefix, processor, partition).meta for partition in range(partitions)
    ]
    try:
        pipeline = store.pipeline(transaction=False)
        for key in keys:
            pipeline.hget(key, "position")
        return [int(position or 0) for position in pipeline.execute()]
    except redis.exceptions.RedisError as error:
        raise Unreachable(
            f"Redis does not answer ({error}): start it, or set `redis` (--redis, FORESTALL_REDIS) to where it is"
        ) from error
