"""One partition while it is ours: its processor, relay and ticker, and the edges that all of them share."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer

from forestall.agents.breaker import Breaker
from forestall.agents.chunk import Chunk, Chunked, Place
from forestall.agents.gathering import Gathering
from forestall.agents.lanes import Lanes
from forestall.agents.marks import Marks
from forestall.agents.processor import Committed, Limits, Processor
from forestall.agents.relay import Relay
from forestall.agents.settings import Settings
from forestall.agents.taking_over import TakeOver
from forestall.agents.ticks import Ticker
from forestall.pipeline.core.effects import DEAD_LETTERS
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.metrics import Metrics
from forestall.pipeline.store.interface import Store
from forestall.schemas.deadletter import decode_dead_letter

#: More undelivered effects than this, and a partition waits for its relay before it processes on.
BACKLOG = 50_000


@dataclass(frozen=True)
class Part:
    """One of the two processors: its topic, and how its cores are made (partition, answers partitions).

    `gather` is for how many seconds chunks are awaited and joined before they are processed and committed. `turn` is
    how many records are computed before others may (None: a chunk's): where nobody waits for a commit, others need not
    wait for it.
    """

    name: str
    topic: str
    core: Callable[[int, int], Core]
    ticks: bool
    gather: float = 0.0
    turn: int | None = None


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

    def __init__(
        self,
        part: Part,
        core: Core,
        place: Place,
        edges: Edges,
        chunked: Chunked,
        tokens: set[str],
        counting: Breaker,
    ) -> None:
        settings = edges.settings
        self.part = part
        self.core = core
        self.place = place
        self.store = edges.store(part.name, place[1])
        self._edges = edges
        self._breaker = counting
        self.processor = Processor(
            core,
            self.store,
            place,
            chunked,
            edges.consumer,
            ours=tokens,
            committed=self._committed,
            refused=lambda cause: edges.metrics.commits_refused.labels(part.name, cause).inc(),
            limits=Limits(budget=settings.chunk_budget, cached=settings.cache_limit, turn=part.turn),
        )
        self._gathering = Gathering(self._work_off, edges.failed, part.gather, settings.chunk_limit)
        self._take_over = TakeOver(settings, self.store, part.name, place[1])
        self.relay: Relay | None = None
        self.ticker: Ticker | None = None

    async def open(self, lanes: Mapping[str, int]) -> None:
        """Takes the partition; then its relay and ticks begin."""
        await self.close()
        await self.processor.open()
        edges, marks = self._edges, Marks(self.store)
        self.relay = Relay(
            self.store,
            marks,
            edges.lanes.of(
                self.part.name, self.place[1], self.store, marks, lanes, self.processor.still_ours
            ),
            edges.settings.outbox_seconds,
            edges.failed,
        )
        self.relay.start()
        if self.part.ticks:
            self.ticker = Ticker(self.core, self.place, self.read_to_end, edges.producer)

    async def close(self) -> None:
        """The partition is no longer ours, or about to be taken anew."""
        self.processor.close()
        self._gathering.drop()
        self.ticker = None
        if self.relay is not None:
            await self.relay.stop()
            self.relay = None

    def read_to_end(self) -> bool:
        """Whether nothing in the log waits to be processed."""
        end = self._edges.consumer().readable_end(self.place)
        return end is not None and self.processor.position >= end

    async def process(self, chunk: Chunk) -> None:
        """Has a chunk applied; returns once there is room for the next."""
        await self._gathering.take(chunk)

    async def _work_off(self, chunk: Chunk) -> None:
        """Applies a chunk once the relay has kept up; after an upgrade once the earlier core's effects are out."""
        left = self.core.outdated()
        if left is not None and not await self._take_over.begin(left, self.processor.token, self._stays):
            return
        while self.relay is not None and self.relay.backlog() > BACKLOG and not self._edges.rebalancing():
            await asyncio.sleep(0.05)
        self._edges.metrics.chunks.labels(self.part.name).inc()
        await self.processor.process(chunk)

    def _stays(self) -> bool:
        return self.relay is not None and not self._edges.rebalancing()

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
        if self.relay is not None:
            self.relay.wake(did.outboxes)
        if self.ticker is not None:
            self.ticker.saw(did.records)
        self._judge(did)

    def _judge(self, did: Committed) -> None:
        letters = did.outboxes.get(DEAD_LETTERS)
        if not letters:
            self._breaker.saw(len(did.records))
            return
        dead = {
            letter.offset: letter for letter in map(decode_dead_letter, (each.payload for each in letters))
        }
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
