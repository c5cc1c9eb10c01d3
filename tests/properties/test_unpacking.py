"""What we take out of a fetch, slice by slice, is what aiokafka's own iterator takes, with the same positions."""

from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record import MemoryRecords
from hypothesis import example, given
from hypothesis import strategies as st

from forestall.agents.unpacking import Slices
from forestall.pipeline.core.effects import Record
from tests.builders.batches import ABORT, COMMIT, GZIP, TRANSACTIONAL, batch, damaged, marker

PLACE = TopicPartition("events", 0)
BEGINNING = 40

#: A batch of so many offsets, of which these are left; or a marker. `producer` 0 has no transactions.
BATCHES = st.fixed_dictionaries(
    {
        "length": st.integers(1, 9),
        "left": st.sets(st.integers(0, 8)),
        "producer": st.integers(0, 2),
        "marker": st.sampled_from([None, None, COMMIT, ABORT]),
        "gzip": st.booleans(),
        "damaged": st.sampled_from([False] * 9 + [True]),
    }
)
ABORTED = st.lists(st.tuples(st.integers(1, 2), st.integers(BEGINNING, BEGINNING + 40)))
PLAIN = {"length": 2, "left": {0, 1}, "producer": 0, "marker": None, "gzip": False, "damaged": False}
#: One transaction aborted, and one that follows it.
ABORT_ONE = [{**PLAIN, "producer": 1}, {**PLAIN, "producer": 1, "marker": ABORT}, {**PLAIN, "producer": 1}]


@given(
    plans=st.lists(BATCHES, max_size=6),
    aborted=ABORTED,
    most=st.integers(1, 12),
    ahead=st.integers(0, 12),
    isolation=st.sampled_from([0, 1]),
)
@example(  # a cut where a batch ends, whose last records were compacted away
    plans=[{**PLAIN, "length": 6}, PLAIN],
    aborted=[],
    most=2,
    ahead=0,
    isolation=1,
)
@example(plans=ABORT_ONE, aborted=[(1, BEGINNING)], most=9, ahead=0, isolation=1)
@example(plans=ABORT_ONE, aborted=[(1, BEGINNING)], most=9, ahead=0, isolation=0)
def test_slices_are_what_aiokafka_takes(
    plans: list[dict[str, Any]], aborted: list[tuple[int, int]], most: int, ahead: int, isolation: int
) -> None:
    """Also of compacted, compressed, aborted and damaged batches, from a position in the midst of one."""
    fetched = b"".join(encoded(plans))

    def unpacked() -> PartitionRecords:
        start = BEGINNING + ahead
        return PartitionRecords(
            PLACE, MemoryRecords(fetched), list(aborted), start, None, None, True, isolation
        )

    theirs = taken(unpacked(), BEGINNING + ahead, most)
    ours = taken(Slices(unpacked(), most), BEGINNING + ahead, 1)
    assert ours == theirs


def encoded(plans: list[dict[str, Any]]) -> list[bytes]:
    """The planned batches, one after the other."""
    batches, at = [], BEGINNING
    for plan in plans:
        producer, deltas = plan["producer"], sorted(n for n in plan["left"] if n < plan["length"])
        length = 1 if plan["marker"] is not None and producer else plan["length"]
        if plan["marker"] is not None and producer:
            built = marker(at, producer, plan["marker"])
        else:
            attributes = GZIP * (plan["gzip"] and bool(deltas)) | TRANSACTIONAL * bool(producer)
            built = batch(at, deltas, length=length, producer=producer or -1, attributes=attributes)
        batches.append(damaged(built) if plan["damaged"] else built)
        at += length
    return batches


def taken(records: Any, start: int, most: int) -> list[tuple[Any, int]]:
    """What a FetchResult hands on call by call, each time with the position after it, until it is empty."""
    state = SimpleNamespace(paused=False, position=start)
    state.consumed_to = lambda position: setattr(state, "position", position)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    result = FetchResult(PLACE, assignment=assignment, partition_records=records, backoff=0)
    calls = []
    while result.has_more():
        before = state.position
        try:
            some: Any = as_records(result.getall(most))
        except CorruptRecordException as error:
            some = str(error)
        if some or state.position > before:
            calls.append((some, state.position))
    return calls


def as_records(got: list[Any]) -> list[Record]:
    """The same of both: aiokafka's records, or the records of one slice."""
    if got and type(got[0]) is list:
        (got,) = got
        assert {type(record) for record in got} == {Record}
        return got
    return [Record(each.offset, each.timestamp, each.key, each.value) for each in got]
