"""The chunk transport's assumptions about the insides of Faust, mode and aiokafka, each by name.

One that fails after an upgrade says which part of agents/transport.py to look at.
"""

import asyncio
import gc
import inspect
import re
import tomllib
import weakref
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import entry_points, version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import CorruptRecordException, OffsetOutOfRangeError
from aiokafka.record import MemoryRecords
from faust.streams import Stream
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from forestall.agents.chunk import Chunk, Chunked
from forestall.agents.transport import (
    AWAIT_MS,
    GATHER_BYTES,
    GATHER_MS,
    SILENCE,
    ChunkConsumer,
    ChunkThread,
)
from forestall.pipeline.core.effects import Record
from forestall.pipeline.errors import PositionLost
from tests.builders.batches import ABORT, TRANSACTIONAL, batch, damaged, marker

PLACE = TopicPartition("events", 0)
PINNED = ("aiokafka", "faust-streaming", "mode-streaming")


def test_the_installed_versions_are_the_pinned_ones() -> None:
    """Everything below was read in exactly these versions."""
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    assert {f"{name}=={version(name)}" for name in PINNED} <= set(project["dependencies"])


def test_faust_finds_the_transport_by_its_scheme() -> None:
    """`chunks://` leads to our transport."""
    (found,) = entry_points(group="faust.transports", name="chunks")
    assert found.value == "forestall.agents.transport:Transport"


@pytest.mark.parametrize("name", ["_isolation_level", "_auto_offset_reset", "_fetch_max_bytes"])
def test_aiokafka_reads_these_attributes_only_when_it_starts(name: str) -> None:
    """We set them on the consumer that Faust made, before it starts."""
    assert f"self.{name}" in inspect.getsource(AIOKafkaConsumer.__init__)
    assert f"self.{name}" in inspect.getsource(AIOKafkaConsumer.start)


def test_faust_asks_the_methods_that_we_override() -> None:
    """Names and parameters of what ChunkConsumer and ChunkThread replace."""
    for theirs, ours, names in (
        (
            AIOKafkaConsumerThread,
            ChunkThread,
            ("_create_worker_consumer", "_fetch_records"),
        ),
        (
            Consumer,
            ChunkConsumer,
            ("_getmany", "_new_offset", "on_buffer_full", "on_buffer_drop", "seek_to_committed"),
        ),
    ):
        for name in names:
            wanted = list(inspect.signature(getattr(theirs, name)).parameters)
            assert list(inspect.signature(getattr(ours, name)).parameters) == wanted


def test_faust_looks_up_what_it_has_read_by_subscription() -> None:
    """Our dictionary answers None, so that what comes again after a seek is not dropped."""
    source = inspect.getsource(Consumer._drain_messages)
    assert "get_read_offset = self._read_offset.__getitem__" in source
    assert "if r_offset is None or" in source


def test_faust_seeks_before_it_lets_streams_flow_again() -> None:
    """After every rebalance reading starts where the state stands."""
    source = inspect.getsource(Recovery._resume_streams)
    assert 0 < source.index("consumer.perform_seek()") < source.index("consumer.resume_flow()")
    assert "self.seek_to_committed()" in inspect.getsource(Consumer.perform_seek)


def test_a_chunk_is_what_was_fetched_between_two_positions() -> None:
    """Records as they are, and the consumer's positions around them."""
    thread, fetcher = reader(batch(0, range(3)))
    (chunk,) = taken(thread, fetcher)
    assert chunk == Chunk(
        "events", 0, [Record(n, 1000 + n, b"k", b"v%d" % n) for n in range(3)], 0, 3, "epoch", 9
    )


def test_a_fetch_is_cut_into_chunks_that_join() -> None:
    """Each starts where the one before it ended."""
    thread, fetcher = reader(batch(0, range(5)), limit=2)
    assert [(c.start, c.end, len(c.records)) for c in taken(thread, fetcher)] == [
        (0, 2, 2),
        (2, 4, 2),
        (4, 5, 1),
    ]


def test_aiokafkas_record_batches_are_ours_to_iterate() -> None:
    """Slices stands in for PartitionRecords, of which a FetchResult wants no more than this; and it unpacks as that
    does: tests/properties/test_unpacking.py compares them."""
    wanted = set(
        re.findall(r"self\._partition_records(?:\.\w+)?(?!\.| =|\w)", inspect.getsource(FetchResult))
    )
    assert wanted == {"self._partition_records", "self._partition_records.next_fetch_offset"}
    (built,) = [MemoryRecords(batch(0, range(3))).next_batch()]
    assert [(r.offset, r.timestamp, r.key, r.value) for r in built][1] == (1, 1001, b"k", b"v1")


