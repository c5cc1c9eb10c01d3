"""The simulated Redis as the product sees it: a partition's store, and the action queue."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from forestall.pipeline.queue.values import Claim, Standing
from forestall.pipeline.store.values import Commit, Held, Origin, OutboxRecord, Reading, StoredState
from tests.simulation.redis import Redis, immediately


class SimulatedStore:
    """A connection to a partition's store; see Store."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._redis, self._name = redis, name

    async def _call(self, method: str, *arguments: Any) -> Any:
        return await self._redis.call(self._name, method, *arguments)

    async def acquire(self, token: str) -> Held:
        return await self._call("acquire", token)  # type: ignore[no-any-return]  # as the twin's

    async def held(self) -> Held:
        return await self._call("held")  # type: ignore[no-any-return]

    async def load(self, keys: Sequence[str], at: str | None = None) -> dict[str, bytes | None]:
        return await self._call("load", keys, at)  # type: ignore[no-any-return]

    async def due(self, limit: int, at: str | None = None) -> tuple[list[tuple[int, str]], bool]:
        return await self._call("due", limit, at)  # type: ignore[no-any-return]

    async def commit(self, commit: Commit) -> None:
        await self._call("commit", commit)

    async def destinations(self) -> list[str]:
        return await self._call("destinations")  # type: ignore[no-any-return]

    async def outbox(self, destination: str, after: int, limit: int) -> list[OutboxRecord]:
        return await self._call("outbox", destination, after, limit)  # type: ignore[no-any-return]

    async def outbox_length(self, destination: str) -> int:
        return await self._call("outbox_length", destination)  # type: ignore[no-any-return]

    async def trim(self, destination: str, through: int, holders: Sequence[str] = ()) -> None:
        await self._call("trim", destination, through, holders)

    async def sent(self) -> dict[str, int]:
        return await self._call("sent")  # type: ignore[no-any-return]

    async def record_sent(self, marks: Mapping[str, int]) -> None:
        await self._call("record_sent", marks)

    async def origin(self) -> Origin | None:
        return await self._call("origin")  # type: ignore[no-any-return]

    async def record_origin(self, epoch: str, origin: Origin) -> None:
        await self._call("record_origin", epoch, origin)

    async def read(self) -> Reading:
        return immediately(self._redis.shard(self._name).twin.read())  # type: ignore[no-any-return]

    async def dump(self) -> StoredState:
        return immediately(self._redis.shard(self._name).twin.dump())  # type: ignore[no-any-return]


class SimulatedQueue:
    """A connection to the queue, as ActionQueue is; random ids come from `chance`."""

    def __init__(self, redis: Redis, chance: random.Random) -> None:
        self._redis, self._chance = redis, chance

    async def _call(self, method: str, *arguments: Any) -> Any:
        return await self._redis.call("queue", method, *arguments)

    async def mark(self, sender: str) -> int:
        return await self._call("mark", sender)  # type: ignore[no-any-return]

    async def deliver(self, sender: str, records: Sequence[tuple[int, bytes]]) -> int:
        return await self._call("deliver", sender, records)  # type: ignore[no-any-return]

    async def outbox(self, after: int, limit: int) -> list[OutboxRecord]:
        return await self._call("outbox", after, limit)  # type: ignore[no-any-return]

    async def trim(self, through: OutboxRecord) -> None:
        await self._call("trim", through)

    async def claim(self, worker: str, count: int, lease_ms: int) -> list[Claim]:
        token, *events = (self._id() for _ in range(count + 1))
        return await self._call("claim", worker, count, lease_ms, None, token, events)  # type: ignore[no-any-return]

    async def done(self, alert_id: str, token: str, result: str) -> Standing:
        return await self._call("done", alert_id, token, result, self._id())  # type: ignore[no-any-return]

    async def renew(self, alert_id: str, token: str, lease_ms: int) -> Standing:
        return await self._call("renew", alert_id, token, lease_ms)  # type: ignore[no-any-return]

    async def release(self, alert_id: str, token: str) -> Standing:
        return await self._call("release", alert_id, token)  # type: ignore[no-any-return]

    async def snooze(self, alert_id: str, token: str, ms: int) -> Standing:
        return await self._call("snooze", alert_id, token, ms)  # type: ignore[no-any-return]

    def _id(self) -> str:
        return f"{self._chance.getrandbits(64):016x}"
