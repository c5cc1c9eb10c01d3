"""Replay, lag, configuration, recording and following, on Apache Kafka and on the embedded broker."""

import gzip
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from forestall.agents.configuration import apply_configuration, complete_copies, current_configuration
from forestall.agents.follow import follow
from forestall.agents.kafka_clients import consumer
from forestall.agents.lag import Lag, lag_meter
from forestall.agents.log_ends import ends_of, places_of
from forestall.agents.recorder import dump_journal
from forestall.agents.replay import Progress, replay
from forestall.agents.settings import Settings
from forestall.agents.topics import apply_topics
from forestall.pipeline.errors import ConfigurationError, ReplayStalled, Unreachable
from forestall.pipeline.sources.recording import Recording
from forestall.pipeline.store.keys import PartitionKeys
from forestall.schemas.answer import decode_answers_record
from forestall.schemas.catalogue import CatalogueFile, Configuration
from forestall.schemas.event import CATALOGUE, TICK, decode_event
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis

FILES = [CatalogueFile("shop.toml", '[problem.return]\ntitle = "…"\n')]


@pytest.fixture(params=["kafka", "tansu"])
def settings(request: pytest.FixtureRequest, namespace: str, redis_server: Redis) -> Settings:
    """An installation of its own with its topics, on each of the two brokers."""
    broker = request.getfixturevalue(request.param)
    made = Settings(kafka=broker.bootstrap, redis=redis_server.url, prefix=namespace, partitions=3)
    apply_topics(made)
    return made


@pytest.fixture
def on_kafka(kafka: Kafka, namespace: str, redis_server: Redis) -> Settings:
    """An installation of its own on Apache Kafka."""
    made = Settings(kafka=kafka.bootstrap, redis=redis_server.url, prefix=namespace, partitions=3)
    apply_topics(made)
    return made


def event(number: int, customer: str, **changes: Any) -> bytes:
    """A line of an event file, at `number` seconds of 2011."""
    time = f"2011-01-01T00:{number // 60:02d}:{number % 60:02d}Z"
    whole = {"specversion": "1.0", "id": str(number), "source": "test", "type": "order.placed", "time": time}
    return json.dumps({**whole, "customer": customer, **changes}).encode()


def events_file(folder: Path, lines: list[bytes]) -> Path:
    """A gzipped file of `lines`."""
    file = folder / "events.jsonl.gz"
    file.write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines)))
    return file


def read(settings: Settings, topic: str) -> dict[int, list[Any]]:
    """Every committed record of a topic by partition."""
    with consumer(settings) as client:
        places = places_of(client, topic)
        ends = ends_of(client, places)
        records: dict[int, list[Any]] = {place.partition: [] for place in places}
        for place in places:
            client.seek(place, 0)
        while any(client.position(place) < ends[place] for place in places):
            for place, came in client.poll(500).items():
                records[place.partition] += came
        return records


def test_events_reach_the_journal_by_customer_in_order_and_a_tick_ends_each_partition(
    settings: Settings, tmp_path: Path
) -> None:
    """Every customer's events lie in one partition in file order; every partition ends at the file's last time."""
    lines = [event(number, f"c-{number % 17}") for number in range(500)]
    result = replay(events_file(tmp_path, lines), settings)
    assert (result.sent, result.malformed, result.too_large) == (500, 0, [])
    journal = read(settings, settings.topics.events)
    placed: dict[bytes, set[int]] = {}
    for partition, records in journal.items():
        *customers, last = records
        tick = decode_event(last.value)
        assert (tick.type, tick.source, last.key) == (TICK, "forestall/replay", None)
        assert tick.id.startswith(f"tick:{result.last_ms}:{partition}:")
        assert tick.time.timestamp() * 1000 == result.last_ms == 1293840499000
        for record in customers:
            placed.setdefault(record.key, set()).add(partition)
        for key in {record.key for record in customers}:
            own = [record.value for record in customers if record.key == key]
            assert own == [line for line in lines if decode_event(line).customer == key.decode()]
    assert len(placed) == 17
    assert all(len(partitions) == 1 for partitions in placed.values())


