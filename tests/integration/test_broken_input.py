"""Ten thousand broken inputs meet a real worker on real Kafka and Redis."""

import time
from pathlib import Path

from kafka.partitioner import murmur2

from forestall.agents.kafka_clients import producer
from forestall.agents.settings import Settings
from forestall.schemas.deadletter import DeadLetter, decode_dead_letter
from tests.builders.broken import Input, broken
from tests.builders.operation import DEPLOY
from tests.live import Live, live
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis

Place = tuple[int, int]


def send(one: Live, inputs: list[Input]) -> dict[Place, Input]:
    """Into the journal, by key as a producer would; where each input came to lie."""
    topic, partitions = one.settings.topics.events, one.settings.partitions
    with producer(one.settings) as client:
        sent = [
            client.send(
                topic, found.value, found.key, partition=murmur2(found.key or b"") % 0x80000000 % partitions
            )
            for found in inputs
        ]
        client.flush()
        placed = [future.get(30) for future in sent]
    return {(at.partition, at.offset): found for at, found in zip(placed, inputs, strict=True)}


def letters(one: Live) -> list[DeadLetter]:
    """The dead letters, as they lie in their topic."""
    return [decode_dead_letter(record.value) for record in one.read(one.settings.topics.deadletters)]


def test_every_broken_input_is_processed_or_dead_lettered_whole_and_the_worker_lives(
    kafka: Kafka, clean_redis: Redis, namespace: str, tmp_path: Path
) -> None:
    """With the breaker off: one dead letter each, with its cause and bytes; nothing lost, nothing twice."""
    settings = Settings(
        kafka=kafka.bootstrap, redis=clean_redis.url, prefix=namespace, partitions=4, breaker="off"
    )
    with live(settings, tmp_path) as one:
        one.configure(DEPLOY / "catalogues" / "retail.toml")
        one.worker.start()
        inputs = send(one, broken(seed=11, count=10_000, now_ms=round(time.time() * 1000)))
        expected = {place: found.fate for place, found in inputs.items() if found.fate != "processed"}
        one.until_processed()
        one.until(lambda: len(letters(one)) >= len(expected))
        found = {(letter.partition, letter.offset): letter for letter in letters(one)}
        assert {place: letter.cause for place, letter in found.items()} == expected
        assert len(letters(one)) == len(expected)
        for place, letter in found.items():
            assert (letter.topic, letter.key, letter.value) == (
                settings.topics.events, inputs[place].key, inputs[place].value
            )  # fmt: skip
        assert one.worker.alive, one.last_words()


def test_the_breaker_stops_the_worker_once_with_a_clear_message(
    kafka: Kafka, clean_redis: Redis, namespace: str, tmp_path: Path
) -> None:
    """With the breaker on, supervised: the same inputs end it for good, and what it read is kept."""
    settings = Settings(kafka=kafka.bootstrap, redis=clean_redis.url, prefix=namespace, partitions=4)
    with live(settings, tmp_path, supervised=True) as one:
        one.configure(DEPLOY / "catalogues" / "retail.toml")
        send(one, broken(seed=12, count=1_000, now_ms=round(time.time() * 1000)))
        one.worker.start()
        one.until(lambda: not one.worker.alive)
        log = one.worker.log.read_text()
        assert log.count("BreakerOpen: ") == 1
        assert "could not be processed; the last one:" in log
        assert "forestall worker --breaker off" in log
        assert "starting it again" not in log
