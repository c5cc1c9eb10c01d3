"""Counting workers on real Kafka and Redis, under what happens to workers: exactly once in effect."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from forestall.agents.settings import Settings
from tests.fleet import Fleet
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis


def settings_for(kafka: str, redis: str, prefix: str, breaker: str = "on") -> Settings:
    """Small chunks and a short session, so that much happens in little time."""
    return Settings(
        kafka=kafka,
        redis=redis,
        prefix=prefix,
        partitions=4,
        answers_partitions=2,
        session_timeout=2.0,
        chunk_limit=100,
        outbox_seconds=0.5,
        web_port=0,
        breaker="off" if breaker == "off" else "on",
    )


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
