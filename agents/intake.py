"""The intake: chunks of foreign topics in, events in the journal out, keyed by customer.

Exactly once in effect: an event says where in the foreign topic it stood, in order, so what is sent twice is counted
once by the core (see pipeline/core/taking_in.py). A chunk counts as read, for Kafka's committed offset, only after
the brokers have acknowledged all of its events and dead letters; until then nothing later is sent, so that no
event overtakes one that failed.
"""

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from forestall.agents.breaker import Breaker
from forestall.agents.chunk import Chunk, Chunked, Place
from forestall.agents.receivers import TopicReceiver
from forestall.agents.settings import Settings, Topics
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.taking_in import stamp
from forestall.pipeline.metrics import Metrics
from forestall.pipeline.sources import mapping as mappings_of
from forestall.pipeline.sources.translating import Origin, translate
from forestall.pipeline.store.values import OutboxRecord
from forestall.schemas.deadletter import DeadLetter
from forestall.schemas.event import encode

log = logging.getLogger(__name__)

NAME = "intake"

#: How far Kafka knows each of these partitions to be read; None where it knows nothing.
Offsets = Callable[[Collection[Place]], Awaitable[Mapping[Place, int | None]]]


class ForeignTopic(NamedTuple):
    """A topic to take in: how, and the broker's id for it."""

    mapping: mappings_of.Mapping
    topic_id: str


class Intake:
    """Takes the place of a processor for foreign topics: they have no state but their committed offset."""

    def __init__(
        self,
        foreign: Sequence[ForeignTopic],
        settings: Settings,
        producer: AIOKafkaProducer,
        metrics: Metrics,
        breaker: Breaker,
        offsets: Offsets,
    ) -> None:
        self.topics = frozenset(topic.mapping.topic for topic in foreign)
        self._foreign = {topic.mapping.topic: topic for topic in foreign}
        self._topics: Topics = settings.topics
        self._producer = producer
        self._metrics = metrics
        self._breaker = breaker
        self._offsets = offsets

    async def positions(self, places: Collection[Place]) -> Mapping[Place, int | None]:
        """Where to read on: Kafka's committed offset, or the beginning of a topic never read."""
        return await self._offsets(places) if places else {}

    def assigned(self, places: Collection[Place], chunked: Chunked) -> None:
        """These are ours now; chunks fetched for an earlier assignment are stale."""
        self.revoked([place for place in chunked.epochs if place[0] in self.topics], chunked)
        for place in places:
            if place[0] in self.topics:
                chunked.epochs[place] = f"{NAME}/{secrets.token_hex(8)}"

    def revoked(self, places: Collection[Place], chunked: Chunked) -> None:
        """These are no longer ours."""
        for place in places:
            if place[0] in self.topics:
                chunked.epochs.pop(place, None)
                chunked.done.pop(place, None)
                self._metrics.left(NAME, f"{place[0]}/{place[1]}")

    async def process(self, chunk: Chunk, chunked: Chunked) -> None:
        """Sends what a chunk becomes, and returns when all of it is acknowledged. Raises what must end us."""
        place = chunk.topic, chunk.partition
        if chunk.epoch != chunked.epochs.get(place):
            return
        letters = await self._send(chunk)
        self._metrics.chunks.labels(NAME).inc()
        self._metrics.records.labels(NAME).inc(len(chunk.records))
        lag = self._metrics.lag_records.labels(NAME, f"{chunk.topic}/{chunk.partition}")
        lag.set(max(0, chunk.highwater - chunk.end))
        self._metrics.intake_records.labels(chunk.topic).inc(len(chunk.records))
        self._judge(chunk.records, letters)
        if chunk.epoch == chunked.epochs.get(place):
            chunked.done[place] = chunk.end

    async def _send(self, chunk: Chunk) -> dict[int, DeadLetter]:
        foreign = self._foreign[chunk.topic]
        origin = Origin(chunk.topic, foreign.topic_id, chunk.partition)
        journal = await self._partitions(self._topics.events)
        lanes: defaultdict[Place, list[OutboxRecord]] = defaultdict(list)
        letters: dict[int, DeadLetter] = {}
        count = 0
        for record in chunk.records:
            found = translate(foreign.mapping, origin, record)
            if isinstance(found, DeadLetter):
                letters[record.offset] = found
                continue
            count += len(found)
            for row, event in enumerate(found):
                key = (event.customer or "").encode()
                place = (self._topics.events, murmur2(key) % 0x80000000 % journal)
                taken = stamp(place, foreign.topic_id, chunk.partition, record.offset, row)
                lanes[place].append(
                    OutboxRecord(0, key, encode(msgspec.structs.replace(event, forestalltaken=taken)))
                )
        if letters:
            place = (
                self._topics.deadletters,
                chunk.partition % await self._partitions(self._topics.deadletters),
            )
            lanes[place] = [OutboxRecord(0, letter.key, encode(letter)) for letter in letters.values()]
        await asyncio.gather(*(self._deliver(place, records) for place, records in lanes.items()))
        self._metrics.intake_events.labels(chunk.topic).inc(count)
        return letters

    async def _deliver(self, place: Place, records: Sequence[OutboxRecord]) -> None:
        """One batch at a time, each after the acknowledgement of the one before."""
        numbered = [record._replace(sequence=number) for number, record in enumerate(records, 1)]
        receiver = TopicReceiver(self._producer, *place)
        done = 0
        while done < len(numbered):
            done = await receiver.deliver(numbered[done:])

    async def _partitions(self, topic: str) -> int:
        return len(await self._producer.partitions_for(topic))

    def _judge(self, records: Sequence[Record], letters: Mapping[int, DeadLetter]) -> None:
        """Counts; may open the breaker. The chunk is then read again, and its dead letters are sent again."""
        for dead in letters.values():
            self._metrics.dead_letters.labels(dead.cause).inc()
        for record in records:
            letter = letters.get(record.offset)
            if letter is None:
                self._breaker.saw(1)
            else:
                self._breaker.saw_dead(letter.cause)