def test_what_was_fetched_is_freed_once_it_is_taken() -> None:
    """Without Python's collector, which seldom runs here: 24 fetches a second of 350 kB each once stayed."""
    thread, fetcher = reader(batch(0, range(5)), limit=2)
    fetched = weakref.ref(fetcher._records[PLACE]._partition_records)
    gc.disable()
    try:
        assert len(taken(thread, fetcher)) == 3
        assert fetched() is None
    finally:
        gc.enable()


def test_a_batch_that_has_ended_begins_anew_if_it_is_asked_again() -> None:
    """So it must not be, and it is iterated once."""
    built = MemoryRecords(batch(0, range(3))).next_batch()
    assert len(list(built)) == 3
    with pytest.raises(CorruptRecordException):
        next(built)


def test_what_was_aborted_is_not_handed_on() -> None:
    """A chunk's records are what was committed around it."""
    aborted = batch(0, range(2), producer=7, attributes=TRANSACTIONAL)
    thread, fetcher = reader(
        aborted + marker(2, producer=7, kind=ABORT) + batch(3, range(2)), aborted=[(7, 0)]
    )
    (chunk,) = taken(thread, fetcher)
    assert ([record.offset for record in chunk.records], chunk.start, chunk.end) == ([3, 4], 0, 5)


def test_a_damaged_batch_is_an_error() -> None:
    """Nothing of the fetch is handed on, not even what came before it: it is fetched again."""
    thread, fetcher = reader(batch(0, range(2)) + damaged(batch(2, range(2))))
    with pytest.raises(CorruptRecordException):
        thread._drain(fetcher, {PLACE}, None).send(None)
    assert taken(thread, fetcher) == []
    assert PLACE not in fetcher._records


def test_a_transaction_marker_alone_is_an_empty_chunk() -> None:
    """It has no record, but it moves the position, which must be committed."""
    thread, fetcher = reader(marker(0, producer=7))
    assert [(c.start, c.end, c.records) for c in taken(thread, fetcher)] == [(0, 1, [])]


def test_what_was_fetched_before_a_seek_is_not_handed_on() -> None:
    """aiokafka compares the fetch's offset with the position."""
    thread, fetcher = reader(batch(0, range(3)))
    fetcher._subscriptions.seek(PLACE, 77)
    assert taken(thread, fetcher) == []


def test_nothing_is_taken_of_a_partition_that_is_not_ours() -> None:
    """Until the assignment has its epoch, what was fetched stays where it is."""
    thread, fetcher = reader(batch(0, range(3)))
    thread.chunked.epochs.clear()
    assert taken(thread, fetcher) == []
    assert PLACE in fetcher._records


def test_a_position_outside_of_the_log_is_an_error_and_no_reset() -> None:
    """The message says where, and what to do."""
    thread, fetcher = reader(batch(0, range(3)))
    fetcher._records.clear()
    fetcher._set_error(PLACE, OffsetOutOfRangeError({PLACE: 0}))
    with pytest.raises(PositionLost, match="events partition 0: the state stands at position 0"):
        taken(thread, fetcher)


def test_a_foreign_topic_that_lost_our_position_has_a_remedy_of_its_own() -> None:
    """It has no state that could be deleted: the group's offset is its position."""
    thread, fetcher = reader(batch(0, range(3)))
    thread.chunked.foreign = frozenset({PLACE.topic})
    fetcher._records.clear()
    fetcher._set_error(PLACE, OffsetOutOfRangeError({PLACE: 0}))
    with pytest.raises(PositionLost, match=r"intake stands at position 0.*set the group's offset"):
        taken(thread, fetcher)


def test_acknowledged_chunks_move_the_committed_offset_to_the_last_ones_end() -> None:
    """The holes between chunks are no records that Faust should wait for."""
    consumer: Any = object.__new__(ChunkConsumer)
    consumer._chunked = chunked()
    consumer._acked = {PLACE: [41, 12, 20]}
    consumer._acked_index = {PLACE: {41, 12, 20}}
    assert ChunkConsumer._new_offset(consumer, PLACE) == 42
    assert ChunkConsumer._new_offset(consumer, PLACE) is None


def test_of_a_topic_without_state_only_what_was_processed_is_committed() -> None:
    """Faust acknowledges also what it skips after a rebalance, or at the end: it would never be read again."""
    consumer: Any = object.__new__(ChunkConsumer)
    consumer._chunked = replace(chunked(), foreign=frozenset({"events"}))
    consumer._acked_index = {PLACE: set()}
    consumer._acked = {PLACE: [41]}
    assert ChunkConsumer._new_offset(consumer, PLACE) is None
    consumer._acked, consumer._chunked.done = {PLACE: [41]}, {PLACE: 20}
    assert ChunkConsumer._new_offset(consumer, PLACE) == 20


