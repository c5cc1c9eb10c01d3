"""What this worker owns: for each assigned partition its processor, relay and ticker, from assignment to
revocation."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from aiokafka import AIOKafkaProducer

from forestall.agents.breaker import Breaker
from forestall.agents.chunk import Chunk, Chunked, Place
from forestall.agents.intake import Intake
from forestall.agents.lanes import Lanes
from forestall.agents.processor import Committed, Limits, Processor
from forestall.agents.relay import Relay
from forestall.agents.settings import Settings
from forestall.agents.tail import read_tail
from forestall.agents.ticks import Ticker
from forestall.pipeline.core.effects import DEAD_LETTERS, Record
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.metrics import Metrics
from forestall.pipeline.store.interface import Store
from forestall.schemas.deadletter import decode_dead_letter

#: More undelivered effects than this, and a partition waits for its relay before it processes on.
BACKLOG = 50_000


@dataclass(frozen=True)
class Part:
    """One of the two processors: its topic, and how its cores are made (partition, answers partitions)."""

    name: str
    topic: str
    core: Callable[[int, int], Core]
    ticks: bool


class Edges:
    """What the owned partitions share: settings, connections, and Faust's app once it is there."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        store: Callable[[str, int], Store],
        producer: AIOKafkaProducer,
        lanes: Lanes,
        failed: Callable[[BaseException], None],
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.store = store
        self.producer = producer
        self.lanes = lanes
        self.failed = failed
        self._app: Any = None

    def attach(self, app: Any) -> None:
        """The app, which is made after us."""
        self._app = app

    def consumer(self) -> Any:
        """Faust's consumer: a ChunkConsumer."""
        return self._app.consumer

    def rebalancing(self) -> bool:
        """Whether the group is dividing the partitions anew."""
        return bool(self._app.rebalancing)


class Owned:
    """One partition while it is ours."""

    def __init__(self, part: Part, core: Core, place: Place, edges: Edges, owner: "Owner") -> None:
        settings = edges.settings
        self.part = part
        self.core = core
        self.place = place
        self.store = edges.store(part.name, place[1])
        self._edges = edges
        self._breaker = owner.breakers[part.name]
        self.processor = Processor(
            core,
            self.store,
            place,
            owner.chunked,
            edges.consumer,
            ours=owner.tokens,
            committed=self._committed,
            refused=lambda cause: edges.metrics.commits_refused.labels(part.name, cause).inc(),
            limits=Limits(budget=settings.chunk_budget, cached=settings.cache_limit),
        )
        self.relay: Relay | None = None
        self.ticker: Ticker | None = None

    async def open(self, lanes: Mapping[str, int]) -> None:
        """Takes the partition; then its relay and ticks begin."""
        await self.close()
        await self.processor.open()
        edges = self._edges
        self.relay = Relay(
            self.store,
            edges.lanes.of(self.part.name, self.place[1], self.store, lanes),
            edges.settings.outbox_seconds,
            edges.failed,
        )
        self.relay.start()
        if self.part.ticks:
            self.ticker = Ticker(self.core, self.place, self.read_to_end, self._tail, edges.producer)

    async def close(self) -> None:
        """The partition is no longer ours, or about to be taken anew."""
        self.processor.close()
        self.ticker = None
        if self.relay is not None:
            await self.relay.stop()
            self.relay = None

    def read_to_end(self) -> bool:
        """Whether nothing in the log waits to be processed."""
        end = self._edges.consumer().readable_end(self.place)
        return end is not None and self.processor.position >= end

    async def _tail(self, count: int) -> list[Record]:
        return await read_tail(self._edges.settings, self.place, self.processor.position, count)

    async def process(self, chunk: Chunk) -> None:
        """Applies a chunk once the relay has kept up."""
        while self.relay is not None and self.relay.backlog() > BACKLOG and not self._edges.rebalancing():
            await asyncio.sleep(0.05)
        self._edges.metrics.chunks.labels(self.part.name).inc()
        await self.processor.process(chunk)

    async def keep(self, compare: bool) -> None:
        """What is done each second: ticks, gauges, and now and then whether the store still stands with us."""
        if self.ticker is not None:
            await self.ticker.tick()
        if compare:
            await self.processor.compare()
        self._show()

    async def _committed(self, did: Committed) -> None:
        metrics = self._edges.metrics
        metrics.records.labels(self.part.name).inc(len(did.records))
        metrics.commit_seconds.labels(self.part.name).observe(did.seconds)
        metrics.know_types(self.core.event_types())
        metrics.carry_out(did.changes.counts)
        if did.changes.effects and self.relay is not None:
            self.relay.wake({effect.destination: effect.sequence for effect in did.changes.effects})
        if self.ticker is not None:
            self.ticker.saw(did.records)
        self._judge(did)

    def _judge(self, did: Committed) -> None:
        letters = [effect for effect in did.changes.effects if effect.destination == DEAD_LETTERS]
        if not letters:
            self._breaker.saw(len(did.records))
            return
        dead = {letter.offset: letter for letter in map(decode_dead_letter, (e.payload for e in letters))}
        for record in did.records:
            letter = dead.get(record.offset)
            if letter is None:
                self._breaker.saw(1)
            else:
                self._breaker.saw_dead(letter.cause)

    def _show(self) -> None:
        metrics, name, partition = self._edges.metrics, self.part.name, str(self.place[1])
        end = self._edges.consumer().readable_end(self.place)
        if end is not None:
            metrics.lag_records.labels(name, partition).set(max(0, end - self.processor.position))
        if self.core.watermark():
            metrics.watermark.labels(name, partition).set(self.core.watermark() / 1000)
        if self.relay is not None:
            for destination, waiting in self.relay.waiting().items():
                metrics.outbox_records.labels(name, partition, destination).set(waiting)
        metrics.cached_documents.labels(name, partition).set(self.core.cached())
        scores = getattr(self.core, "scores", None)
        if scores is not None:
            metrics.show_scores(self.place[1], scores())


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
        self.chunked = Chunked(topics, self.positions, edges.failed, edges.settings.chunk_limit)
        self.tokens: set[str] = set()
        self.owned: dict[Place, Owned] = {}
        self.breakers: dict[str, Breaker] = {}
        self._parts = {part.topic: part for part in parts}
        self._edges = edges

    async def assigned(self, places: Collection[Place]) -> None:
        """A new assignment: each partition is taken with a new epoch, also those that we had before."""
        ours = {place for place in places if place[0] in self._parts}
        for place in set(self.owned) - ours:
            await self._drop(place)
        edges = self._edges
        counts = await edges.lanes.partitions()
        for place in sorted(ours - set(self.owned)):
            self.owned[place] = self._make(place, counts[edges.settings.topics.answers])
        await asyncio.gather(*(self.owned[place].open(counts) for place in ours))
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
        return Owned(part, part.core(place[1], answers_partitions), place, edges, self)

    async def _drop(self, place: Place) -> None:
        owned = self.owned.pop(place)
        await owned.close()
        self._edges.metrics.left(owned.part.name, place[1])
