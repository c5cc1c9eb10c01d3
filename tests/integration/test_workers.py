"""Counting workers on real Kafka and Redis, under what happens to workers: exactly once in effect."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from kafka import TopicPartition

from forestall.agents.kafka_clients import admin, producer
from forestall.schemas.deadletter import DeadLetter, decode_dead_letter
from tests.counting import POISON
from tests.fleet import Fleet, settings_for
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis


@pytest.fixture
def fleet(kafka: Kafka, clean_redis: Redis, namespace: str, tmp_path: Path) -> Iterator[Fleet]:
    """A fleet without workers; they end with the test."""
    fleet = Fleet(settings_for(kafka.bootstrap, clean_redis.url, namespace), tmp_path)
    try:
        yield fleet
    finally:
        fleet.end()


def test_two_workers_share_the_work_and_one_may_be_killed(fleet: Fleet) -> None:
    """SIGKILL in the middle; the other takes over, and a third joins."""
    fleet.start("one")
    fleet.start("two")
    fleet.produce(6_000)
    fleet.wait_for(lambda: fleet.counted().total() > 500)
    fleet.workers["one"].kill()
    fleet.produce(6_000, pace=0.05)
    fleet.start("three")
    fleet.produce(3_000, pace=0.05)
    fleet.until_counted()
    fleet.check()


def test_a_zombie_cannot_write(fleet: Fleet) -> None:
    """Stopped for longer than its session, then let go on: its partitions have new owners by then."""
    fleet.start("one")
    fleet.start("two")
    fleet.produce(4_000, pace=0.02)
    fleet.workers["one"].pause()
    fleet.produce(4_000, pace=0.02)
    fleet.until_counted()
    fleet.workers["one"].resume()
    fleet.produce(4_000, pace=0.05)
    fleet.until_counted()
    fleet.check()


def test_workers_come_and_go_in_order(fleet: Fleet) -> None:
    """Every rebalance moves partitions; each ends its chunk in hand, and its successor goes on from there."""
    fleet.start("one")
    fleet.produce(3_000, pace=0.02)
    fleet.start("two")
    fleet.produce(3_000, pace=0.1)
    began = time.monotonic()
    fleet.workers["one"].stop(grace=10)
    assert time.monotonic() - began < 10
    fleet.produce(3_000, pace=0.02)
    fleet.until_counted()
    fleet.check()


def test_a_store_that_loses_its_last_moments_is_made_good(
    fleet: Fleet, clean_redis: Redis, tmp_path: Path
) -> None:
    """Redis is killed in the middle: what was not yet on disk comes again from the log."""
    fleet.start("one", "--supervised")
    fleet.produce(3_000, pace=0.02)
    clean_redis.kill()
    clean_redis.start()
    fleet.produce(3_000, pace=0.02)
    fleet.until_counted()
    fleet.check()


def test_an_event_on_which_the_core_raises_is_dead_lettered_and_the_worker_lives(fleet: Fleet) -> None:
    """All around it is counted."""
    fleet.start("one")
    fleet.produce(500)
    poison(fleet, 3)
    fleet.produce(500)
    fleet.until_counted()
    fleet.wait_for(lambda: len(letters(fleet)) == 3)
    assert {(letter.value, letter.cause) for letter in letters(fleet)} == {(POISON, "core_failure")}
    assert fleet.workers["one"].alive
    fleet.check()


def test_the_breaker_stops_a_supervised_worker_once_and_for_good(fleet: Fleet) -> None:
    """Its message says why, and how to go on; what it read is in the dead letters."""
    worker = fleet.start("one", "--supervised")
    fleet.produce(200)
    fleet.until_counted()
    poison(fleet, 150)
    fleet.wait_for(lambda: not worker.alive)
    log = worker.log.read_text()
    assert log.count("BreakerOpen: 100 records in a row could not be processed") == 1
    assert "forestall worker --breaker off" in log
    assert "starting it again" not in log


def test_a_position_that_the_log_no_longer_has_stops_the_worker_with_the_remedy(fleet: Fleet) -> None:
    """Never a silent skip to the earliest record."""
    fleet.start("one")
    fleet.produce(1_000)
    fleet.until_counted()
    fleet.workers["one"].stop(grace=10)
    fleet.produce(1_000)
    topic = fleet.settings.topics.events
    with admin(fleet.settings) as client:
        client.delete_records({TopicPartition(topic, 2): fleet.log(topic, 2)[1]})
    worker = fleet.start("two", "--supervised")
    fleet.wait_for(lambda: not worker.alive)
    log = worker.log.read_text()
    assert f"PositionLost: {topic} partition 2: the state stands at position" in log
    assert "delete this partition's state" in log
    assert "starting it again" not in log


def test_transactions_of_others_in_the_journal_leave_holes_and_no_trace(fleet: Fleet) -> None:
    """What was aborted is not counted, and markers move the position."""
    asyncio.run(in_transactions(fleet, committed=True))
    fleet.start("one")
    asyncio.run(in_transactions(fleet, committed=False))
    asyncio.run(in_transactions(fleet, committed=True))
    fleet.until_counted()
    fleet.check()


def poison(fleet: Fleet, count: int) -> None:
    """Events on which the core raises."""
    with producer(fleet.settings) as client:
        for _ in range(count):
            client.send(fleet.settings.topics.events, POISON, key=b"p", partition=1)


def letters(fleet: Fleet) -> list[DeadLetter]:
    """All dead letters of journal partition 1."""
    return [
        decode_dead_letter(one.value or b"") for one in fleet.log(fleet.settings.topics.deadletters, 1)[0]
    ]


async def in_transactions(fleet: Fleet, *, committed: bool) -> None:
    """Five transactions of forty events each."""
    settings = fleet.settings
    client = AIOKafkaProducer(bootstrap_servers=settings.kafka, transactional_id=f"{settings.prefix}-t")
    await client.start()
    for _ in range(5):
        await client.begin_transaction()
        for number in range(40):
            await client.send(settings.topics.events, b'"event"', b"k%d" % number)
        await (client.commit_transaction() if committed else client.abort_transaction())
        fleet.sent.update({f"c/k{number}": 1 for number in range(40 * committed)})
    await client.stop()


def test_a_worker_without_its_topics_says_what_to_run(fleet: Fleet, tmp_path: Path) -> None:
    """And is not restarted: a restart makes no topics."""
    settings = msgspec.structs.replace(fleet.settings, answers_partitions=9)
    other = Fleet(fleet.settings, tmp_path)
    other.settings = settings
    worker = other.start("lost", "--supervised")
    other.wait_for(lambda: not worker.alive)
    log = worker.log.read_text()
    assert "ConfigurationError" in log
    assert "should be 9; set the settings' number to 2" in log
    assert "starting it again" not in log
