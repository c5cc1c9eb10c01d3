"""Back pressure and limits: whatever waits or is slow, memory is bounded, the group is quiet, and a worker ends and
comes back quickly. The figures are those of docs/operation.md."""

import random
import time
from collections import Counter
from functools import cache
from pathlib import Path

import msgspec
import pytest
from kafka.partitioner import murmur2

from forestall.agents.kafka_clients import producer
from forestall.agents.settings import Settings
from forestall.pipeline.core.foresee import Foresee
from tests.bench.cores import Run, configuration
from tests.bench.streams import CATALOGUE, Stream, synthetic
from tests.chaos.proxy import Proxy
from tests.live import live
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis
from tests.slow_relay_worker import BACKLOG
from tests.watching import MB, Watch

#: A worker's memory in bytes, whatever waits before it: itself, and each document that it keeps.
ITSELF, A_DOCUMENT = 350 * MB, 12_000
#: Seconds until a worker has ended, and until it goes on once its group has formed.
ENDS, RESUMES = 10.0, 5.0
PARTITIONS = 4
CACHED = 2_000
HOT, SHARE = "c-hot", 0.3
FEW = 60_000
#: The most effects of one kind that an event of the stream has, and bytes of a customer's document: 500 open
#: questions of each of four problems.
EFFECTS, LARGEST = 2, 400_000


def bound(settings: Settings) -> int:
    """The most memory that a worker with all partitions may have, in bytes."""
    return ITSELF + A_DOCUMENT * settings.cache_limit * settings.partitions


