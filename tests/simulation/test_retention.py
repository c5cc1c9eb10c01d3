"""Retention that passes the position of a state: workers stop with the remedy, and the state stays as it is."""

import asyncio

import pytest

from tests.simulation.faults import Faults
from tests.simulation.loop import SimulatedLoop
from tests.simulation.redis import immediately
from tests.simulation.run import Run, Twins, settings_for
from tests.simulation.trainer import Trainer
from tests.simulation.world import World

#: In seconds: when all workers die, when the log is cut, how long they may try then.
DIE, CUT, TRY = 8.0, 16.0, 40.0


class Cut(Run):
    """All workers die; what is in a journal partition by then is deleted before they come back."""

    def digest(self) -> str:
        """The state of that partition."""
        return str(immediately(self.world.redis.shard("foresee:0").twin.dump()).digest())

    async def through(self) -> None:
        """All of it."""
        self._schedule()
        await asyncio.sleep(DIE)
        for worker in self.workers:
            worker.wanted = False
            worker.kill()
        await asyncio.sleep(CUT - DIE)  # a commit may still be on its way
        self.before = self.digest()
        log = self.world.broker.logs[self.world.journal[0]]
        log.begin = len(log.entries)
        for worker in self.workers:
            worker.wanted = True
            worker.start()
        await asyncio.sleep(TRY)


@pytest.mark.parametrize("seed", range(10))
def test_workers_stop_for_good_where_retention_passed_their_position(seed: int) -> None:
    """Each that gets the partition, one after the other; nothing of it is skipped in silence."""
    loop = SimulatedLoop(seed)
    world = World(loop, Faults({}, {}, 1.0), settings_for(loop.random), *Twins())
    run = Cut(world)
    try:
        with world.surrounds():
            loop.run_until_complete(run.through())
            after = run.digest()
    finally:
        loop.end()
    workers = [worker for worker in run.workers if not isinstance(worker, Trainer)]
    assert [worker.stopped is not None for worker in workers] == [True] * len(workers)
    for worker in workers:
        said = worker.stopped or ""
        assert said.startswith("PositionLost: s.events partition 0: the state stands at position ")
        assert "delete this partition's state" in said
    assert after == run.before
