"""A partition's store in Redis (DESIGN: the commit)."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from forestall.pipeline.errors import StaleEpoch, StalePosition
from forestall.pipeline.store.arguments import flat
from forestall.pipeline.store.groups import gap
from forestall.pipeline.store.keys import PartitionKeys
from forestall.pipeline.store.script import Client, Script
from forestall.pipeline.store.values import Commit, Held, Origin, OutboxRecord, Reading, StoredState

ACQUIRE = Script.beside(__file__, "acquire.lua")
COPY = Script.beside(__file__, "copy.lua")
COMMIT = Script.beside(__file__, "commit.lua")
READ = Script.beside(__file__, "read.lua")
READ_AT = Script.beside(__file__, "read_at.lua")
RECORD_ORIGIN = Script.beside(__file__, "record_origin.lua")
RECORD_SENT = Script.beside(__file__, "record_sent.lua")
TRIM = Script.beside(__file__, "trim.lua")

LOAD_SLICE = 1000  # a reply stays near a megabyte
SCAN_COUNT = 1000
#: More documents than this are copied and then read at leisure: reading in one step holds Redis up for some 30 µs each,
#: copying for some 6.
READ_AT_ONCE = 1_000
COPY_SECONDS = 900


class PartitionStore:
    """One partition of one processor. `redis` must return bytes (decode_responses=False)."""

    def __init__(self, redis: Client, processor: str, partition: int, prefix: str = "forestall") -> None:
        self._redis = redis
        self._keys = PartitionKeys(prefix, processor, partition)

    async def acquire(self, token: str) -> Held:
        """See Store."""
        position, commit = await ACQUIRE.run(self._redis, [self._keys.meta], [token])
        return _held(position, commit, token.encode())

    async def held(self) -> Held:
        """See Store."""
        fields = ("position", "commit", "epoch")
        return _held(*await self._redis.execute_command("HMGET", self._keys.meta, *fields))

    async def load(self, keys: Sequence[str], at: str | None = None) -> dict[str, bytes | None]:
        """See Store."""
        found: dict[str, bytes | None] = {}
        for start in range(0, len(keys), LOAD_SLICE):
            some = keys[start : start + LOAD_SLICE]
            found.update(zip(some, await self._table(at, "HMGET", self._keys.state, *some), strict=True))
        return found

    async def due(self, limit: int, at: str | None = None) -> tuple[list[tuple[int, str]], bool]:
        """See Store."""
        # One more than asked: is there more?
        flat = await self._table(at, "ZRANGE", self._keys.due, 0, limit, "WITHSCORES")
        pairs = [(int(ms), key.decode()) for key, ms in zip(flat[::2], flat[1::2], strict=True)]
        return pairs[:limit], len(pairs) <= limit

    async def _table(self, at: str | None, command: str, key: str, *arguments: str | int) -> list[bytes]:
        """A reading command's flat reply, of the state at that commit; None: wherever it stands."""
        arguments = ("*" if at is None else at, command, *arguments)
        match await READ_AT.run(self._redis, [self._keys.meta, key], arguments):
            case [b"position", position, held]:
                raise StalePosition(int(position), held.decode())
            case [b"done", found]:
                return found  # type: ignore[no-any-return]  # as the command replies
            case reply:
                raise AssertionError(reply)

    async def commit(self, commit: Commit) -> None:
        """See Store. One Lua call."""
        own = self._keys
        keys = [own.meta, own.state, own.due, own.tops, *map(own.outbox, commit.outboxes)]
        match await COMMIT.run(self._redis, keys, flat(commit)):
            case [b"epoch", holder]:
                raise StaleEpoch(holder.decode())
            case [b"position", position, held]:
                raise StalePosition(int(position), held.decode())
            case [b"gap", destination, top, first]:
                raise gap(destination.decode(), int(top), int(first))

    async def destinations(self) -> list[str]:
        """See Store."""
        return sorted(await self._numbers(self._keys.tops))

    async def outbox(self, destination: str, after: int, limit: int) -> list[OutboxRecord]:
        """See Store."""
        command = ("XRANGE", self._keys.outbox(destination), after + 1, "+", "COUNT", limit)
        return [_record(*entry) for entry in await self._redis.execute_command(*command)]

    async def outbox_length(self, destination: str) -> int:
        """See Store."""
        return int(await self._redis.execute_command("XLEN", self._keys.outbox(destination)))

    async def trim(self, destination: str, through: int, holders: Sequence[str] = ()) -> None:
        """See Store."""
        await TRIM.run(self._redis, [self._keys.outbox(destination), self._keys.sent], [through, *holders])

    async def sent(self) -> dict[str, int]:
        """See Store."""
        return await self._numbers(self._keys.sent)

    async def record_sent(self, marks: Mapping[str, int]) -> None:
        """See Store."""
        await RECORD_SENT.run(
            self._redis, [self._keys.sent], [item for mark in marks.items() for item in mark]
        )

    async def origin(self) -> Origin | None:
        """See Store."""
        return _origin(await self._redis.execute_command("HGET", self._keys.meta, "origin"))

    async def record_origin(self, epoch: str, origin: Origin) -> None:
        """See Store."""
        arguments = (epoch, origin.position, origin.commit, msgspec.json.encode(origin))
        match await RECORD_ORIGIN.run(self._redis, [self._keys.meta], arguments):
            case [b"epoch", holder]:
                raise StaleEpoch(holder.decode())
            case [b"position", position, held]:
                raise StalePosition(int(position), held.decode())

    async def read(self) -> Reading:
        """See Store."""
        own = self._keys
        keys = [own.meta, own.state, own.due, own.tops]
        held, *tables = await READ.run(self._redis, keys, [READ_AT_ONCE])
        if tables:
            documents, due, tops = map(_pairs, tables)
        else:
            held, documents, due, tops = await self._copied(keys)
        state = StoredState(int(held[0] or 0), documents, _numbers(due), _numbers(tops))
        return Reading(_held(*held[:3]), state, _origin(held[3]))

    async def dump(self) -> StoredState:
        """See Store."""
        return (await self.read()).state

    async def _copied(self, keys: list[str]) -> tuple[Any, ...]:
        """Where it stood when Redis copied it, and the copies' contents."""
        token = secrets.token_hex(4)
        copies = [self._keys.copy(token, of) for of in ("state", "due", "tops")]
        try:
            held = await COPY.run(self._redis, [*keys, *copies], [COPY_SECONDS])
            found = [await self._scan(f"{kind}SCAN", copy) for kind, copy in zip("HZH", copies, strict=True)]
        finally:
            for copy in copies:
                await self._redis.execute_command("UNLINK", copy)
        return held, *map(_decoded, found)

    async def _scan(self, command: str, key: str) -> list[tuple[bytes, Any]]:
        cursor, found = 0, list[tuple[bytes, Any]]()
        while True:
            cursor, some = await self._redis.execute_command(command, key, cursor, "COUNT", SCAN_COUNT)
            found.extend(some.items() if isinstance(some, dict) else some)
            if int(cursor) == 0:
                return found

    async def _numbers(self, key: str) -> dict[str, int]:
        found = await self._redis.execute_command("HGETALL", key)
        return _numbers(_decoded(found.items()))


def _held(position: bytes | None, commit: bytes | None, epoch: bytes | None) -> Held:
    return Held(int(position or 0), commit.decode() if commit else None, epoch.decode() if epoch else None)


def _record(entry_id: bytes, fields: dict[bytes, bytes]) -> OutboxRecord:
    return OutboxRecord(int(entry_id.partition(b"-")[0]), fields.get(b"k"), fields[b"v"])


def _origin(stored: bytes | None) -> Origin | None:
    return None if stored is None else msgspec.json.decode(stored, type=Origin)


def _pairs(flat: Sequence[bytes]) -> dict[str, bytes]:
    """A script's reply: key, value, key, value ..."""
    return _decoded(zip(flat[::2], flat[1::2], strict=True))


def _decoded(table: Iterable[tuple[bytes, Any]]) -> dict[str, Any]:
    return dict(sorted((key.decode(), value) for key, value in table))


def _numbers(table: Mapping[str, Any]) -> dict[str, int]:
    return {key: int(number) for key, number in table.items()}
