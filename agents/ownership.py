"""What this worker owns, from assignment to revocation: chunks and positions of its partitions."""

import asyncio
from collections.abc import Collection, Mapping
from itertools import count

from forestall.agents.breaker import Breaker
from forestall.agents.chunk import Chunk, Chunked, Place
from forestall.agents.copies import EVERY, complete
from forestall.agents.intake import Intake
from forestall.agents.owned import Edges, Owned, Part
from forestall.agents.settings import Settings
from forestall.pipeline.store.interface import Store


def breaker(settings: Settings) -> Breaker:
    """A breaker as set."""
    return Breaker(
        share=settings.breaker_share,
        window=settings.breaker_window,
        in_a_row=settings.breaker_in_a_row,
        on=settings.breaker == "on",
    )


class Owner:
    """All that is ours. Assignment and revocation come from Faust, chunks from its agents."""

    def __init__(self, parts: Collection[Part], edges: Edges, intake: Intake | None = None) -> None:
        self.intake = intake
        self._foreign = intake.topics if intake is not None else frozenset[str]()
        topics = frozenset(part.topic for part in parts) | self._foreign
        limit = edges.settings.chunk_limit
        self.chunked = Chunked(topics, self.positions, edges.failed, limit, foreign=self._foreign)
        self.tokens: set[str] = set()
        self.owned: dict[Place, Owned] = {}
        self.breakers: dict[str, Breaker] = {}
        self._parts = {part.topic: part for part in parts}
        self._edges = edges

    async def assigned(self, places: Collection[Place]) -> None:
        """A new assignment: each partition is taken with a new epoch, also those that we had before."""
        self._edges.metrics.assignments.inc()
        ours = {place for place in places if place[0] in self._parts}
        for place in set(self.owned) - ours:
            await self._drop(place)
        edges = self._edges
        counts = await edges.lanes.partitions()
        for place in sorted(ours - set(self.owned)):
            self.owned[place] = self._make(place, counts[edges.settings.topics.answers])
        await asyncio.gather(*(self.owned[place].open(counts) for place in sorted(ours)))
        if self.intake is not None:
            self.intake.assigned(places, self.chunked)

    async def revoked(self, places: Collection[Place]) -> None:
        """These are no longer ours; what they cached stays until it is known whether they come back."""
        await asyncio.gather(*(self.owned[place].close() for place in places if place in self.owned))
        if self.intake is not None:
            self.intake.revoked(places, self.chunked)

    async def positions(self, places: Collection[Place]) -> Mapping[Place, int | None]:
        """Where the state of each partition stands; None if it is new. A foreign topic has no state but Kafka's."""
        foreign = [place for place in places if place[0] in self._foreign]
        if self.intake is not None and foreign:
            rest = await self.positions([place for place in places if place[0] not in self._foreign])
            return {**rest, **await self.intake.positions(foreign)}
        helds = await asyncio.gather(*(self._store(place).held() for place in places))
        return {
            place: held.position if held.commit is not None else None
            for place, held in zip(places, helds, strict=True)
        }

    async def process(self, chunk: Chunk) -> None:
        """Applies a chunk, unless its partition has been taken from us."""
        if self.intake is not None and chunk.topic in self._foreign:
            await self.intake.process(chunk, self.chunked)
            return
        owned = self.owned.get((chunk.topic, chunk.partition))
        if owned is not None:
            await owned.process(chunk)

    async def keep(self) -> None:
        """Housekeeping, once a second, until cancelled."""
        for second in count():
            for owned in list(self.owned.values()):
                if owned.relay is not None:
                    await owned.keep(compare=second % 3 == 0)
            if second % EVERY == 10:
                await complete(list(self.owned.values()), self._edges.settings)
            await asyncio.sleep(1)

    async def stop(self) -> None:
        """Ends relays and ticks."""
        await self.revoked(list(self.owned))

    def _store(self, place: Place) -> Store:
        return self._edges.store(self._parts[place[0]].name, place[1])

    def _make(self, place: Place, answers_partitions: int) -> Owned:
        part, edges = self._parts[place[0]], self._edges
        settings = edges.settings
        self.breakers.setdefault(part.name, breaker(settings))
        core = part.core(place[1], answers_partitions)
        return Owned(part, core, place, edges, self.chunked, self.tokens, self.breakers[part.name])

    async def _drop(self, place: Place) -> None:
        owned = self.owned.pop(place)
        await owned.close()
        self._edges.metrics.left(owned.part.name, place[1])
