"""The servers that the other tests stand on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from kafka import KafkaAdminClient

from forestall.agents.child import Child, listens
from forestall.agents.embedded import Embedded
from forestall.pipeline.errors import ServerFailed
from tests.servers.kafka import Kafka
from tests.servers.prometheus import Prometheus
from tests.servers.redis import Redis, RedisCluster


def test_kafka_keeps_its_topics_over_a_restart(tmp_path: Path) -> None:
    """A broker that was killed comes back on its port with its log."""
    server = Kafka(tmp_path).start()
    try:
        with KafkaAdminClient(bootstrap_servers=server.bootstrap) as admin:
            admin.create_topics(
                {"kept": {"num_partitions": 2, "replication_factor": 1}}, wait_for_metadata=True
            )
        server.kill()
        assert not listens(server.port)
        server.start()
        with KafkaAdminClient(bootstrap_servers=server.bootstrap) as admin:
            assert "kept" in admin.list_topics()
    finally:
        server.kill()


def test_redis_keeps_what_its_durability_promises(tmp_path: Path) -> None:
    """With appendfsync always a write survives SIGKILL; in memory only it does not."""
    for durability, kept in (("always", b"1"), ("none", None)):
        folder = tmp_path / durability
        folder.mkdir()
        server = Redis(folder, durability=durability).start()
        try:
            redis.Redis(port=server.port).set("key", 1)
            server.kill()
            server.start()
            assert redis.Redis(port=server.port).get("key") == kept
        finally:
            server.kill()


def test_a_redis_that_died_while_it_rewrote_its_log_loses_the_end_alone(tmp_path: Path) -> None:
    """What a power cut takes is what was written last, also if a new file of the log had been begun."""
    server = Redis(tmp_path, durability="everysec").start()
    try:
        with redis.Redis(port=server.port) as client:
            client.config_set("rdb-key-save-delay", 5_000_000)
            client.set("before", "the power cut")
            written = server.written()
            client.set("just before", "the rewriting")
            client.bgrewriteaof()
            client.set("after", "it began")
        server.kill()
        server.lose_since(written)
        server.start()
        with redis.Redis(port=server.port) as client:
            assert client.mget("before", "just before", "after") == [b"the power cut", b"the rewriting", None]
    finally:
        server.kill()


def test_a_paused_redis_answers_nothing_until_it_goes_on(tmp_path: Path) -> None:
    """pause() freezes the server without closing its connections."""
    server = Redis(tmp_path).start()
    try:
        client = redis.Redis(port=server.port, socket_timeout=0.3, retry=None)
        client.ping()
        server.pause()
        with pytest.raises(redis.exceptions.TimeoutError):
            client.ping()
        server.resume()
        assert client.ping()
    finally:
        server.kill()


def test_a_cluster_of_six_serves_every_slot(redis_cluster: RedisCluster) -> None:
    """Keys of different slots are written and read through the cluster client."""
    client = redis.RedisCluster.from_url(redis_cluster.url)
    for number in range(20):
        client.set(f"key-{number}", number)
    assert [client.get(f"key-{number}") for number in range(20)] == [b"%d" % number for number in range(20)]
    client.close()


def test_prometheus_answers_queries(tmp_path: Path) -> None:
    """The server comes up with the given configuration."""
    server = Prometheus(tmp_path, "global:\n  scrape_interval: 1s\nscrape_configs: []\n").start()
    try:
        assert listens(server.port)
    finally:
        server.stop()
    assert not listens(server.port)


def test_the_embedded_pair_serves_and_ends_without_a_trace(tmp_path: Path) -> None:
    """Broker and store answer inside the block; after it nothing listens and only logs are left."""
    with Embedded(tmp_path / "local") as local:
        assert redis.Redis.from_url(local.url).ping()
        admin = KafkaAdminClient(bootstrap_servers=local.bootstrap)
        admin.create_topics({"demo": {"num_partitions": 1, "replication_factor": 1}})
        assert "demo" in admin.list_topics()
        started = time.monotonic()
    assert time.monotonic() - started < 4
    admin.close()
    assert not listens(local.broker.port)
    assert not listens(local.store.port)
    assert {file.name for file in (tmp_path / "local").iterdir()} == {"broker.log", "store.log"}


def test_a_server_that_cannot_start_shows_its_last_words(tmp_path: Path) -> None:
    """The error carries the end of the log, so that the reader need not look for it."""
    child = Child("store", ["redis-server", "--port", "nonsense"], tmp_path)
    child.start()
    with pytest.raises(ServerFailed, match=r"store ended while starting(.|\n)*FATAL CONFIG"):
        child.wait_until(lambda: False, 10)


def test_a_server_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL of the process that started a server leaves no server behind."""
    program = (
        "import sys, time; from pathlib import Path; from forestall.agents.child import Child\n"
        f"child = Child('sleeper', ['sleep', '60'], Path({str(tmp_path)!r})); child.start()\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    sleeper = int(parent.stdout.readline())
    time.sleep(0.3)
    os.kill(sleeper, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait(5)
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while _runs(sleeper) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(sleeper)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
