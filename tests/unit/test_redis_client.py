"""Our Redis client says what redis-py says."""

from typing import Any

import pytest
from redis.asyncio.connection import Connection

from forestall.pipeline.store.connect import DirectConnection

COMMANDS: list[tuple[Any, ...]] = [
    ("EVALSHA", "0123", 1, "k{1}", b"\x00\r\n", "ü", -7, 1.5, ""),
    ("SCRIPT LOAD", "return 1"),
    (b"CONFIG GET", "*"),
    ("PING",),
    ("SET", "long", b"x" * 100_000, *map(str, range(2_000))),
    ("HSET", "lengths", *(b"x" * length for length in (0, 9, 10, 4095, 4096, 4097))),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command[0]))
def test_what_is_sent_is_what_redis_py_would_send(command: tuple[Any, ...]) -> None:
    """The same bytes, in one piece; a command of two words is two arguments."""
    (packed,) = DirectConnection().pack_command(*command)
    assert packed == b"".join(Connection().pack_command(*command))
