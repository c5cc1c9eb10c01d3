"""What holds of our Redis client when calls end otherwise than with their reply."""

import asyncio

import pytest
import redis
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as SilentTooLong

from forestall.pipeline.store import connect as module
from forestall.pipeline.store.connect import connect
from tests.servers.redis import Redis


async def test_an_error_is_raised_and_its_connection_used_again(redis_server: Redis) -> None:
    """It is a reply like any other."""
    async with connect(redis_server.url) as client:
        with pytest.raises(ResponseError, match="unknown command"):
            await client.execute_command("NO-SUCH")
        assert await client.execute_command("ECHO", "mine") == b"mine"
        assert len(client.connection_pool._available_connections) == 1


async def test_a_call_that_was_cancelled_leaves_no_reply_to_the_next(
    redis_server: Redis, namespace: str
) -> None:
    """Its connection is closed: what would come on it is not what the next one asks for."""
    async with connect(redis_server.url) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.execute_command("BLPOP", f"{namespace}:nothing", 0.3)
        for word in (b"one", b"two"):
            assert await client.execute_command("ECHO", word) == word
        await asyncio.sleep(0.4)
        assert await client.execute_command("ECHO", "three") == b"three"


async def test_a_silent_server_is_asked_again_and_is_an_error_if_it_stays_so(clean_redis: Redis) -> None:
    """Each time for as long as the timeout says, also where nobody waited until the command was out."""
    async with connect(f"{clean_redis.url}?socket_timeout=0.3") as client:
        await client.execute_command("PING")
        with redis.Redis(port=clean_redis.port) as other:
            other.client_pause(400)
        assert await client.execute_command("INCR", "times") in {1, 2}
        clean_redis.pause()
        try:
            with pytest.raises(SilentTooLong):
                await client.execute_command("INCR", "times")
        finally:
            clean_redis.resume()


@pytest.mark.parametrize("length", [10, module.LONG + 1])
async def test_a_long_command_arrives_like_a_short_one(
    redis_server: Redis, namespace: str, length: int
) -> None:
    """Its way is another."""
    async with connect(redis_server.url) as client:
        await client.execute_command("SET", f"{namespace}:long", b"x" * length)
        assert await client.execute_command("STRLEN", f"{namespace}:long") == length


async def test_those_who_wait_for_a_connection_get_one_though_others_give_up(
    redis_server: Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is lost to those who come later."""
    monkeypatch.setattr(module, "CONNECTIONS", 2)
    async with connect(redis_server.url) as client:
        calls = [
            asyncio.create_task(client.execute_command("BLPOP", f"{namespace}:{n}", 0.2)) for n in range(8)
        ]
        await asyncio.sleep(0.1)
        for call in calls[::2]:  # one that asks, and three that wait
            call.cancel()
        replies = await asyncio.gather(*calls, return_exceptions=True)
        assert replies[1::2] == [None] * 4
        async with asyncio.timeout(2):
            echoes = await asyncio.gather(*(client.execute_command("ECHO", str(n)) for n in range(8)))
        assert echoes == [b"%d" % n for n in range(8)]
