"""A simulated worker process: the product's owner, processors, relays, ticks and lanes over simulated servers.

Follows agents/worker.py: what ends there ends here, with the same exit codes, and is restarted by the same rule.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from prometheus_client import CollectorRegistry

from forestall.agents.app import _agent
from forestall.agents.chunk import Place
from forestall.agents.exits import CLEAN, code_of, is_final
from forestall.agents.intake import Intake
from forestall.agents.lanes import Lanes
from forestall.agents.outcomes import OutcomeRelay
from forestall.agents.owned import Edges
from forestall.agents.ownership import Owner, breaker
from forestall.agents.transactions import Transactions
from forestall.agents.worker import GRACE, Ending, guarded, parts_of
from forestall.pipeline.metrics import Metrics
from tests.simulation.clients import SimulatedQueue, SimulatedStore
from tests.simulation.consumer import SimulatedConsumer
from tests.simulation.foreign import FOREIGN, SHOP
from tests.simulation.loop import Process
from tests.simulation.producer import SimulatedProducer, SimulatedTransactions
from tests.simulation.world import World

#: At most so many records are computed in one turn: chunks are small here.
TURN = 20
METRICS = Metrics(CollectorRegistry())  # one for all: they are not looked at


class SimulatedLanes(Lanes):
    """Lanes whose transactional sender is connected to the simulated broker."""

    def __init__(self, world: World, producer: Any, queue: Any) -> None:
        on = world.settings.transactions == "on"
        super().__init__(world.settings, producer, queue, lambda *_: None, transactions=on)
        self._broker = world.broker

    def _sender(
        self, identity: str, places: Mapping[str, Place], ours: Callable[[], Awaitable[None]]
    ) -> Transactions:
        return Transactions(
            lambda: SimulatedTransactions(self._broker, identity), list(places.values()), ours
        )


class Worker:
    """A worker and its supervisor: one process after another under the same name.

    `stopped` says why the supervisor no longer starts it.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.process: Process | None = None
        self.stopped: str | None = None
        self.wanted = True
        self._ending: Ending | None = None
        self._number = 0
        self._pause = 0.2
        self._began = 0.0

    @property
    def alive(self) -> bool:
        """Whether a process of it runs, or is paused."""
        return self.process is not None and not self.process.dead

    def start(self) -> None:
        """Starts a process, unless one is there."""
        if self.alive or not self.wanted or self.stopped:
            return
        self._number += 1
        self._began = self.world.loop.time()
        self.process = Process(f"{self.name}.{self._number}")
        self.process.doom = self.kill
        self.world.loop.spawn(self.process, self._work(self.process))

    def kill(self) -> None:
        """SIGKILL; the supervisor starts it again."""
        if self.process is not None and self.alive:
            self.process.kill()
            self._restart()

    def terminate(self) -> None:
        """SIGTERM: a clean end, for good until `wanted` again."""
        self.wanted = False
        if self.alive and self._ending is not None:
            self._ending.tell()

    def _restart(self) -> None:
        loop = self.world.loop
        self._pause = 0.2 if loop.time() - self._began > 5 else min(self._pause * 2, 1.0)
        loop.at(self._pause, self.start)

    def _ended(self, process: Process, error: BaseException | None) -> None:
        """The process calls os._exit; the supervisor decides."""
        process.kill()
        code = code_of(error)
        if code != CLEAN:
            self.world.ended(error)
        if code != CLEAN and is_final(code):
            self.stopped = f"{type(error).__name__}: {error}"
        else:
            self._restart()

    async def _work(self, process: Process) -> None:
        world, settings = self.world, self.world.settings
        ending = self._ending = Ending()
        producer: Any = SimulatedProducer(world.broker)
        queue: Any = SimulatedQueue(world.redis, world.chance)
        lanes = SimulatedLanes(world, producer, queue)
        edges = Edges(settings, METRICS, self._store, producer, lanes, ending.tell)
        parts = [
            replace(part, turn=world.chance.randint(1, TURN)) for part in parts_of(settings, *world.cores)
        ]
        topics = [part.topic for part in parts] + [SHOP]
        consumer = SimulatedConsumer(world.broker, world.group, process.name, topics)
        breaking = breaker(settings)
        intake = Intake([FOREIGN], settings, producer, METRICS, breaking, consumer.committed)
        owner = Owner(parts, edges, intake)
        consumer.begin(owner)
        edges.attach(consumer)
        first = (settings.topics.events, 0)
        outcomes = OutcomeRelay(queue, producer, settings, lambda: first in owner.chunked.epochs)
        endless: list[Any] = [consumer.follow(), consumer.fetch(), consumer.commit(), owner.keep()]
        endless += [outcomes.run(), *(_agent(owner)(consumer.chunks(topic)) for topic in topics)]
        tasks = [asyncio.create_task(guarded(each, ending)) for each in endless]
        error = await ending.wait()
        await asyncio.wait([asyncio.create_task(_stop(consumer, owner, tasks))], timeout=GRACE)
        self._ended(process, error)

    def _store(self, processor: str, partition: int) -> SimulatedStore:
        return SimulatedStore(self.world.redis, f"{processor}:{partition}")


async def _stop(consumer: SimulatedConsumer, owner: Owner, tasks: list[asyncio.Task[None]]) -> None:
    await consumer.leave()
    await owner.stop()
    for task in tasks:
        task.cancel()
