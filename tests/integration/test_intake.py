"""Foreign topics enter the journal through a worker, on real Kafka and Redis."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka.admin import NewTopic
from kafka.partitioner import murmur2

from forestall.agents.child import Child, free_port
from forestall.agents.kafka_clients import admin, consumer, producer
from forestall.agents.log_ends import places_of
from forestall.agents.settings import Settings
from forestall.agents.topics import apply_topics
from forestall.schemas.deadletter import DeadLetter, decode_dead_letter
from forestall.schemas.event import Event, decode_event
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis

ORDERS, CUSTOMERS = 3_000, 40
BROKEN = (b"", b"\xff\xfe", b"[", b'{"buyer": {}}', b'{"buyer": {"id": "c-1"}}', None)


class Scene(NamedTuple):
    """A worker that is not started yet, over topics of its own, one of which is foreign."""

    settings: Settings
    worker: Child
    foreign: str


@pytest.fixture
def scene(kafka: Kafka, clean_redis: Redis, namespace: str, tmp_path: Path) -> Iterator[Scene]:
    """See Scene; the worker ends with the test."""
    foreign = f"{namespace}.shop.orders"
    (file := tmp_path / "intake.toml").write_text(
        f'[[intake]]\ntopic = "{foreign}"\ntype = "order.item"\ncustomer = "buyer.id"\ntime = "at"\n'
        'time_format = "epoch_ms"\nsubject = "order"\nrows = "items"\ndata = { n = "n", sku = "row.sku" }\n'
    )
    settings = Settings(
        kafka=kafka.bootstrap, redis=clean_redis.url, prefix=namespace, partitions=4, intake=str(file)
    )
    apply_topics(settings)
    with admin(settings) as client:
        client.create_topics([NewTopic(foreign, 3, 1)])
        client.wait_for_topics([foreign])
    names = ("kafka", "redis", "prefix", "partitions", "intake")
    environment = {f"FORESTALL_{name.upper()}": str(getattr(settings, name)) for name in names}
    environment |= {"FORESTALL_BREAKER": "off", "FORESTALL_WEB_PORT": str(free_port())}
    environment |= {"FORESTALL_SESSION_TIMEOUT": "2", "FORESTALL_CHUNK_LIMIT": "50"}
    command = [sys.executable, "-m", "forestall.agents.worker", "--alone"]
    worker = Child("worker", command, tmp_path, environment=environment)
    try:
        yield Scene(settings, worker, foreign)
    finally:
        worker.kill()


def order(number: int) -> bytes:
    """An order of two items; its number says its place in its customer's order."""
    at = 1_700_000_000_000 + number
    buyer = {"id": f"c-{number % CUSTOMERS}"}
    items = [{"sku": "A"}, {"sku": "B"}]
    return json.dumps({"order": number, "n": number, "at": at, "buyer": buyer, "items": items}).encode()


def fill(scene: Scene) -> None:
    """Orders spread over the foreign topic with its own keys, one customer always in one partition; and
    what is broken between them."""
    with producer(scene.settings) as client:
        for number in range(ORDERS):
            client.send(scene.foreign, order(number), partition=number % CUSTOMERS % 3)
            if number % 100 == 0:
                client.send(scene.foreign, BROKEN[number // 100 % len(BROKEN)], key=b"k", partition=1)


def read(settings: Settings, topic: str) -> list[Any]:
    """All records of a topic, in the order of their partitions."""
    with consumer(settings, wait_ms=200) as client:
        places = places_of(client, topic)
        client.assign(places)
        client.seek_to_beginning()
        ends = client.end_offsets(places)
        found = []
        while any(client.position(place) < end for place, end in ends.items()):
            for records in client.poll(timeout_ms=500).values():
                found += records
    return found


def events(scene: Scene) -> list[tuple[Any, Event]]:
    """What the intake wrote to the journal."""
    records = read(scene.settings, scene.settings.topics.events)
    found = [(record, decode_event(record.value)) for record in records]
    return [(record, event) for record, event in found if event.type == "order.item"]


def written(scene: Scene, client: Any) -> int:
    """How many records the journal has."""
    return int(sum(client.end_offsets(places_of(client, scene.settings.topics.events)).values()))


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def test_every_foreign_record_arrives_once_in_effect_though_the_worker_is_killed(scene: Scene) -> None:
    """A SIGKILL in the middle loses nothing, repeats carry the same ids, and no customer's order is turned."""
    fill(scene)
    with consumer(scene.settings) as client:  # one, for to make it takes as long as the worker needs for all
        written(scene, client)
        scene.worker.start()
        until(lambda: written(scene, client) > 300)
        scene.worker.kill()
        assert written(scene, client) < 2 * ORDERS, "killed too late to say anything"
    scene.worker.start()
    until(lambda: len({event.id for _, event in events(scene)}) == 2 * ORDERS)

    first: dict[str, tuple[Any, Event]] = {}
    for record, event in events(scene):
        first.setdefault(event.id, (record, event))
    assert len(first) == 2 * ORDERS
    last: dict[str, tuple[int, str]] = {}
    for record, event in first.values():
        customer = event.customer or ""
        assert record.key == customer.encode()
        assert record.partition == murmur2(record.key) % 0x80000000 % 4
        place = (event.data or {})["n"], (event.data or {})["sku"]
        assert last.get(customer, (-1, "")) < place
        last[customer] = place

    records = read(scene.settings, scene.settings.topics.deadletters)
    letters: list[DeadLetter] = [decode_dead_letter(record.value) for record in records]
    kept = {(letter.partition, letter.offset): (letter.key, letter.value) for letter in letters}
    assert len(kept) == ORDERS // 100
    assert {value for _, value in kept.values()} == set(BROKEN)
    assert {key for key, _ in kept.values()} == {b"k"}


def test_a_topic_that_does_not_exist_ends_the_worker_for_good_with_the_remedy(
    scene: Scene, tmp_path: Path
) -> None:
    """The exit code is one that the supervisor does not restart."""
    text = (tmp_path / "intake.toml").read_text()
    (tmp_path / "intake.toml").write_text(text.replace(scene.foreign, "no.such.topic"))
    scene.worker.start()
    until(lambda: not scene.worker.alive, 30)
    assert "no.such.topic does not exist; create it, or correct its name" in scene.worker.log.read_text()
