"""One run of one seed, from an empty world until all is quiet; then everything is checked."""

import asyncio
import random
from collections import Counter
from typing import NamedTuple

from forestall.agents.settings import Settings
from forestall.pipeline.core.effects import NOTICES, QUEUE, Record
from forestall.pipeline.store.memory import MemoryStore
from tests.simulation import support
from tests.simulation.faults import Faults, plan
from tests.simulation.foreign import SHOP
from tests.simulation.invariants import Checks
from tests.simulation.log import OPEN, Log
from tests.simulation.loop import SimulatedLoop, Stuck
from tests.simulation.nemesis import Nemesis
from tests.simulation.producer import partition_of
from tests.simulation.queue_twin import MemoryQueue
from tests.simulation.redis import FencedStore
from tests.simulation.trainer import Trainer
from tests.simulation.violations import Violation
from tests.simulation.worker import Worker
from tests.simulation.workload import SECONDS, Appended, Workload, catalogue
from tests.simulation.world import START_MS, World

#: All must be quiet so many seconds (of the loop's time) after the last event and fault.
REST = 30.0


class Result(NamedTuple):
    """What came of a seed. `steps` and `digest` are of the schedule: the same for the same seed."""

    seed: int
    violations: list[Violation]
    faults: Counter[str]
    ends: Counter[str]
    counts: dict[str, int]
    steps: int
    digest: int


class Twins(NamedTuple):
    """The twins that stand for Redis; a mutant has others."""

    store: type[MemoryStore] = FencedStore
    queue: type[MemoryQueue] = MemoryQueue


def simulate(seed: int, twins: Twins | None = None) -> Result:
    """Runs one seed."""
    loop = SimulatedLoop(seed)
    settings = settings_for(loop.random)
    idempotent = settings.transactions == "on" or loop.random.random() < 0.6
    world = World(loop, plan(loop.random, idempotent), settings, *(twins or Twins()))
    run = Run(world)
    try:
        with world.surrounds():
            loop.run_until_complete(run.through())
    except Stuck:
        run.unrest = "nothing will ever happen again"
    finally:
        loop.end()
    checks = Checks(world)
    found = [Violation("rest", run.unrest)] if run.unrest else []
    found += [
        Violation("restart", f"{w.name} stopped for good: {w.stopped}") for w in run.workers if w.stopped
    ]
    found += checks.violations if run.unrest else checks.run()
    faults = world.faults.done
    return Result(seed, found, faults, world.ends, dict(checks.counts), loop.steps, loop.digest)


def recorded(seed: int) -> list[Record]:
    """The committed records of journal partition 0 after a run of that seed without faults."""
    loop = SimulatedLoop(seed)
    world = World(loop, Faults({}, {}, 1.0), settings_for(loop.random), *Twins())
    try:
        with world.surrounds():
            loop.run_until_complete(Run(world).through())
    finally:
        loop.end()
    log = world.broker.logs[world.journal[0]]
    return log.read(0, log.stable_end())


def settings_for(chance: random.Random) -> Settings:
    """Small limits, so that much happens to few events."""
    return Settings(
        prefix="s",
        partitions=chance.randint(2, 3),
        answers_partitions=chance.randint(1, 2),
        chunk_limit=chance.choice((5, 20, 100)),
        chunk_budget=chance.choice((1, 3, 2_000)),
        cache_limit=chance.choice((0, 3, 50_000)),
        outbox_seconds=chance.choice((2.5, 5.0)),
        transactions=chance.choice(("on", "off")),
    )


class Run:
    """One run. `unrest` says what kept it from coming to rest."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.workers = [Worker(world, f"w{n}") for n in range(world.chance.randint(1, 3))]
        self.workers += [Trainer(world, f"t{n}") for n in range(world.chance.randint(1, 2))]
        self.unrest = ""

    async def through(self) -> None:
        """All of it."""
        world = self.world
        self._schedule()
        people = [asyncio.create_task(support.work(world, name)) for name in ("ann", "bob")]
        await Nemesis(world, self.workers).run(SECONDS)
        world.faults.on = False
        world.broker.down_until = world.redis.full_until = 0.0
        await asyncio.sleep(SECONDS + 4 - world.loop.time())
        for worker in self.workers:
            worker.wanted = True
            worker.start()
        for person in people:
            person.cancel()
        await self._rest()

    def _schedule(self) -> None:
        """All that happens whatever goes wrong."""
        world, chance, at = self.world, self.world.chance, self.world.loop.at
        world.configure(catalogue(chance), chance.choice((0, 0, 0, 1, 2)))
        while chance.random() < 0.3:
            moment = chance.random() * SECONDS
            at(moment, world.configure, catalogue(chance), chance.choice((0, 0, 1, 2)))
        for appended in Workload(chance, START_MS, chance.randint(150, 400)).appended():
            at(appended.at, self._append, appended)
        for worker in self.workers:
            at(chance.random() * 2, worker.start)

    def _append(self, one: Appended) -> None:
        broker, topic = self.world.broker, SHOP if one.foreign else self.world.settings.topics.events
        place = (topic, partition_of(one.sent.key, broker.topics[topic]))
        if one.aborted is None:
            broker.append(place, [one.sent])
            return
        log, owner = broker.logs[place], object()
        log.open[owner] = [log.append(broker.wall(), one.sent, OPEN)]
        broker.loop.at(broker.chance.random(), self._end, log, owner, not one.aborted)

    def _end(self, log: Log, owner: object, committed: bool) -> None:
        log.end_transaction(owner, self.world.broker.wall(), committed)
        self.world.broker.changed()

    async def _rest(self) -> None:
        """Waits until nothing waits any more."""
        loop = self.world.loop
        end, quiet = loop.time() + REST, 0
        while quiet < 2 and loop.time() < end:
            await asyncio.sleep(0.5)
            self.unrest = self._unquiet()
            quiet = 0 if self.unrest else quiet + 1

    def _unquiet(self) -> str:
        """What still waits; nothing: ''."""
        world = self.world
        for name, places in (("foresee", world.journal), ("learn", world.answers)):
            for place in places:
                sender = f"{name}/{place[1]}"
                store, log = world.redis.shard(f"{name}:{place[1]}").twin, world.broker.logs[place]
                if store._held.position != len(log.entries) or log.open:
                    return f"{sender} stands at {store._held.position} of {len(log.entries)}"
                if store._due:
                    return f"{sender} has {len(store._due)} due"
                for destination, top in store._tops.items():
                    if (mark := self._mark(sender, store, destination)) < top:
                        return f"{sender}: {destination} holds {mark} of {top}"
        for place in world.shop:
            if (read := world.group.committed.get(place, 0)) != (
                end := len(world.broker.logs[place].entries)
            ):
                return f"intake of {place} stands at {read} of {end}"
        return "" if world.loop.time() > SECONDS + 8 else "outcomes may be under way"

    def _mark(self, sender: str, store: MemoryStore, destination: str) -> int:
        if destination == QUEUE:
            return int(self.world.redis.shards["queue"].twin.marks.get(sender, 0))
        if destination == NOTICES:
            journal = range(self.world.settings.partitions)
            return min(store._sent.get(f"{NOTICES}/{k}", 0) for k in journal)
        return store._sent.get(destination, 0)
