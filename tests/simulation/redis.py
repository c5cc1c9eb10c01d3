"""A simulated Redis of several shards: the store's and queue's twins behind connections that fail.

A shard can fall back to a state up to a second old, alone or with all others. A call goes as redis-py sends it:
again, up to three times, where its connection is lost; what it did the first time stays done. What is a script
there goes through the product's own `Script`, and a shard knows only the scripts whose text it has got.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError

from forestall.pipeline.errors import ForestallError
from forestall.pipeline.queue import queue as action_queue
from forestall.pipeline.queue.values import Policy
from forestall.pipeline.store import partition
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.values import Commit, Held
from tests.simulation.faults import Faults
from tests.simulation.loop import PROCESS, SimulatedLoop
from tests.simulation.promises import answer, refuse
from tests.simulation.queue_twin import MemoryQueue

#: How far a shard may fall back, in seconds (`appendfsync everysec`, replication).
FALLS_BACK = 1.0
#: redis-py sends a call again so often, waiting about so long before each.
REPEATS = (0.1, 0.2, 0.4)

READS = frozenset(
    ("held", "load", "due", "destinations", "outbox", "outbox_length", "sent", "origin", "mark")
)
#: The twins' methods that are scripts of the product.
SCRIPTS = {
    "acquire": partition.ACQUIRE, "commit": partition.COMMIT, "record_sent": partition.RECORD_SENT,
    "trim": partition.TRIM, "record_origin": partition.RECORD_ORIGIN,
    "load": partition.READ_AT, "due": partition.READ_AT,
    "deliver": action_queue.DELIVER, "claim": action_queue.CLAIM,
    **dict.fromkeys(("renew", "done", "release", "snooze"), action_queue.CHANGE),
}  # fmt: skip
SHRINKS = frozenset(("trim",))  # Redis allows it when memory is out


class FencedStore(MemoryStore):
    """The store's twin, which notes a commit that lands although the partition was taken by another."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = ""
        self.zombies = 0

    async def acquire(self, token: str) -> Held:
        """See Store."""
        self.taken = token
        return await super().acquire(token)

    async def commit(self, commit: Commit) -> None:
        """See Store."""
        before = self._held.commit
        await self.land(commit)
        self.zombies += commit.epoch != self.taken and self._held.commit != before

    async def land(self, commit: Commit) -> None:
        """The commit itself, which a mutant does worse."""
        await super().commit(commit)


class Shard:
    """A twin, and how it was in the last second."""

    def __init__(self, twin: Any, keeps: bool) -> None:
        self.twin = twin
        self.scripts: set[str] = set()
        self._keeps = keeps
        self._past: deque[tuple[float, dict[str, Any]]] = deque()

    def before_write(self, now: float) -> None:
        """Remembers how it is."""
        if self._keeps:
            past = self._past
            while past and past[0][0] < now - FALLS_BACK:
                past.popleft()
            past.append((now, _copied(self.twin)))

    def fall_back(self, moment: float) -> bool:
        """Becomes as it was at that moment; whether that changed anything."""
        found = None
        while self._past and self._past[-1][0] >= moment:
            found = self._past.pop()[1]
        if found is not None:
            self.twin.__dict__.update(found)
        return found is not None


class Call(NamedTuple):
    """An operation of a shard's twin. `sha`: it is a script, of which only that is sent."""

    shard: str
    method: str
    arguments: Sequence[Any]
    sha: str | None = None


class _Scripted(NamedTuple):
    """The client that the product's `Script` sees: what its commands do is the call."""

    redis: "Redis"
    call: Call

    async def execute_command(self, *args: Any, **_options: Any) -> Any:
        command, sha = args[:2]
        return await self.redis.send(self.call._replace(sha=sha if command == "EVALSHA" else None))


