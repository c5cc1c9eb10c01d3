"""Short conversations with Redis: connect, ask, close; whatever goes wrong is one line with its remedy."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError

from forestall.agents.settings import Settings
from forestall.pipeline.errors import Unreachable
from forestall.pipeline.store.connect import connect

T = TypeVar("T")


def ask_redis(settings: Settings, call: Callable[[Redis], Awaitable[T]]) -> T:
    """What `call` returns, given a client. Raises Unreachable."""

    async def run() -> T:
        redis = connect(settings.redis)
        try:
            return await call(redis)
        finally:
            await redis.aclose()

    try:
        return asyncio.run(run())
    except (RedisError, OSError) as error:
        raise Unreachable(
            f"Redis at {without_password(settings.redis)} does not answer ({error}): start it, or set `redis` "
            "(--redis, FORESTALL_REDIS) to where it listens"
        ) from error


def without_password(url: str) -> str:
    """A URL that may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{parts.netloc.rpartition('@')[2]}"))
