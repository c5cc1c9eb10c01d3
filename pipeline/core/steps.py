"""The steps that bring bodies of earlier versions of state up to the next one: see versions.STEPS.

A step writes what it needs of its time's forms out here: today's will change.
"""

import struct
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

#: A body of version n as one of version n + 1.
Step = Callable[[bytes], bytes]


def of_fields(change: Callable[[list[Any]], list[Any]]) -> Step:
    """A step for a body that is a msgpack array of fields."""

    def step(body: bytes) -> bytes:
        return msgspec.msgpack.encode(change(msgspec.msgpack.decode(body, type=list[Any])))

    return step


def nest_told(customer: list[Any]) -> list[Any]:
    """Version 2 had a map of subjects by name in field 3, and all fields beside each other. Version 3 has a record of
    32 bytes for each subject, by its hash, and what was told, from field 6 on, as one."""

    def record(name: str, numbers: list[float]) -> bytes:
        identity = blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest()
        return struct.pack("<8sddd", identity, *numbers)

    subjects = b"".join(record(*item) for item in customer[3].items())
    return [*customer[:3], subjects, *customer[4:6], customer[6:]]