class Redis:
    """All shards. `call` is one call of a client, with its repeats."""

    def __init__(
        self,
        loop: SimulatedLoop,
        faults: Faults,
        policy: Policy,
        store: type[MemoryStore],
        queue: type[MemoryQueue],
    ) -> None:
        self.loop, self.faults, self.chance = loop, faults, loop.random
        self.shards: dict[str, Shard] = {}
        self.down_until: dict[str, float] = {}
        self.full_until = 0.0
        self.unknown_scripts = 0
        self.cut: dict[object, float] = {}
        self._keeps = bool(faults.acts.keys() & {"redis falls back together", "redis shard falls back"})
        self._store = store
        self.shards["queue"] = Shard(queue(self.now, policy), self._keeps)

    def now(self) -> int:
        """Redis' clock, epoch ms."""
        return 1_000_000 + round(self.loop.time() * 1000)

    def shard(self, name: str) -> Shard:
        """A shard by the hash tag of its keys."""
        found = self.shards.get(name)
        if found is None:
            found = self.shards[name] = Shard(self._store(), self._keeps)
        return found

    def fall_back(self, names: Sequence[str], age: float, down: float) -> bool:
        """These shards become as they were `age` seconds ago, and answer only after `down` seconds."""
        self.stop(names, down)
        moment = self.loop.time() - age
        changed = [self.shards[name].fall_back(moment) for name in names]
        return any(changed)

    def stop(self, names: Sequence[str], down: float) -> None:
        """These shards do not answer for `down` seconds, and know no scripts then."""
        self.down_until.update(dict.fromkeys(names, self.loop.time() + down))
        self.forget_scripts(names)

    def forget_scripts(self, names: Sequence[str]) -> None:
        """As SCRIPT FLUSH, a restart, a failover."""
        for name in names:
            self.shards[name].scripts.clear()

    async def call(self, name: str, method: str, *arguments: Any) -> Any:
        """One operation of the product: a command, or a script that the shard may have forgotten."""
        if method in SCRIPTS:
            sent = _Scripted(self, Call(name, method, arguments))
            return await SCRIPTS[method].run(sent, ())
        return await self.send(Call(name, method, arguments))

    async def send(self, call: Call) -> Any:
        """One command of a client, with its repeats."""
        for pause in REPEATS:
            try:
                return await self._once(call)
            except RedisConnectionError:
                await asyncio.sleep(pause * (0.5 + self.chance.random()))
        return await self._once(call)

    async def _once(self, call: Call) -> Any:
        faults, chance, at = self.faults, self.chance, self.loop.at
        future: asyncio.Future[Any] = self.loop.create_future()
        there = 0.0005 + chance.random() * 0.004
        if faults.strikes("slow call", chance):
            there += chance.random() * 1.5
        if self.cut.get(PROCESS.get(), 0.0) > self.loop.time() or faults.strikes("lost request", chance):
            at(there, refuse, future, RedisConnectionError("not sent"))
        else:
            at(there, self._arrive, future, call)
        return await future

    def _arrive(self, future: asyncio.Future[Any], call: Call) -> None:
        loop, chance, (name, method, arguments, sha) = self.loop, self.chance, call
        if self.down_until.get(name, 0.0) > loop.time():
            refuse(future, RedisConnectionError("down"))
            return
        shard = self.shard(name)
        if sha is not None and sha not in shard.scripts:
            self.unknown_scripts += 1
            refuse(future, NoScriptError("No matching script. Please use EVAL."))
            return
        reads = method in READS
        if not reads and method not in SHRINKS and self.full_until > loop.time():
            refuse(future, OutOfMemoryError("command not allowed when used memory > 'maxmemory'."))
            return
        if method in SCRIPTS:
            shard.scripts.add(SCRIPTS[method].sha)
        if not reads:
            shard.before_write(loop.time())
        try:
            reply = immediately(getattr(shard.twin, method)(*arguments))
        except ForestallError as error:
            refuse(future, error)
            return
        if self.faults.strikes("lost reply", chance):
            loop.at(chance.random() * 0.1, refuse, future, RedisConnectionError("no reply"))
        elif chance.random() < 0.6:
            answer(future, reply)
        else:
            loop.at(chance.random() * 0.004, answer, future, reply)


def immediately(call: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that waits for nothing."""
    try:
        call.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a twin must not wait")


def _copied(twin: object) -> dict[str, Any]:
    """All that a twin knows, for values in its dictionaries are frozen or dictionaries of such."""
    return {
        name: {key: dict(value) if type(value) is dict else value for key, value in whole.items()}
        if type(whole) is dict
        else whole
        for name, whole in vars(twin).items()
    }
