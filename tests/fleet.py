"""Counting workers on real Kafka and Redis, and what must be true of their state and of what they sent."""

import asyncio
import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from forestall.agents.child import Child
from forestall.agents.chunk import Chunk, Chunked, Place
from forestall.agents.kafka_clients import consumer, producer
from forestall.agents.log_ends import ends_of, places_of
from forestall.agents.processor import Committed, Processor
from forestall.agents.settings import Settings
from forestall.agents.topics import apply_topics
from forestall.pipeline.core.effects import Record
from forestall.pipeline.errors import StateError
from forestall.pipeline.store.connect import connect
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.partition import PartitionStore
from forestall.pipeline.store.values import StoredState
from tests.counting import CountingCore, Sent

ROOT = Path(__file__).parents[1]
SHARED = ("kafka", "redis", "prefix", "partitions", "answers_partitions", "session_timeout", "chunk_limit",
          "breaker", "web_port", "outbox_seconds")  # fmt: skip


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


class Fleet:
    """An installation of its own, and its workers by name."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.workers: dict[str, Child] = {}
        self.sent: Counter[str] = Counter()
        self._folder = folder
        apply_topics(settings)

    def start(self, name: str, *options: str) -> Child:
        """Starts one more worker, or an ended one again."""
        if name not in self.workers:
            environment = {f"FORESTALL_{key.upper()}": str(getattr(self.settings, key)) for key in SHARED}
            environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
            command = [sys.executable, "-m", "tests.counting_worker", *(options or ("--alone",))]
            self.workers[name] = Child(name, command, self._folder, environment=environment)
        self.workers[name].start()
        return self.workers[name]

    def end(self) -> None:
        """Kills every worker."""
        for worker in self.workers.values():
            worker.kill()

    def produce(self, count: int, keys: int = 300, value: bytes = b'"event"', pace: float = 0.0) -> None:
        """Appends so many events, in steps with pauses of `pace` seconds."""
        with producer(self.settings) as client:
            for number in range(count):
                name = f"k{number % keys}"
                client.send(self.settings.topics.events, value, key=name.encode())
                self.sent[f"c/{name}"] += 1
                if pace and number % 500 == 499:
                    client.flush()
                    time.sleep(pace)

    def log(self, topic: str, partition: int) -> tuple[list[Record], int]:
        """All committed records of a partition, and its end."""
        with consumer(self.settings) as client:
            place = next(place for place in places_of(client, topic) if place.partition == partition)
            end = ends_of(client, [place])[place]
            client.assign([place])
            client.seek_to_beginning(place)
            records: list[Record] = []
            while client.position(place) < end:
                read = client.poll(200).get(place, [])
                records += [Record(one.offset, one.timestamp, one.key, one.value) for one in read]
            return records, end

    def state(self, processor: str, partition: int) -> StoredState:
        """What Redis holds of a partition."""

        async def dump() -> StoredState:
            redis = connect(self.settings.redis)
            store = PartitionStore(redis, processor, partition, self.settings.store_prefix)
            try:
                while True:
                    with contextlib.suppress(StateError):  # commits keep changing it
                        return await store.dump()
            finally:
                await redis.aclose()

        return asyncio.run(dump())

    def counted(self) -> Counter[str]:
        """How often every key was counted, by the states of all journal partitions."""
        counts: Counter[str] = Counter()
        for partition in range(self.settings.partitions):
            documents = self.state("foresee", partition).documents
            counts.update({name: int(n) for name, n in documents.items() if name[:3] == "c/k"})
        return counts

    def wait_for(self, done: Callable[[], bool], seconds: float = 60.0) -> None:
        """Waits until it is so; fails with the workers' last words."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                logs = [f"{w.name}: {w.log.read_text()[-2000:]}" for w in self.workers.values()]
                raise AssertionError(f"not so after {seconds} s\n" + "\n".join(logs))
            time.sleep(0.1)

    def until_counted(self, seconds: float = 60.0) -> None:
        """Waits until as many events were counted as were produced, and all effects were learned from."""
        total = self.sent.total
        self.wait_for(lambda: self.counted().total() >= total(), seconds)
        self.wait_for(lambda: self.learned() >= total(), seconds)

    def learned(self) -> int:
        """How many answers were taken by learn."""
        parts = range(self.settings.answers_partitions)
        heads = [self.state("learn", part).documents.get("p/head") for part in parts]
        return sum(msgspec.json.decode(head)["taken"] for head in heads if head)

    def marks(self, topic: str, partitions: int, *, once: bool = False) -> Counter[str]:
        """The last number of every sender in a topic, taken as a receiver takes them; fails at a hole, and with
        `once` at a repeat."""
        marks: Counter[str] = Counter()
        for partition in range(partitions):
            here: Counter[str] = Counter()
            for record in self.log(topic, partition)[0]:
                sent = msgspec.json.decode(record.value or b"", type=Sent)
                assert not once or sent.sequence > here[sent.sender], f"{topic} {partition}: {sent} again"
                assert sent.sequence <= here[sent.sender] + 1, f"{topic} {partition}: a hole before {sent}"
                here[sent.sender] = max(here[sent.sender], sent.sequence)
            marks.update(here)
        return marks

    def check(self, *, once: bool = True) -> None:
        """Every count exact, every effect there and without holes, every state what its log replayed gives; and
        with `once`, who reads committed sees every alert and decision exactly once."""
        topics, settings = self.settings.topics, self.settings
        assert self.counted() == self.sent
        total = self.sent.total()
        assert self.marks(topics.answers, settings.answers_partitions).total() == total
        assert self.learned() == total
        for topic in (topics.alerts, topics.decisions):
            self.wait_for(lambda: self.marks(topic, settings.partitions, once=once).total() == total)  # noqa: B023
        for processor, topic, partitions in (
            ("foresee", topics.events, settings.partitions),
            ("learn", topics.answers, settings.answers_partitions),
        ):
            for partition in range(partitions):
                log = self.log(topic, partition)
                self.wait_for(lambda: self.state(processor, partition).position >= log[1])  # noqa: B023
                replayed = asyncio.run(replay(processor, (topic, partition), *log, settings))
                assert self.state(processor, partition) == replayed


async def replay(
    processor: str, place: Place, records: list[Record], end: int, settings: Settings
) -> StoredState:
    """The state that a log gives when it is read in one piece, in memory."""

    async def nobody(_anything: Any) -> Any:
        return {}

    store = MemoryStore()
    core = CountingCore(processor, place[1], settings.answers_partitions)
    chunked = Chunked(frozenset({place[0]}), nobody, print, beginnings={place: 0})

    async def committed(_did: Committed) -> None:
        pass

    one = Processor(core, store, place, chunked, lambda: None, ours=set(), committed=committed)  # type: ignore[arg-type, return-value]  # it never seeks
    await one.open()
    await one.process(Chunk(*place, records, 0, end, chunked.epochs[place], end))
    return await store.dump()