def test_customers_lie_where_a_client_that_hashes_itself_would_put_them(
    on_kafka: Settings, tmp_path: Path
) -> None:
    """A contract producer's default partitioner and the replay agree."""
    replay(events_file(tmp_path, [event(number, f"c-{number}") for number in range(50)]), on_kafka)
    replayed = {
        record.key: partition
        for partition, records in read(on_kafka, on_kafka.topics.events).items()
        for record in records
        if record.key
    }
    with KafkaProducer(bootstrap_servers=on_kafka.kafka) as producer:
        futures = {key: producer.send(on_kafka.topics.events, b"x", key=key) for key in replayed}
        assert replayed == {key: future.get(10).partition for key, future in futures.items()}


def test_malformed_lines_are_sent_as_they_are_and_counted(settings: Settings, tmp_path: Path) -> None:
    """Nothing of a broken file is lost or mended on the way; a line from the future does not date the ticks."""
    broken = [b"not json", b'{"customer":"c-1"}', b"\xff\xfe", event(3, "c-1", type="forestall.tick")]
    future = event(5, "c-2").replace(b"2011", b"3011")
    lines = [event(1, "c-1"), *broken, future]
    result = replay(events_file(tmp_path, lines), settings)
    assert (result.sent, result.malformed) == (6, 4)
    assert result.last_ms == 1293840003000
    values = [
        record.value for records in read(settings, settings.topics.events).values() for record in records
    ]
    assert sorted(value for value in values if b'"forestall/replay"' not in value) == sorted(lines)
    keys = {
        record.value: record.key
        for each in read(settings, settings.topics.events).values()
        for record in each
    }
    assert [keys[line] for line in (*broken, future)] == [b"", b"c-1", b"", b"c-1", b"c-2"]


def test_lines_above_the_limit_are_named_and_large_ones_below_it_pass(
    on_kafka: Settings, tmp_path: Path
) -> None:
    """An event of 3 MB passes the client, the broker and the reader; what is larger than allowed is named."""
    large = event(1, "c-1", data={"text": "x" * 3_000_000})
    too_large = event(2, "c-1", data={"text": "x" * 4_300_000})
    result = replay(events_file(tmp_path, [large, too_large, event(3, "c-1")]), on_kafka)
    assert (result.sent, result.too_large) == (2, [2])
    values = [
        record.value for records in read(on_kafka, on_kafka.topics.events).values() for record in records
    ]
    assert large in values


def test_a_replay_goes_on_only_as_fast_as_the_processors_follow(
    settings: Settings, tmp_path: Path, redis_server: Redis
) -> None:
    """Never more than 1.25 times the bound is outstanding, measured by the positions in Redis."""
    bounded = msgspec.structs.replace(settings, outstanding_events=100)
    store = redis.Redis(port=redis_server.port)
    seen: list[Progress] = []
    with lag_meter(bounded) as lag:

        def processed_meanwhile() -> Lag:
            measured = lag()
            for partition, records in read(bounded, bounded.topics.events).items():
                key = PartitionKeys(bounded.store_prefix, "foresee", partition).meta
                store.hset(key, "position", len(records))
            return measured

        lines = [event(number, f"c-{number}") for number in range(400)]
        result = replay(events_file(tmp_path, lines), bounded, lag=processed_meanwhile, progress=seen.append)
        assert result.sent == 400
    waits = [one.outstanding.events for one in seen]
    assert max(waits) <= 125
    assert (seen[-1].sent, seen[-1].fraction) == (400, 1.0)


def test_a_replay_that_nobody_follows_says_so(on_kafka: Settings, tmp_path: Path) -> None:
    """Without a worker a paced replay ends with the remedy instead of hanging."""
    bounded = msgspec.structs.replace(on_kafka, outstanding_events=10)
    lines = [event(number, f"c-{number}") for number in range(100)]
    with lag_meter(bounded) as lag, pytest.raises(ReplayStalled, match="start `forestall worker`"):
        replay(events_file(tmp_path, lines), bounded, lag=lag, patience=0.5)


