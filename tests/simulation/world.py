"""One run's world: servers and settings; and the product's clocks, random ids and side doors taken from it.

Trees are small, and fitted after few answers.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from forestall.agents import own_events, ownership, processor, ticks
from forestall.agents.chunk import Place
from forestall.agents.own_events import answers_copy, journal_copy
from forestall.agents.settings import Settings
from forestall.pipeline.core.effects import Progress, Record
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.core.learn import Learn
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.queue.values import Policy
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.training import fitting, trainer
from forestall.schemas.catalogue import CatalogueFile, Configuration
from tests.simulation.broker import Broker
from tests.simulation.faults import Faults
from tests.simulation.foreign import SHOP, SHOP_PARTITIONS
from tests.simulation.group import Group
from tests.simulation.log import Sent
from tests.simulation.loop import PROCESS, SimulatedLoop
from tests.simulation.queue_twin import MemoryQueue
from tests.simulation.redis import Redis
from tests.simulation.workload import POISON

#: 2026-03-02T23:58:30Z: a new day begins within the run.
START_MS = 1_772_495_910_000

MakeCore = Callable[[int, int], Core]


class Poisonable(Foresee):
    """Foresee with a flaw: some legal events are too much for it."""

    def run(self, records: Sequence[Record], start: int, budget: int) -> Progress:
        """See Core."""
        if self._started and any(POISON in (record.value or b"") for record in records[start:]):
            raise ZeroDivisionError
        return super().run(records, start, budget)


class World:
    """See the module. `ends` counts what workers ended by, `raised` keeps the first of each kind."""

    def __init__(
        self,
        loop: SimulatedLoop,
        faults: Faults,
        settings: Settings,
        store: type[MemoryStore],
        queue: type[MemoryQueue],
    ) -> None:
        self.loop, self.faults, self.settings = loop, faults, settings
        self.chance: random.Random = loop.random
        topics = settings.topics
        counts = dict.fromkeys(topics, settings.partitions)
        counts |= {topics.answers: settings.answers_partitions, topics.catalogue: 1, SHOP: SHOP_PARTITIONS}
        self.broker = Broker(loop, faults, counts, START_MS)
        policy = Policy(attempts=3, backoff=500, ceiling=2_000)
        self.redis = Redis(loop, faults, policy, store, queue)
        self.group = Group(loop, self.journal + self.answers + self.shop)
        self.ends: Counter[str] = Counter()
        self.raised: dict[str, BaseException | None] = {}
        self.configuration: Configuration | None = None
        self.cores: tuple[MakeCore, MakeCore] = (
            lambda p, answers: Poisonable(p, answers, topics.events),
            lambda p, _answers: Learn(p, topics.answers),
        )
        self._skews: dict[str, float] = {}

    @property
    def journal(self) -> list[Place]:
        """The journal's partitions."""
        return [(self.settings.topics.events, p) for p in range(self.settings.partitions)]

    @property
    def answers(self) -> list[Place]:
        """The partitions of answers."""
        return [(self.settings.topics.answers, p) for p in range(self.settings.answers_partitions)]

    @property
    def shop(self) -> list[Place]:
        """The foreign topic's partitions."""
        return [(SHOP, p) for p in range(SHOP_PARTITIONS)]

    def ended(self, error: BaseException | None) -> None:
        """A worker ended by this."""
        name = type(error).__name__
        self.ends[name] += 1
        self.raised.setdefault(name, error)

    def configure(self, text: str, missing: int) -> None:
        """Applies a catalogue, but dies before the last `missing` copies."""
        topics, broker = self.settings.topics, self.broker
        version = broker.append((topics.catalogue, 0), [Sent(None, b"{}")])
        files = [CatalogueFile("simulated.toml", text)]
        self.configuration = Configuration(version=version, files=files, salt="salt")
        places = self.answers + self.journal
        for place in places[: len(places) - missing]:
            self._copy(place)

    def _copy(self, place: Place) -> None:
        assert self.configuration is not None
        value = (
            journal_copy(self.configuration, self.broker.wall())
            if place in self.journal
            else answers_copy(self.configuration)
        )
        self.broker.append(place, [Sent(None, value)])

    # ------------------------------------------------------------- what the product asks of its surroundings

    async def _complete(self, owned: Iterable[Any], settings: Settings) -> None:
        """As agents/copies.py, over the simulated broker."""
        for one in list(owned):
            version = one.core.configured()
            if version is None or self.configuration is None or not one.read_to_end():
                continue
            if version < self.configuration.version:
                await self.broker.request(lambda one=one: self._copy(one.place), writes=False)  # type: ignore[misc]

    def _time(self) -> float:
        process = PROCESS.get()
        assert process is not None
        skew = self._skews.setdefault(process.name, self.chance.choice((0.0, 0.0, -3.0, 5.0)))
        return self.broker.wall() / 1000 + skew

    def _token(self, count: int) -> str:
        return f"{self.chance.getrandbits(8 * count):0{2 * count}x}"

    @contextmanager
    def surrounds(self) -> Iterator[None]:
        """The product's clocks, random ids and side doors are this world's."""
        identity = SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=self._token(16)))
        with ExitStack() as stack:
            for module, name, value in (
                (ticks, "time", SimpleNamespace(time=self._time)),
                (processor, "secrets", SimpleNamespace(token_hex=self._token)),
                (own_events, "uuid", identity),
                (ownership, "complete", self._complete),
                (trainer, "REFITS", (8, 16, 32)),
                (trainer, "REFIT_EVERY", 40),
                (fitting, "ROUNDS", 5),
            ):
                stack.enter_context(patch.object(module, name, value))
            yield
