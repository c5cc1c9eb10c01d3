"""Alerts and decisions on real Kafka: exactly once for who reads committed, whatever dies or wakes up late."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiokafka.errors import ProducerFenced

from forestall.agents.chunk import Place
from forestall.agents.producing import TransactionalProducer, started_producers
from forestall.agents.settings import Settings
from forestall.pipeline.errors import Unreachable
from forestall.pipeline.store.values import OutboxRecord
from tests.fleet import Fleet, settings_for
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis
from tests.servers.tansu import Tansu


@pytest.fixture
def fleet(kafka: Kafka, clean_redis: Redis, namespace: str, tmp_path: Path) -> Iterator[Fleet]:
    """A fleet without workers; they end with the test."""
    fleet = Fleet(settings_for(kafka.bootstrap, clean_redis.url, namespace), tmp_path)
    try:
        yield fleet
    finally:
        fleet.end()


def test_kills_in_the_middle_of_deliveries_repeat_no_alert_and_no_decision(fleet: Fleet) -> None:
    """Each of six kills falls somewhere in a round: before, within or after its transaction."""
    fleet.start("one")
    fleet.start("two")
    for number in range(6):
        fleet.produce(1_500, pace=0.1)
        worker = fleet.workers["one" if number % 2 else "two"]
        time.sleep(0.1 * number)
        worker.kill()
        worker.start()
    fleet.until_counted()
    fleet.check()


def test_a_worker_that_wakes_finds_its_outbox_delivered_and_delivers_none_of_it_again(fleet: Fleet) -> None:
    """It falls asleep with much to deliver, and goes on from where it stood; without transactions some 3,000 of
    these alerts are repeated."""
    fleet.settings = msgspec.structs.replace(fleet.settings, outbox_seconds=60.0)
    fleet.start("one")
    fleet.start("two")
    fleet.produce(500)
    fleet.until_counted()
    fleet.produce(8_000)
    fleet.wait_for(lambda: fleet.counted().total() > 1_500)
    fleet.workers["one"].pause()
    fleet.until_counted()
    fleet.workers["one"].resume()
    fleet.produce(2_000, pace=0.5)
    fleet.until_counted()
    fleet.check()


async def test_a_zombie_that_wakes_after_its_successor_delivered_adds_nothing(fleet: Fleet) -> None:
    """Its transaction was open when it fell asleep: its successor's start has ended that one."""
    alerts, decisions = (fleet.settings.topics.alerts, 1), (fleet.settings.topics.decisions, 1)
    async with started(fleet.settings, alerts, decisions) as (zombie, marks):
        assert marks == {alerts: 0, decisions: 0}
        await zombie.commit({alerts: numbered(1, 2), decisions: numbered(1)})
        await asleep_in_a_transaction(zombie, alerts, numbered(3))
        async with started(fleet.settings, alerts, decisions) as (successor, marked):
            assert marked == {alerts: 2, decisions: 1}
            await successor.commit({alerts: numbered(3, 4)})
            with pytest.raises(ProducerFenced):
                await zombie._producer.commit_transaction()  # type: ignore[union-attr]  # it was started
            await successor.commit({alerts: numbered(5)})
    async with started(fleet.settings, alerts, decisions) as (_, marks):
        assert marks == {alerts: 5, decisions: 1}
    values = [msgspec.json.decode(record.value or b"") for record in fleet.log(*alerts)[0]]
    assert values == [1, 2, 3, 4, 5]


async def test_a_broker_without_transactions_is_told_once_and_served(
    tansu: Tansu, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By "auto"; "on" refuses it with the remedy."""
    settings = Settings(kafka=tansu.bootstrap, prefix=namespace)
    producers = await started_producers(settings)
    await producers.shared.stop()
    assert not producers.transactions
    ours = [one for one in caplog.records if one.name.startswith("forestall")]
    assert len(ours) == 1
    assert "may come twice" in ours[0].message
    with pytest.raises(Unreachable, match='set `transactions` to "auto"'):
        await started_producers(msgspec.structs.replace(settings, transactions="on"))


@pytest.mark.parametrize(("transactions", "has"), [("auto", True), ("on", True), ("off", False)])
async def test_the_setting_says_whether_kafkas_transactions_are_used(
    kafka: Kafka, namespace: str, transactions: str, has: bool
) -> None:
    """Apache Kafka has them."""
    settings = msgspec.convert(
        {"kafka": kafka.bootstrap, "prefix": namespace, "transactions": transactions}, Settings
    )
    producers = await started_producers(settings)
    await producers.shared.stop()
    assert producers.transactions is has


async def test_a_record_larger_than_a_batch_keeps_its_place(fleet: Fleet) -> None:
    """It is sent by itself, in the same transaction."""
    alerts = (fleet.settings.topics.alerts, 0)
    large = OutboxRecord(2, None, b'"' + b"x" * 600_000 + b'"')
    async with started(fleet.settings, alerts) as (one, _):
        await one.commit({alerts: [*numbered(1), large, *numbered(3)]})
    assert [len(record.value or b"") for record in fleet.log(*alerts)[0]] == [1, 600_002, 1]


def numbered(*sequences: int) -> list[OutboxRecord]:
    """Records whose values are their numbers."""
    return [OutboxRecord(sequence, b"k", b"%d" % sequence) for sequence in sequences]


@asynccontextmanager
async def started(
    settings: Settings, *places: Place
) -> AsyncIterator[tuple[TransactionalProducer, dict[Place, int]]]:
    """A producer of the sender foresee/1, and its marks."""
    producer = TransactionalProducer(settings, settings.group("foresee-1"))
    try:
        yield producer, await producer.start(places)
    finally:
        await producer.close()


async def asleep_in_a_transaction(
    producer: TransactionalProducer, place: Place, records: list[OutboxRecord]
) -> None:
    """Sends records, and does not come to the commit."""
    inner = producer._producer
    assert inner is not None
    commit: Callable[[], object] = inner.commit_transaction

    async def nothing() -> None:
        pass

    inner.commit_transaction = nothing
    await producer.commit({place: records})
    inner.commit_transaction = commit