@cache
def lines_with_a_hot_customer(events: int) -> list[bytes]:
    """A stream of which one customer has 30 %, and a fifth as many others as there are events the rest."""
    dice = random.Random(1)
    return [
        msgspec.json.encode({**msgspec.json.decode(line), "customer": HOT}) if dice.random() < SHARE else line
        for line in synthetic(events, events // 5).lines
    ]


def send(settings: Settings, lines: list[bytes]) -> Counter[int]:
    """Into the journal as fast as it takes them; how many came into each partition."""
    sent: Counter[int] = Counter()
    with producer(settings) as client:
        for line in lines:
            key = msgspec.json.decode(line)["customer"].encode()
            partition = murmur2(key) % 0x80000000 % settings.partitions
            client.send(settings.topics.events, line, key, partition=partition)
            sent[partition] += 1
        client.flush()
    return sent


def ended_and_back(watch: Watch) -> tuple[float, float]:
    """In the middle of its work: the seconds it takes to end, and to process on once its group has formed."""
    one = watch.one
    assert watch.metric("forestall_assignments_total") <= 2, one.last_words()
    ends = watch.end()
    watch.start()
    return ends, watch.seconds_until("forestall_records_total")


def settings_for(kafka: Kafka, redis: str, namespace: str) -> Settings:
    """An installation with a cache that is smaller than its customers are many."""
    return Settings(
        kafka=kafka.bootstrap, redis=redis, prefix=namespace, partitions=PARTITIONS, answers_partitions=1,
        cache_limit=CACHED,
    )  # fmt: skip


def burst(kafka: Kafka, redis: Redis, namespace: str, folder: Path, events: int) -> None:
    """A burst waits when the worker comes; it is ended and started in the middle, and works it off."""
    settings = settings_for(kafka, redis.url, namespace)
    with live(settings, folder) as one, Watch(one) as watch:
        one.configure(CATALOGUE)
        sizes = send(one.settings, lines_with_a_hot_customer(events))
        assert max(sizes.values()) > 2 * min(sizes.values())
        watch.start()
        one.until(lambda: watch.metric("forestall_records_total") > events / 10)
        ends, resumes = ended_and_back(watch)
        began = time.monotonic()
        one.until_processed(events / 1000 + 60)
        print(f"{events} events: ends in {ends:.1f} s, on after {resumes:.1f} s, {watch.highest / MB:.0f} MB, "
              f"rest in {time.monotonic() - began:.0f} s")  # fmt: skip
        assert ends < ENDS
        assert resumes < RESUMES
        assert watch.highest < bound(settings)
        assert watch.metric("forestall_assignments_total") <= 2, one.last_words()


def test_a_burst_with_a_hot_customer_is_worked_off_in_bounded_memory(
    kafka: Kafka, clean_redis: Redis, namespace: str, tmp_path: Path
) -> None:
    """100,000 events at once, 30 % of one customer, one partition more than twice another."""
    burst(kafka, clean_redis, namespace, tmp_path, 100_000)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_burst_of_a_million(kafka: Kafka, clean_redis: Redis, namespace: str, tmp_path: Path) -> None:
    """The same bound: memory does not grow with what waits."""
    burst(kafka, clean_redis, namespace, tmp_path, 1_000_000)


def test_a_slow_store_slows_the_worker_down_and_no_more(
    kafka: Kafka, clean_redis: Redis, namespace: str, tmp_path: Path
) -> None:
    """Every call to Redis takes a tenth of a second and more; nothing piles up, nobody is thrown out."""
    proxy = Proxy(clean_redis.port).start()
    settings = settings_for(kafka, f"redis://127.0.0.1:{proxy.port}/0", namespace)
    try:
        with live(settings, tmp_path) as one, Watch(one) as watch:
            one.configure(CATALOGUE)
            proxy.delay = 0.05
            watch.start()
            send(one.settings, lines_with_a_hot_customer(FEW)[:12_000])
            one.until(lambda: watch.metric("forestall_records_total") > 5_000)
            ends, resumes = ended_and_back(watch)
            proxy.delay = 0.0
            one.until_processed()
            print(f"slow store: ends in {ends:.1f} s, on after {resumes:.1f} s, {watch.highest / MB:.0f} MB")
            assert ends < ENDS
            assert resumes < RESUMES
            assert watch.highest < bound(settings)
    finally:
        proxy.stop()


def test_a_slow_relay_holds_its_partition_back(
    kafka: Kafka, clean_redis: Redis, namespace: str, tmp_path: Path
) -> None:
    """Effects wait in the store up to a bound, then events wait in the journal."""
    settings = msgspec.structs.replace(settings_for(kafka, clean_redis.url, namespace), chunk_limit=200)
    with live(settings, tmp_path, module=("tests.slow_relay_worker",)) as one, Watch(one) as watch:
        one.configure(CATALOGUE)
        send(one.settings, lines_with_a_hot_customer(FEW)[:30_000])
        watch.start()
        one.until(lambda: most_waiting(watch) > BACKLOG)
        most = max(most_waiting(watch) for _ in range(20) if time.sleep(0.2) is None)
        processed = watch.metric("forestall_records_total")
        ends, resumes = ended_and_back(watch)
        print(f"slow relay: ends in {ends:.1f} s, on after {resumes:.1f} s, {watch.highest / MB:.0f} MB, {most:.0f} "
              f"waiting, {processed:.0f} processed")  # fmt: skip
        assert most < BACKLOG + EFFECTS * settings.chunk_limit
        assert processed < 30_000
        assert ends < ENDS
        assert resumes < RESUMES
        assert watch.highest < bound(settings)


def most_waiting(watch: Watch) -> float:
    """What waits for the slowest lane of the relays."""
    return max(watch.values("forestall_outbox_records"), default=0.0)


def test_a_hot_customer_costs_little_more_and_stays_bounded() -> None:
    """Of 60,000 events 30 % are one customer's: what an event of it costs, and how large its document gets."""
    run = Run(Foresee(0, 1))
    run.feed([configuration()])
    records = Stream("hot", lines_with_a_hot_customer(60_000)).records()
    cpu, events, largest = Counter[bool](), Counter[bool](), 0
    for start in range(0, len(records), 1_000):
        for hot in (True, False):
            some = [one for one in records[start : start + 1_000] if (one.key == HOT.encode()) == hot]
            before = run.cpu
            run.feed(some)
            largest = max(largest, len(run.documents[f"c/{HOT}"]))
            if start >= 30_000:  # what comes before compiles and fills
                cpu[hot] += round((run.cpu - before) * 1e6)
                events[hot] += len(some)
    each = {hot: cpu[hot] / events[hot] for hot in events}
    print(f"µs an event: {each[True]:.1f} of the hot customer, {each[False]:.1f} of others; {largest} bytes")
    assert each[True] < 5 * each[False]
    assert largest < LARGEST