def test_the_lag_is_exact_for_batches_of_every_size(settings: Settings, redis_server: Redis) -> None:
    """Events and answers in the logs less the positions held, on a broker that lists its ends wrongly too."""
    with (
        KafkaProducer(bootstrap_servers=settings.kafka, linger_ms=50) as producer,
        lag_meter(settings) as lag,
    ):
        assert lag() == Lag(0, 0)
        for _ in range(40):
            producer.send(settings.topics.events, b"x", partition=1)
        for _ in range(7):
            producer.send(settings.topics.answers, b"x", partition=0)
        producer.flush()
        assert lag() == Lag(40, 7)
        store = redis.Redis(port=redis_server.port)
        store.hset(PartitionKeys(settings.store_prefix, "foresee", 1).meta, "position", 30)
        store.hset(PartitionKeys(settings.store_prefix, "learn", 0).meta, "position", 7)
        assert lag() == Lag(10, 0)
        producer.send(settings.topics.events, b"x", partition=0).get(10)
        assert lag() == Lag(11, 0)


def test_a_configuration_gets_its_offset_as_version_and_a_copy_everywhere(settings: Settings) -> None:
    """The first version is 0; every journal and answers partition has it, under the same salt."""
    assert current_configuration(settings) is None
    applied = apply_configuration(FILES, "pepper", settings)
    assert applied.configuration == Configuration(version=0, files=FILES, salt="pepper")
    assert (applied.changed, applied.copies) == (True, 3 + 2)
    assert current_configuration(settings) == applied.configuration
    for records in read(settings, settings.topics.events).values():
        [copy] = [decode_event(record.value) for record in records]
        assert (copy.id, copy.type) == ("catalogue:0", CATALOGUE)
        assert msgspec.convert(copy.data, Configuration) == applied.configuration
    for records in read(settings, settings.topics.answers).values():
        assert [decode_answers_record(record.value) for record in records] == [applied.configuration]


def test_versions_count_up_only_when_something_changes(settings: Settings) -> None:
    """The same files again send the copies again; other files are a new version and keep the salt."""
    first = apply_configuration(FILES, None, settings).configuration
    assert len(first.salt) == 32
    again = apply_configuration(FILES, None, settings)
    assert (again.configuration, again.changed) == (first, False)
    other = apply_configuration([CatalogueFile("shop.toml", "")], None, settings).configuration
    assert (other.version, other.salt) == (1, first.salt)
    assert apply_configuration(other.files, "new", settings).configuration.version == 2
    assert current_configuration(settings) == Configuration(version=2, files=other.files, salt="new")


def test_missing_copies_are_completed_where_they_are_missing(settings: Settings) -> None:
    """A partition behind the current version gets it; the others are left alone."""
    assert complete_copies({("events", 0): -1}, settings) == []
    apply_configuration(FILES, None, settings)
    current = apply_configuration([], None, settings).configuration
    assert current.version == 1
    held = {("events", 0): 1, ("events", 1): 0, ("answers", 0): -1, ("answers", 1): 1}
    assert complete_copies(held, settings) == [("events", 1), ("answers", 0)]
    counts = {p: len(records) for p, records in read(settings, settings.topics.events).items()}
    assert counts == {0: 2, 1: 3, 2: 2}


