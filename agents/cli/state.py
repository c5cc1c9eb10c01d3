"""`forestall state`: the partitions' committed state, for comparing and looking."""

from collections.abc import Iterator
from typing import Any

import click
from redis.asyncio import Redis

from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.output import json_option, print_json, print_table
from forestall.agents.cli.redis_calls import ask_redis
from forestall.agents.settings import Settings
from forestall.pipeline.store.partition import PartitionStore
from forestall.pipeline.store.values import StoredState


@click.group()
def state() -> None:
    """Look at the partitions' committed state."""


@state.command(epilog=NOTE)
@settings_options("redis", "prefix", "partitions", "answers_partitions")
@json_option
def digest(settings: Settings, as_json: bool) -> None:
    """Print the SHA-256 of each partition's state: equal if and only if the states are, byte for byte.

    \b
    Example:
      forestall state digest
    """
    rows = []
    for processor, partition in _places(settings):
        stored = ask_redis(settings, lambda redis: _dump(redis, settings, processor, partition))  # noqa: B023 - runs at once
        rows.append((processor, partition, stored.position, len(stored.documents), stored.digest()))
    header = ["processor", "partition", "position", "documents", "sha256"]
    if not as_json:
        print_table(header, rows)
    for row in rows if as_json else ():
        print_json(dict(zip(header, row, strict=True)))


def _places(settings: Settings) -> Iterator[tuple[str, int]]:
    for processor, partitions in (("foresee", settings.partitions), ("learn", settings.answers_partitions)):
        yield from ((processor, partition) for partition in range(partitions))


async def _dump(redis: Redis, settings: Settings, processor: str, partition: int) -> StoredState:
    client: Any = redis
    return await PartitionStore(client, processor, partition, settings.store_prefix).dump()
