"""A configuration that reached only some partitions reaches them all."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from forestall.agents.configuration import apply_configuration
from forestall.agents.copies import complete
from forestall.agents.follow import follow
from forestall.agents.owned import Owned
from forestall.agents.settings import Settings
from forestall.agents.topics import apply_topics
from forestall.schemas.catalogue import CatalogueFile
from forestall.schemas.event import CATALOGUE, decode_event
from tests.servers.kafka import Kafka


def partition(number: int, version: int | None, *, read: bool = True) -> Owned:
    """A partition that holds this version of the configuration."""
    core = SimpleNamespace(configured=lambda: version)
    return cast(Owned, SimpleNamespace(core=core, place=("events", number), read_to_end=lambda: read))


def copies(settings: Settings) -> list[int]:
    """The journal partitions of all copies."""
    found: list[Any] = list(
        follow(settings.topics.events, decode_event, settings, start="beginning", until_now=True)
    )
    return sorted(one.partition for one in found if one.content.type == CATALOGUE)


def test_a_partition_that_missed_the_configuration_is_sent_it(kafka: Kafka, namespace: str) -> None:
    """Behind and read to the end: it is sent. Up to date, still reading, or without a configuration: not."""
    settings = Settings(kafka=kafka.bootstrap, prefix=namespace, partitions=5)
    apply_topics(settings)
    apply_configuration([CatalogueFile("a.toml", "")], "salt", settings)
    apply_configuration([CatalogueFile("b.toml", "")], "salt", settings)
    before = copies(settings)
    ours = [
        partition(0, 1),
        partition(1, 0),
        partition(2, -1),
        partition(3, 0, read=False),
        partition(4, None),
    ]
    asyncio.run(complete(ours, settings))
    added = copies(settings)
    for one in before:
        added.remove(one)
    assert added == [1, 2]


def test_a_broker_that_does_not_answer_ends_nothing() -> None:
    """It is tried again the next time."""
    settings = msgspec.structs.replace(Settings(), kafka="127.0.0.1:1")
    asyncio.run(complete([partition(0, -1)], settings))