def test_a_recording_has_every_topic_byte_for_byte(settings: Settings, tmp_path: Path) -> None:
    """What is read back from the folder equals what the broker holds, with its positions."""
    apply_configuration(FILES, None, settings)
    replay(events_file(tmp_path, [event(number, f"c-{number}") for number in range(200)]), settings)
    with KafkaProducer(bootstrap_servers=settings.kafka) as producer:
        producer.send(settings.topics.deadletters, None, key=b"k", partition=2)
    folder = tmp_path / "recording"
    manifest = dump_journal(folder, settings)
    recording = Recording(folder)
    assert recording.manifest == manifest
    assert (manifest.partitions, manifest.answers_partitions, manifest.prefix) == (3, 2, settings.prefix)
    for role, topic in settings.topics._asdict().items():
        kept = {one.partition: list(recording.records(one)) for one in recording.partitions(role)}
        there = {
            partition: [(one.offset, one.timestamp, one.key, one.value) for one in records]
            for partition, records in read(settings, topic).items()
        }
        assert kept == there, role
        for one in recording.partitions(role):
            assert (one.begin, one.end, one.records) == (
                0,
                len(there[one.partition]),
                len(there[one.partition]),
            )
    longest = recording.partitions("events")[0]
    assert [record.offset for record in recording.records(longest, before=5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ConfigurationError, match="holds a recording already"):
        dump_journal(folder, settings)


def test_a_recording_leaves_out_what_was_aborted_and_ends_after_the_markers(
    on_kafka: Settings, tmp_path: Path
) -> None:
    """Only committed records are kept, in a log that ends with a transaction's marker."""
    with KafkaProducer(bootstrap_servers=on_kafka.kafka, transactional_id=on_kafka.prefix) as producer:
        producer.init_transactions()
        for value, ends in (
            (b"kept", producer.commit_transaction),
            (b"aborted", producer.abort_transaction),
            (b"kept too", producer.commit_transaction),
        ):
            producer.begin_transaction()
            producer.send(on_kafka.topics.alerts, value, partition=0).get(10)
            ends()
    dump_journal(tmp_path, on_kafka)
    recording = Recording(tmp_path)
    recorded = recording.partitions("alerts")[0]
    assert [record.value for record in recording.records(recorded)] == [b"kept", b"kept too"]
    assert (recorded.end, recorded.records) == (6, 2)


def test_a_folder_without_a_recording_is_told(tmp_path: Path) -> None:
    """The error names the file and the remedy."""
    with pytest.raises(
        ConfigurationError, match=r"manifest.json: .*; name a folder that `forestall journal dump`"
    ):
        Recording(tmp_path)


def test_following_shows_what_was_there_and_what_comes(settings: Settings) -> None:
    """From the beginning to now it ends by itself; from now on it shows only what is new."""
    alerts = settings.topics.alerts
    with KafkaProducer(bootstrap_servers=settings.kafka, linger_ms=20) as producer:

        def send(*values: bytes) -> None:
            for value in values:
                producer.send(alerts, value, partition=1)
            producer.flush()

        send(b"1", b"2", b"3")
        told = [one.content for one in follow(alerts, int, settings, start="beginning", until_now=True)]
        assert told == [1, 2, 3]
        coming = follow(alerts, int, settings, idle=5)
        assert first_of(coming, lambda: send(b"4", b"5")) == 4
        assert next(coming).content == 5
        coming.close()
    assert list(follow(settings.topics.decisions, int, settings, start="beginning", idle=0.3)) == []


def first_of(coming: Any, send: Callable[[], None]) -> Any:
    """The first content that comes after `send`, which runs once the iterator listens."""
    sender = threading.Timer(1.0, send)
    sender.start()
    content = next(coming).content
    sender.join()
    return content


def test_without_topics_the_remedy_is_told(kafka: Kafka, namespace: str, tmp_path: Path) -> None:
    """Nothing hangs or is created on the way: `topics apply` comes first."""
    bare = Settings(kafka=kafka.bootstrap, prefix=namespace)
    with pytest.raises(Unreachable, match="run `forestall topics apply`"):
        current_configuration(bare)
    with pytest.raises(Unreachable, match="run `forestall topics apply`"):
        next(follow(bare.topics.alerts, int, bare))
    with KafkaConsumer(bootstrap_servers=kafka.bootstrap) as client:
        client.assign([TopicPartition("none", 0)])
        assert bare.topics.alerts not in client.topics()
