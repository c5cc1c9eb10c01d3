"""A Faust transport (`chunks://host:port`) that hands on one message for each fetched chunk.

Faust spends four asyncio tasks, some 57 µs, on a message; so a message is a chunk. Faust keeps assignment,
rebalance, offsets for lag tools, and sensors. What differs from Faust's own aiokafka driver:

- chunked topics are drained partition by partition, with the position before and after (`_take`);
- it reads committed data alone, and never resets a position by itself;
- `seek_to_committed` asks the state for positions, not Kafka;
- a message fetched again after a seek is not dropped as read before (`_Unread`);
- acks move Kafka's committed offset to the end of the last chunk that was processed, never of one that was dropped.

The assumptions about the insides of Faust and aiokafka stand in tests/unit/test_transport_contract.py.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import ConsumerStoppedError, OffsetOutOfRangeError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as AIOKafkaDriverConsumer
from faust.transport.drivers.aiokafka import Transport as AIOKafkaDriverTransport
from faust.types import TP, ConsumerMessage
from mode.services import WaitResults

from forestall.agents.chunk import Chunk, Chunked, Place
from forestall.agents.eager import begin
from forestall.agents.metadata import ask_slowly
from forestall.agents.unpacking import Slices
from forestall.pipeline.errors import PositionLost

Fetched = dict[TP, list[Any]]

#: What one fetch brings of all partitions together, in bytes; with the chunks that wait, this bounds memory.
FETCH_BYTES = 8 * 1024 * 1024
#: aiokafka has one fetch in flight to a broker. It must not ask for some partitions alone, and then wait for
#: new records there, while what it has of the others is still being processed; so long it holds back.
HOLD_BACK = 5.0

#: A commit and what it has delivered cost as much for one event as for fifty. So while events come a fetch waits for
#: more, for at most so many ms or until there are so many bytes;
GATHER_MS, GATHER_BYTES = 25, 64 * 1024
#: the first one after so many seconds of silence is handed on at once, by a fetch that waits for it so many ms.
SILENCE, AWAIT_MS = 1.0, 1_500


class _Unread(defaultdict[TP, int | None]):
    """Faust's record of what it has read, which it consults to drop what comes again after a seek.

    For chunked topics nothing ever counts as read: the processor compares positions, exactly.
    """

    def __init__(self, chunked: frozenset[str]) -> None:
        super().__init__(lambda: None)
        self._chunked = chunked

    def __getitem__(self, place: TP) -> int | None:
        return None if place.topic in self._chunked else super().__getitem__(place)


class ChunkThread(AIOKafkaConsumerThread):
    """The thread that fetches. Its methods with a leading underscore run in it, through `call_thread`."""

    _came = 0.0  # when there was anything, on the loop's clock

    @property
    def chunked(self) -> Chunked:
        """What the application told the transport."""
        return _chunked(self.transport)

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._auto_offset_reset = "none"
        consumer._fetch_max_bytes = FETCH_BYTES
        ask_slowly(consumer._client)
        return consumer

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: Collection[Place],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Mapping[TP, list[Any]]:
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        fetcher._prefetch_backoff = HOLD_BACK
        with fetcher._subscriptions.fetch_context():
            fetched = await self._drain(fetcher, active_partitions, max_records)
            if not fetched and timeout:
                waiter = fetcher._create_fetch_waiter()
                await asyncio.wait([waiter], timeout=timeout)
                waiter.cancel()
                fetched = await self._drain(fetcher, active_partitions, max_records)
            self._gather(fetcher, bool(fetched))
            return fetched

    def _gather(self, fetcher: Any, came: bool) -> None:
        """Says how the next fetch waits, which aiokafka sends as soon as we wait ourselves."""
        now = asyncio.get_running_loop().time()
        self._came = now if came else self._came
        flows = now - self._came < SILENCE
        fetcher._fetch_min_bytes = GATHER_BYTES if flows else 1
        fetcher._fetch_max_wait_ms = GATHER_MS if flows else AWAIT_MS

    async def _drain(self, fetcher: Any, active: Collection[Place], max_records: int | None) -> Fetched:
        """Takes all that has been fetched. Nothing in it waits, so that positions are those of the records."""
        fetched: Fetched = {}
        for place in [place for place in fetcher._records if place in active]:
            if fetcher._subscriptions.reassignment_in_progress or not self.consumer.flow_active:
                break
            if place.topic in self.chunked.topics:
                if chunks := await self._take(fetcher, place):
                    fetched[TP(*place)] = chunks
            else:
                records = await fetcher.fetched_records((place,), timeout=0, max_records=max_records)
                fetched.update((TP(*place), found) for place, found in records.items())
        return fetched

    async def _take(self, fetcher: Any, place: Any) -> list[Chunk]:
        """What one fetch brought of one partition, cut at the limit."""
        epoch = self.chunked.epochs.get(place)
        state = fetcher._subscriptions.subscription.assignment.state_value(place)
        chunks: list[Chunk] = []
        if epoch is None or state is None or not state.has_valid_position:
            return chunks
        while place in fetcher._records:
            result, start = fetcher._records[place], state.position
            if type(result) is FetchResult and type(result._partition_records) is PartitionRecords:
                result._partition_records = Slices(result._partition_records, self.chunked.limit)
            try:
                drained = await fetcher.fetched_records((place,), timeout=0, max_records=1)  # one slice
            except OffsetOutOfRangeError:
                raise position_lost(place, start, "the log has no such offset", self.chunked) from None
            if drained or state.position > start:
                (records,) = drained.get(place, [[]])
                topic, number = place
                chunks.append(
                    Chunk(topic, number, records, start, state.position, epoch, _readable_end(state))
                )
        return chunks

    async def _seek_checked(self, held: Mapping[Place, int | None]) -> dict[Place, int]:
        """Seeks to the held positions; those of None to the beginning. Raises PositionLost."""
        consumer = self._ensure_consumer()
        beginnings = await consumer.beginning_offsets([TopicPartition(*place) for place in held])
        positions: dict[Place, int] = {}
        for place, beginning in beginnings.items():
            position = held[place]
            if position is not None and position < beginning:
                raise position_lost(place, position, f"the log begins at {beginning}", self.chunked)
            consumer.seek(place, beginning if position is None else position)
            positions[TP(*place)] = beginning if position is None else position
        return positions

    async def _committed(self, places: Collection[Place]) -> dict[Place, int | None]:
        consumer = self._ensure_consumer()
        return {place: await consumer.committed(TopicPartition(*place)) for place in places}


class ChunkConsumer(AIOKafkaDriverConsumer):
    """Faust's consumer, in the event loop's thread."""

    _thread: ChunkThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._chunked = _chunked(self.transport)
        self._read_offset = _Unread(self._chunked.topics)

    def _new_consumer_thread(self) -> ChunkThread:
        return ChunkThread(self, loop=self.loop, beacon=self.beacon)

    def on_buffer_full(self, tp: TP) -> None:
        """Faust would stop fetching a partition whose chunks wait, and all others with it for a while.

        A full stream holds the fetching loop instead, until it has room.
        """

    def on_buffer_drop(self, tp: TP) -> None:
        """See on_buffer_full."""

    async def wait_first(self, *waits: Any, timeout: Any = None) -> Any:
        """Faust delivers a message in a task, beside three that wait for an end: three rounds of a loop in which cores
        compute for milliseconds, for each message. Most deliveries wait for nothing, and are done at once."""
        first, *others = waits
        if asyncio.iscoroutine(first):
            rest = begin(first)
            if rest is None:
                for other in others:
                    other.close()
                return WaitResults([first], [None], self.should_stop)
            first = rest
        return await super().wait_first(first, *others, timeout=timeout)

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:
        try:
            return await super()._getmany(active_partitions, timeout)
        except PositionLost as lost:
            self._chunked.failed(lost)
            raise

    def _to_message(self, tp: TP, record: Any) -> Any:
        if type(record) is not Chunk:
            return super()._to_message(tp, record)
        seconds = record.records[-1].ms / 1000 if record.records else 0.0
        last = record.end - 1  # Kafka's committed offset is one more than what was acknowledged
        generation = self.app.consumer_generation_id
        value: Any = record
        return ConsumerMessage(
            *tp, last, seconds, 0, [], None, value, None, 0, 0, tp, generation_id=generation
        )

    def _new_offset(self, tp: TP) -> int | None:
        if tp.topic not in self._chunked.topics:
            offset: int | None = super()._new_offset(tp)
            return offset
        acked = self._acked[tp]
        if not acked:
            return None
        last = max(acked)  # chunks are processed in order; the holes between them are no records of ours
        acked.clear()
        self._acked_index[tp].clear()
        return self._chunked.committable(tp, last + 1)

    async def seek_to_committed(self) -> Mapping[Any, int]:
        """Seeks every partition to where its state stands. Only reads; also runs when flow resumes."""
        ours = {tp for tp in self.assignment() if tp.topic in self._chunked.topics}
        held = await self._chunked.positions(ours)
        others = self.assignment() - ours
        committed = await self.committed(others) if others else {}
        return await self.seek_held({**held, **committed})

    async def committed(self, places: Collection[Place]) -> Mapping[Place, int | None]:
        """What Kafka knows as read by our group; None where it knows nothing."""
        known: Mapping[Place, int | None] = await self._thread.call_thread(self._thread._committed, places)
        return known

    async def seek_held(self, held: Mapping[Place, int | None]) -> Mapping[Any, int]:
        """Seeks to these positions (None: the beginning). Raises PositionLost, and tells the application."""
        if not held:
            return {}
        try:
            positions: Mapping[Any, int] = await self._thread.call_thread(self._thread._seek_checked, held)
        except PositionLost as lost:
            self._chunked.failed(lost)
            raise
        self._chunked.sought(held, positions)
        return positions

    def readable_end(self, place: Place) -> int | None:
        """Where the log ends as of the last fetch; None before the first, or if the partition is not ours."""
        assignment = self._thread._ensure_consumer()._subscription.subscription.assignment
        state = assignment.state_value(TopicPartition(*place)) if assignment is not None else None
        return None if state is None or state.highwater is None else _readable_end(state)


class Transport(AIOKafkaDriverTransport):
    """Registered in the entry point group `faust.transports` for the scheme `chunks`."""

    Consumer: ClassVar[type[ChunkConsumer]] = ChunkConsumer
    #: Set by `app.build` before anything starts.
    chunked: Chunked


def _chunked(transport: Any) -> Chunked:
    chunked: Chunked = transport.chunked
    return chunked


def _readable_end(state: Any) -> int:
    """The last stable offset, or the high watermark where a broker does not tell it."""
    stable = state.lso
    end: int = state.highwater if stable is None or stable < state.position else stable
    return end


def position_lost(place: Place, position: int, why: str, chunked: Chunked) -> PositionLost:
    """The error for a position that is not in the log, with its remedy; `why` says what the log has."""
    foreign = place[0] in chunked.foreign
    stands = "the intake" if foreign else "the state"
    start_anew = (
        "set the group's offset (kafka-consumer-groups)" if foreign else "delete this partition's state"
    )
    return PositionLost(
        f"{place[0]} partition {place[1]}: {stands} stands at position {position}, but {why} "
        "(retention passed it, or the topic was made anew). Going on would skip events in silence. "
        f"Restore the topic; or {start_anew}, restart, and lengthen the retention."
    )
