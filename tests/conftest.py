"""The servers that tests share, started once a run and only when a test asks for one.

`kafka` and `redis_server` are shared: a test takes its own `namespace` (for topics and groups), and
`clean_redis` where it needs an empty Redis. What a test breaks (restart, kill) it starts itself or mends.
"""

import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.servers.kafka import Kafka
from tests.servers.redis import Redis, RedisCluster
from tests.servers.tansu import Tansu
from tests.servers.valkey import Valkey

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Apache Kafka, shared; `.bootstrap` is its address."""
    server = Kafka(tmp_path_factory.mktemp("kafka"))
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Redis with an append-only file (everysec), shared; has `.url`, `.port`, `.restart()`, `.kill()`."""
    server = Redis(tmp_path_factory.mktemp("redis"), durability="everysec")
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture
def clean_redis(redis_server: Redis) -> Redis:
    """The shared Redis, running and emptied for this test."""
    redis_server.resume()
    if not redis_server.child.alive:
        redis_server.start()
    redis_server.flush()
    return redis_server


@pytest.fixture
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """A Redis Cluster of six, for one test."""
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    """The embedded broker, shared; `.bootstrap` is its address."""
    server = Tansu(tmp_path_factory.mktemp("tansu"))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """The embedded store, shared; `.url` is its address."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def namespace() -> str:
    """A prefix for topics, groups and keys that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}"
