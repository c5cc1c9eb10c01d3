"""What an action costs in the queue: delivered by the relay, claimed, done; in calls as they come."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import rich.console

from forestall.pipeline.queue.queue import ActionQueue
from forestall.pipeline.store.connect import connect
from tests.alerts import record
from tests.bench.metering import cpu_seconds
from tests.bench.servers import Servers, servers

SENDER = "foresee/0"
#: How many alerts the relay delivers in one call.
BATCH = 50

Item = TypeVar("Item")


def run(console: rich.console.Console, actions: int) -> dict[str, Any]:
    """Every action is delivered, claimed and done, each step for all of them before the next."""
    with servers(console) as on:
        return {"actions": actions, "calls": asyncio.run(_steps(on, actions))}


async def _steps(on: Servers, actions: int) -> dict[str, Any]:
    async with connect(on.redis.url) as client:
        queue = ActionQueue(client, "bench:")
        alerts = [record(n, f"a{n}", customer=f"c{n}", subject=f"o-{n}") for n in range(1, actions + 1)]
        batches = [alerts[start : start + BATCH] for start in range(0, actions, BATCH)]
        claims: list[Any] = []

        async def claim(_number: int) -> None:
            claims.extend(await queue.claim("bench", lease_ms=3_600_000))

        return {
            f"deliver, {BATCH} at once": await _timed(
                on, actions, batches, lambda b: queue.deliver(SENDER, b)
            ),
            "claim": await _timed(on, actions, range(actions), claim),
            "done": await _timed(on, actions, claims, lambda c: queue.done(c.alert.id, c.token, "called")),
        }


async def _timed(
    on: Servers, actions: int, items: Iterable[Item], call: Callable[[Item], Awaitable[object]]
) -> dict[str, float]:
    """One call after the other: by action µs of wall, of the client's CPU, and of Redis' CPU."""
    began, own, server = time.perf_counter(), time.process_time(), cpu_seconds(on.redis.child.pid)
    for item in items:
        await call(item)
    spent = {
        "wall_us": time.perf_counter() - began,
        "client_us": time.process_time() - own,
        "redis_us": cpu_seconds(on.redis.child.pid) - server,
    }
    return {name: seconds / actions * 1e6 for name, seconds in spent.items()}
