"""What holds of the store in Redis alone: slots, scripts, memory, the cluster."""

import asyncio
from typing import Any

import pytest
import redis
from redis.asyncio import RedisCluster as ClusterClient
from redis.exceptions import OutOfMemoryError

from forestall.pipeline.store import partition
from forestall.pipeline.store.connect import CONNECTIONS, connect
from forestall.pipeline.store.partition import PartitionStore
from forestall.pipeline.store.values import Origin
from tests.commits import commit_from, effects_to
from tests.servers.redis import Redis, RedisCluster
from tests.wrapped import OneSlot, SentTwice


async def exercise(store: PartitionStore) -> None:
    """Calls everything that a store has."""
    held = await store.acquire("mine")
    effects = [*effects_to("queue", 1, 2), *effects_to("answers/7", 1)]
    await store.commit(
        commit_from(held, documents={"a": b"1", "b": None}, due={"a": 1, "b": None}, effects=effects)
    )
    await store.load(["a", "b"])
    await store.due(1)
    for destination in await store.destinations():
        await store.outbox(destination, 0, 1)
        await store.record_sent({destination: 1})
        await store.trim(destination, 1)
        await store.outbox_length(destination)
    await store.sent()
    assert await store.origin() is None
    await store.record_origin(
        "mine", Origin(position=10, commit=(await store.held()).commit or "", version=1, fingerprint="", by=2)
    )
    assert (await store.dump()).sequences == {"queue": 2, "answers/7": 1}


async def test_every_call_stays_in_one_slot(redis_server: Redis, namespace: str) -> None:
    """Every key of every call hashes to the partition's slot."""
    async with connect(redis_server.url) as client:
        watched = OneSlot(client)
        await exercise(PartitionStore(watched, "foresee", 3, prefix=namespace))
    assert watched.calls > 10
    assert len(watched.slots) == 1


async def test_every_call_may_be_sent_twice(redis_server: Redis, namespace: str) -> None:
    """A client that repeats each call after a lost reply leaves the same state."""
    async with connect(redis_server.url) as client:
        store = PartitionStore(SentTwice(client), "foresee", 3, prefix=namespace)
        await exercise(store)
        assert (await store.held()).position == 10
        assert [record.sequence for record in await store.outbox("queue", 0, 9)] == [2]


async def test_it_runs_on_a_cluster(redis_cluster: RedisCluster, namespace: str) -> None:
    """A real cluster of six takes every call, whichever node owns the slot."""
    async with ClusterClient.from_url(redis_cluster.url) as client:
        for partition in range(4):
            await exercise(PartitionStore(client, "foresee", partition, prefix=namespace))


async def test_a_server_that_forgot_the_scripts_gets_them_again(clean_redis: Redis, namespace: str) -> None:
    """A commit after SCRIPT FLUSH (a restart, a failover) passes."""
    async with connect(clean_redis.url) as client:
        store = PartitionStore(client, "foresee", 3, prefix=namespace)
        held = await store.acquire("mine")
        await client.script_flush()
        await store.commit(commit_from(held))
        assert (await store.held()).position == 10


async def test_without_memory_a_commit_writes_nothing(tmp_path: Any, namespace: str) -> None:
    """When Redis is full the commit fails whole: no document, no number, no position."""
    server = Redis(tmp_path)
    try:
        async with connect(server.start().url) as client:
            store = PartitionStore(client, "foresee", 3, prefix=namespace)
            held = await store.acquire("mine")
            before = (await store.dump()).digest()
            await client.config_set("maxmemory", 1)
            with pytest.raises(OutOfMemoryError):
                await store.commit(commit_from(held, documents={"a": b"1"}, effects=effects_to("queue", 1)))
            await client.config_set("maxmemory", 0)
            assert (await store.dump()).digest() == before
            await store.commit(commit_from(held, documents={"a": b"1"}, effects=effects_to("queue", 1)))
    finally:
        server.kill()


async def test_a_commit_survives_a_lost_connection(clean_redis: Redis, namespace: str) -> None:
    """The client sends again on a new connection; the commit counts once."""
    async with connect(clean_redis.url) as client:
        store = PartitionStore(client, "foresee", 3, prefix=namespace)
        held = await store.acquire("mine")
        with redis.Redis(port=clean_redis.port) as other:
            other.client_kill_filter(skipme=True, _type="normal")
        await store.commit(commit_from(held, effects=effects_to("queue", 1)))
        assert await store.outbox_length("queue") == 1


async def test_more_calls_at_once_than_connections_wait_their_turn(
    redis_server: Redis, namespace: str
) -> None:
    """A worker that takes sixty partitions asks for hundreds of marks in one moment."""
    async with connect(redis_server.url) as client:
        stores = [PartitionStore(client, "foresee", k, prefix=namespace) for k in range(6 * CONNECTIONS)]
        assert len(await asyncio.gather(*(store.sent() for store in stores))) == len(stores)
        assert len(await client.client_list()) <= CONNECTIONS + 10


async def test_a_large_partition_is_read_at_one_moment_while_others_commit(
    redis_server: Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each commit writes its number everywhere: what is read has one number. No copy is left."""
    monkeypatch.setattr(partition, "READ_AT_ONCE", 10)
    monkeypatch.setattr(partition, "SCAN_COUNT", 50)
    keys = [f"c/{n}" for n in range(1_500)]
    async with connect(redis_server.url) as client, connect(redis_server.url) as other:
        store = PartitionStore(client, "foresee", 3, prefix=namespace)
        await store.acquire("mine")
        committed = [0]

        async def write() -> None:
            while True:
                number = committed[0] + 1
                documents: dict[str, bytes | None] = dict.fromkeys(keys, b"%d" % number)
                due: dict[str, int | None] = dict.fromkeys(keys, number)
                effects = effects_to("queue", number)
                await store.commit(
                    commit_from(await store.held(), documents=documents, due=due, effects=effects)
                )
                committed[0] = number

        writing = asyncio.create_task(write())
        reader = PartitionStore(SentTwice(other), "foresee", 3, prefix=namespace)
        seen = set()
        while len(seen) < 4:
            position, documents, due, tops = (await reader.read()).state
            number = position // 10
            assert set(documents.values()) <= {b"%d" % number}
            assert set(due.values()) <= {number}
            assert len(documents) == len(due) == (1_500 if number else 0)
            assert tops == ({"queue": number} if number else {})
            seen.add(number)
        writing.cancel()
        assert [key async for key in client.scan_iter(match=f"{namespace}*:copy:*")] == []
    assert committed[0] > 4
