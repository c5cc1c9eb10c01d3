"""The intake between a chunk and the brokers' acknowledgements."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry

from forestall.agents.breaker import Breaker
from forestall.agents.chunk import Chunk, Chunked, Place
from forestall.agents.intake import ForeignTopic, Intake
from forestall.agents.settings import Settings
from forestall.pipeline.core.effects import Record
from forestall.pipeline.errors import BreakerOpen
from forestall.pipeline.metrics import Metrics
from forestall.pipeline.sources.mapping_file import read_mappings
from forestall.schemas.event import decode_event

MAPPING = read_mappings('[[intake]]\ntopic = "shop"\ntype = "a.b"\ncustomer = "c"')[0]
PLACE = ("shop", 0)


class Batch(list[bytes]):
    """A batch of two records at most."""

    def append(self, *, key: bytes | None, value: bytes, timestamp: int | None) -> object:  # type: ignore[override]  # as aiokafka's
        if len(self) == 2:
            return None
        super().append(value)
        return object()


class Brokers:
    """Takes batches, and fails at the one with the number `fails`."""

    def __init__(self, fails: int = -1) -> None:
        self.sent: list[tuple[str, int, list[bytes]]] = []
        self.unacknowledged = 0
        self._fails = fails

    async def partitions_for(self, _topic: str) -> set[int]:
        return {0}

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[None]:
        assert self.unacknowledged == 0, "a batch was sent before the one before was acknowledged"
        self.unacknowledged += 1
        acknowledged = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(self._acknowledge, acknowledged, topic, partition, batch)
        return acknowledged

    def _acknowledge(self, future: asyncio.Future[None], topic: str, partition: int, batch: Batch) -> None:
        self.unacknowledged -= 1
        if len(self.sent) == self._fails:
            future.set_exception(KafkaError())
        else:
            self.sent.append((topic, partition, list(batch)))
            future.set_result(None)


async def no_offsets(places: Collection[Place]) -> Mapping[Place, int | None]:
    """A group that has read nothing."""
    return dict.fromkeys(places)


def scene(brokers: Brokers, registry: CollectorRegistry, **options: Any) -> tuple[Intake, Chunked]:
    """An intake that owns the foreign partition."""
    intake = Intake(
        [ForeignTopic(MAPPING, "t0")],
        Settings(),
        cast(AIOKafkaProducer, brokers),
        Metrics(registry, strict=True),
        Breaker(**options),
        no_offsets,
    )
    chunked = Chunked(intake.topics, intake.positions, lambda error: None)
    intake.assigned([PLACE, ("forestall.events", 0)], chunked)
    return intake, chunked


def chunk(chunked: Chunked, *values: bytes) -> Chunk:
    """These values as fetched under the present assignment."""
    records = [Record(7 + number, 1_000, None, value) for number, value in enumerate(values)]
    return Chunk(*PLACE, records, 7, 7 + len(values), chunked.epochs[PLACE], 20)


GOOD = [b'{"c": "c-%d"}' % number for number in range(5)]


async def test_a_chunk_is_done_when_all_its_events_are_acknowledged() -> None:
    """One batch after the other, in the order of the records; counted by topic."""
    registry, brokers = CollectorRegistry(), Brokers()
    intake, chunked = scene(brokers, registry)
    await intake.process(chunk(chunked, *GOOD), chunked)
    assert [len(batch) for _, _, batch in brokers.sent] == [2, 2, 1]
    sent = [decode_event(value) for _, _, batch in brokers.sent for value in batch]
    assert [event.id for event in sent] == [f"t0/0/{7 + number}" for number in range(5)]
    assert registry.get_sample_value("forestall_intake_events_total", {"topic": "shop"}) == 5
    labels = {"processor": "intake", "partition": "shop/0"}
    assert registry.get_sample_value("forestall_lag_records", labels) == 20 - 12
    assert chunked.done == {PLACE: 12}


async def test_a_failed_send_is_raised_before_anything_later_is_sent() -> None:
    """The chunk is not done, and no later event of a customer overtakes one that failed."""
    brokers = Brokers(fails=1)
    intake, chunked = scene(brokers, CollectorRegistry())
    with pytest.raises(KafkaError):
        await intake.process(chunk(chunked, *GOOD), chunked)
    assert [len(batch) for _, _, batch in brokers.sent] == [2]
    assert chunked.done == {}


async def test_a_chunk_of_an_earlier_assignment_is_dropped() -> None:
    """It will be fetched again, from the committed offset."""
    brokers = Brokers()
    intake, chunked = scene(brokers, CollectorRegistry())
    stale = chunk(chunked, *GOOD)
    intake.assigned([PLACE], chunked)
    await intake.process(stale, chunked)
    intake.revoked([PLACE], chunked)
    await intake.process(stale, chunked)
    assert brokers.sent == []
    assert chunked.epochs == chunked.done == {}


async def test_dead_letters_are_out_before_the_breaker_opens() -> None:
    """What stops the worker can be looked at."""
    registry, brokers = CollectorRegistry(), Brokers()
    intake, chunked = scene(brokers, registry, in_a_row=3)
    with pytest.raises(BreakerOpen):
        await intake.process(chunk(chunked, b"[", b"{}", b"\xff"), chunked)
    assert {topic for topic, _, _ in brokers.sent} == {"forestall.deadletters"}
    assert sum(len(batch) for _, _, batch in brokers.sent) == 3
    assert registry.get_sample_value("forestall_dead_letters_total", {"cause": "not_json"}) == 2


async def test_processors_partitions_are_left_to_them() -> None:
    """Only foreign topics get the intake's mark, and only they are asked of Kafka."""
    intake, chunked = scene(Brokers(), CollectorRegistry())
    assert set(chunked.epochs) == {PLACE}
    assert await intake.positions([PLACE]) == {PLACE: None}
    assert await intake.positions([]) == {}
