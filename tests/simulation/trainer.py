"""A simulated trainer: the product's `Following` over the simulated answers, and its trees sent to them.

Each trainer follows all partitions: where there are two it is as if the group had given a partition to another while
the first still goes on.
"""

import asyncio
from collections.abc import Sequence

from forestall.agents.chunk import Place
from forestall.agents.trainer import Following
from forestall.agents.worker import Ending, guarded
from forestall.pipeline.core.effects import Record
from forestall.schemas.event import encode
from forestall.schemas.trees import FittedTrees
from tests.simulation.loop import Process
from tests.simulation.producer import SimulatedProducer
from tests.simulation.worker import Worker


class Trainer(Worker):
    """A trainer and its supervisor."""

    async def _work(self, process: Process) -> None:
        ending = self._ending = Ending()
        task = asyncio.create_task(guarded(self._follow(), ending))
        error = await ending.wait()
        task.cancel()
        self._ended(process, error)

    async def _follow(self) -> None:
        broker, answers = self.world.broker, self.world.answers
        producer = SimulatedProducer(broker)
        ends = await broker.request(
            lambda: [broker.logs[place].stable_end() for place in answers], writes=False
        )
        following = {place: Following(end) for place, end in zip(answers, ends, strict=True)}
        while True:
            for place, one in following.items():
                records, end = await self._read(place, one.position)
                for record in records:
                    await self._send(producer, place, one.take(record.offset, record.value))
                await self._send(producer, place, one.reached(end))
            await broker.news(0.25)

    async def _read(self, place: Place, start: int) -> tuple[Sequence[Record], int]:
        log = self.world.broker.logs[place]

        def fetch() -> tuple[Sequence[Record], int]:
            end = log.stable_end()
            return log.read(start, end), end

        return await self.world.broker.request(fetch, writes=False)

    async def _send(self, producer: SimulatedProducer, place: Place, due: Sequence[FittedTrees]) -> None:
        for trees in due:
            await producer.send_and_wait(place[0], encode(trees), trees.problem.encode(), place[1])
