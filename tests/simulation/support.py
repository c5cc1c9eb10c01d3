"""Support people who work the queue, well or badly."""

import asyncio

from redis.exceptions import RedisError

from forestall.pipeline.errors import ForestallError
from tests.simulation.clients import SimulatedQueue
from tests.simulation.world import World

LEASE = 1_500


async def work(world: World, name: str) -> None:
    """Claims and carries out actions, until cancelled."""
    queue, chance = SimulatedQueue(world.redis, world.chance), world.chance
    while True:
        await asyncio.sleep(chance.random() * 0.8)
        try:
            for claim in await queue.claim(name, chance.randint(1, 2), LEASE):
                await asyncio.sleep(chance.random() * 0.3)
                await _carry_out(queue, claim.alert.id, claim.token, chance.randrange(6))
        except (RedisError, ForestallError):
            continue


async def _carry_out(queue: SimulatedQueue, alert_id: str, token: str, how: int) -> None:
    match how:
        case 0:
            await queue.release(alert_id, token)
        case 1:
            await queue.snooze(alert_id, token, 400)
        case 2:
            await asyncio.sleep(LEASE / 1000 * 1.2)  # forgets about it
        case 3:
            await queue.renew(alert_id, token, LEASE)
            await queue.done(alert_id, token, "called")
        case _:
            await queue.done(alert_id, token, "called")