def test_faust_acknowledges_what_it_skips() -> None:
    """Why the transport must not believe it."""
    source = inspect.getsource(Stream._py_aiter)
    assert "if event is not None and (do_ack or value is skipped_value):" in source


def test_while_events_come_a_fetch_waits_for_more() -> None:
    """The first one after a silence does not wait, nor does the second; what aiokafka asks with is what we set."""
    for name in ("_fetch_min_bytes", "_fetch_max_wait_ms"):
        assert f"self.{name}" in inspect.getsource(Fetcher._get_actions_per_node)

    async def fetches(thread: Any, fetcher: Any) -> list[tuple[int, int]]:
        asked = []
        for _ in range(2):
            await thread._fetch_records(SimpleNamespace(_closed=False, _fetcher=fetcher), {PLACE}, 0.01)
            asked.append((fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms))
            thread._came -= SILENCE
        return asked

    thread, fetcher = reader(batch(0, range(3)))
    fetcher._closed, fetcher._fetch_waiters = False, set()
    fetcher._loop = asyncio.get_event_loop()
    assert fetcher._loop.run_until_complete(fetches(thread, fetcher)) == [
        (GATHER_BYTES, GATHER_MS), (1, AWAIT_MS)
    ]  # fmt: skip


async def test_a_message_is_delivered_at_once_unless_its_delivery_waits() -> None:
    """Faust waits for a delivery and for three ends, each as a task; where the first of them comes, it goes on."""
    assert "await self.wait_first(" in inspect.getsource(Consumer._drain_messages)
    consumer: Any = object.__new__(ChunkConsumer)
    consumer._stopped, consumer._crashed, consumer.loop = asyncio.Event(), asyncio.Event(), None
    delivered: list[str] = []
    room, suspended = asyncio.Event(), asyncio.Event()

    async def deliver(name: str, *, waits: bool) -> None:
        if waits:
            await room.wait()
        delivered.append(name)

    asyncio.get_running_loop().call_soon(delivered.append, "another task")
    await consumer.wait_first(deliver("first", waits=False), suspended.wait())
    assert delivered == ["first"]
    full = asyncio.create_task(consumer.wait_first(deliver("second", waits=True), suspended.wait()))
    await asyncio.sleep(0.01)
    assert not full.done()
    room.set()
    await full
    assert delivered == ["first", "another task", "second"]
    room.clear()
    full = asyncio.create_task(consumer.wait_first(deliver("third", waits=True), suspended.wait()))
    suspended.set()
    await full
    room.set()
    await asyncio.sleep(0.01)
    assert delivered[-1] == "second"


def chunked(limit: int = 100) -> Chunked:
    """What the application tells the transport."""
    return Chunked(frozenset({"events"}), positions=None, failed=print, limit=limit, epochs={PLACE: "epoch"})


def reader(records: bytes, limit: int = 100, aborted: Sequence[tuple[int, int]] = ()) -> tuple[Any, Any]:
    """Our thread, and aiokafka's fetcher that has just received these bytes for position 0."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    thread: Any = object.__new__(ChunkThread)
    thread.transport = SimpleNamespace(chunked=chunked(limit))
    thread.consumer = SimpleNamespace(flow_active=True)
    fetcher: Any = object.__new__(Fetcher)
    fetcher._subscriptions = SubscriptionState(loop=loop)
    fetcher._records, fetcher._wait_consume_future, fetcher._prefetch_backoff = {}, None, 0.1

    async def assign() -> None:
        fetcher._subscriptions.assign_from_user([PLACE])

    loop.run_until_complete(assign())
    fetcher._subscriptions.seek(PLACE, 0)
    assignment = fetcher._subscriptions.subscription.assignment
    assignment.state_value(PLACE).highwater, assignment.state_value(PLACE).lso = 9, 9
    unpacked = PartitionRecords(PLACE, MemoryRecords(records), aborted, 0, None, None, True, 1)
    fetcher._records[PLACE] = FetchResult(
        PLACE, assignment=assignment, partition_records=unpacked, backoff=0.1
    )
    return thread, fetcher


def taken(thread: Any, fetcher: Any) -> list[Chunk]:
    """What the thread takes; fails if anything in it waits, for then positions could move meanwhile."""
    taking = thread._drain(fetcher, {PLACE}, None)
    with pytest.raises(StopIteration) as returned:
        taking.send(None)
    chunks: list[Chunk] = returned.value.value.get(PLACE, [])
    return chunks
