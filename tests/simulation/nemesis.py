"""What goes wrong at moments of its own choice: processes, the group, Redis, the broker."""

import asyncio
from collections.abc import Sequence

from tests.simulation.group import SESSION
from tests.simulation.loop import Process
from tests.simulation.redis import FALLS_BACK
from tests.simulation.trainer import Trainer
from tests.simulation.worker import Worker
from tests.simulation.world import World


class Nemesis:
    """Strikes until told to stop."""

    def __init__(self, world: World, workers: Sequence[Worker]) -> None:
        self.world, self.workers = world, workers
        self.chance = world.chance

    async def run(self, seconds: float) -> None:
        """Strikes now and then until that moment."""
        loop, faults = self.world.loop, self.world.faults
        while faults.acts and loop.time() < seconds:
            await asyncio.sleep(self.chance.random() * faults.pause)
            [act] = self.chance.choices(list(faults.acts), list(faults.acts.values()))
            if self.strike(act):
                faults.done[act] += 1

    def strike(self, act: str) -> bool:
        """Does one thing; whether it could."""
        match act:
            case "kill" | "kill at a step" | "pause" | "terminate" | "cut off from redis":
                return self._to_worker(act)
            case "rebalance":
                if self.world.group.dividing or not self.world.group.members:
                    return False
                self.world.group.rebalance()
            case "broker restarts":
                self.world.broker.down_until = self.world.loop.time() + self.chance.random() * 2
            case _:
                return self._to_redis(act)
        return True

    def _to_worker(self, act: str) -> bool:
        worker = self.chance.choice(self.workers)
        process, loop = worker.process, self.world.loop
        if process is None or process.dead or process.paused:
            return False
        match act:
            case "kill":
                worker.kill()
            case "kill at a step":
                process.doomed = self.chance.randrange(300)
            case "pause":
                process.pause()
                loop.at(self.chance.random() * 2.5 * SESSION, self._resume, process)
            case "terminate":
                worker.terminate()
                loop.at(0.5 + self.chance.random(), self._want, worker)
            case _ if isinstance(worker, Trainer):
                return False  # it asks Redis for nothing
            case _:
                self.world.redis.cut[process] = loop.time() + self.chance.random() * 2
        return True

    def _resume(self, process: Process) -> None:
        if not process.dead:
            self.world.loop.resume(process)

    def _want(self, worker: Worker) -> None:
        worker.wanted = True
        worker.start()

    def _to_redis(self, act: str) -> bool:
        redis, chance = self.world.redis, self.chance
        names = sorted(redis.shards)
        down = chance.choice((0.0, 0.1, chance.random() * 2))
        match act:
            case "redis falls back together":
                return redis.fall_back(names, chance.random() * FALLS_BACK, down)
            case "redis shard falls back":
                name = "queue" if chance.random() < 0.3 else chance.choice(names)
                return redis.fall_back([name], chance.random() * FALLS_BACK, down)
            case "redis restarts":
                redis.stop(names, chance.random() * 1.5)
            case "redis forgets scripts":
                redis.forget_scripts(names)
            case _:
                redis.full_until = self.world.loop.time() + chance.random() * 1.5
        return True
