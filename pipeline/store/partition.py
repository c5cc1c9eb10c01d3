"""A partition's store in Redis (DESIGN: the commit)."""

from collections.abc import Sequence
from typing import Any, TypeVar

from forestall.pipeline.errors import StaleEpoch, StalePosition, StateError
from forestall.pipeline.store.arguments import flat
from forestall.pipeline.store.groups import by_destination, gap
from forestall.pipeline.store.keys import PartitionKeys
from forestall.pipeline.store.script import Client, Script
from forestall.pipeline.store.values import Commit, Held, OutboxRecord, StoredState

ACQUIRE = Script.beside(__file__, "acquire.lua")
COMMIT = Script.beside(__file__, "commit.lua")
RECORD_SENT = Script.beside(__file__, "record_sent.lua")

LOAD_SLICE = 1000  # a reply stays near a megabyte
SCAN_COUNT = 1000
DUMP_ATTEMPTS = 3

Value = TypeVar("Value")


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

    async def load(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        """See Store."""
        found: dict[str, bytes | None] = {}
        for start in range(0, len(keys), LOAD_SLICE):
            some = keys[start : start + LOAD_SLICE]
            found.update(
                zip(some, await self._redis.execute_command("HMGET", self._keys.state, *some), strict=True)
            )
        return found

    async def due(self, limit: int) -> tuple[list[tuple[int, str]], bool]:
        """See Store."""
        command = ("ZRANGE", self._keys.due, 0, limit, "WITHSCORES")  # one more than asked: is there more?
        pairs = await self._redis.execute_command(*command, withscores=True)
        return [(int(ms), key.decode()) for key, ms in pairs[:limit]], len(pairs) <= limit

    async def commit(self, commit: Commit) -> None:
        """See Store. One Lua call."""
        groups = by_destination(commit.effects)
        own = self._keys
        keys = [own.meta, own.state, own.due, own.tops, *map(own.outbox, groups)]
        match await COMMIT.run(self._redis, keys, flat(commit, groups)):
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

    async def trim(self, destination: str, through: int) -> None:
        """See Store."""
        await self._redis.execute_command("XTRIM", self._keys.outbox(destination), "MINID", through + 1)

    async def sent(self) -> dict[str, int]:
        """See Store."""
        return await self._numbers(self._keys.sent)

    async def record_sent(self, destination: str, sequence: int) -> None:
        """See Store."""
        await RECORD_SENT.run(self._redis, [self._keys.sent], [destination, sequence])

    async def dump(self) -> StoredState:
        """See Store."""
        for _ in range(DUMP_ATTEMPTS):
            before = await self.held()
            documents = {key.decode(): value for key, value in await self._scan("HSCAN", self._keys.state)}
            due = {key.decode(): int(ms) for key, ms in await self._scan("ZSCAN", self._keys.due)}
            sequences = await self._numbers(self._keys.tops)
            if before.commit == (await self.held()).commit:
                return StoredState(before.position, _ordered(documents), _ordered(due), _ordered(sequences))
        raise StateError(
            f"{self._keys.root} kept changing while it was dumped; stop its worker and dump again"
        )

    async def _scan(self, command: str, key: str) -> list[tuple[bytes, Any]]:
        cursor, found = 0, list[tuple[bytes, Any]]()
        while True:
            cursor, some = await self._redis.execute_command(command, key, cursor, "COUNT", SCAN_COUNT)
            found.extend(some.items() if isinstance(some, dict) else some)
            if int(cursor) == 0:
                return found

    async def _numbers(self, key: str) -> dict[str, int]:
        found = await self._redis.execute_command("HGETALL", key)
        return {name.decode(): int(number) for name, number in found.items()}


def _held(position: bytes | None, commit: bytes | None, epoch: bytes | None) -> Held:
    return Held(int(position or 0), commit.decode() if commit else None, epoch.decode() if epoch else None)


def _record(entry_id: bytes, fields: dict[bytes, bytes]) -> OutboxRecord:
    return OutboxRecord(int(entry_id.partition(b"-")[0]), fields.get(b"k"), fields[b"v"])


def _ordered(table: dict[str, Value]) -> dict[str, Value]:
    return dict(sorted(table.items()))
