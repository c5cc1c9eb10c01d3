"""Takes records out of what aiokafka has fetched, a batch at a time.

aiokafka makes one object after the other in a generator (0.9 µs a record); here a batch's records are made in one go
(0.5, a third of it the checksum). What is skipped, what is refused, and where the position stands after each cut are as
there: `_slices`, `_readable` and `_aborted` together are its PartitionRecords._unpack_records, with which
tests/properties/test_unpacking.py compares them.
"""

from collections.abc import Iterator
from itertools import islice
from operator import attrgetter
from typing import Any

from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException

from forestall.pipeline.core.effects import Record

_fields = attrgetter("offset", "timestamp", "key", "value")  # those of a Record, in its order
_new = tuple.__new__  # what Record(...) calls, too, from a function of its own


class Slices:
    """Stands in a FetchResult for aiokafka's PartitionRecords. An item of it is a list of at most `most` records."""

    def __init__(self, fetched: PartitionRecords, most: int) -> None:
        fetched._records_iterator = None  # unused here, and a cycle that keeps all that was fetched
        self._fetched = fetched
        self._slices = _slices(fetched, most)

    @property
    def next_fetch_offset(self) -> int:
        """Where the position goes once what was taken so far is consumed."""
        offset: int = self._fetched.next_fetch_offset
        return offset

    def __iter__(self) -> Iterator[list[Record]]:
        return self._slices  # goes on where it stopped


def _slices(fetched: PartitionRecords, most: int) -> Iterator[list[Record]]:
    taken: list[Record] = []
    for batch in _readable(fetched):
        # A batch is fetched whole, though the position be in the midst of it; compaction leaves holes.
        first, records, more = fetched.next_fetch_offset, map(_fields, batch), True
        while more:
            some = list(islice(records, most - len(taken)))
            more = len(taken) + len(some) == most  # else the batch has ended; asked again it would begin anew
            taken += [_new(Record, fields) for fields in some if fields[0] >= first]
            if len(taken) == most:
                fetched.next_fetch_offset = taken[-1].offset + 1
                yield taken
                taken = []
        fetched.next_fetch_offset = batch.next_offset  # beyond its last record, where that was compacted away
    if taken:
        yield taken


def _readable(fetched: PartitionRecords) -> Iterator[Any]:
    """The batches with records for us. The others, of aborted transactions and of markers, only move the position."""
    while fetched._records.has_next():
        batch = fetched._records.next_batch()
        if fetched._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {fetched._tp}")
        if _aborted(fetched, batch) or batch.is_control_batch:
            fetched.next_fetch_offset = batch.next_offset
        else:
            yield batch


def _aborted(fetched: PartitionRecords, batch: Any) -> bool:
    """Whether a batch is of an aborted transaction; its marker ends that."""
    if fetched._isolation_level != READ_COMMITTED or batch.producer_id is None:
        return False
    fetched._consume_aborted_up_to(batch.base_offset)
    if batch.is_control_batch and fetched._contains_abort_marker(batch):
        fetched._aborted_producers.discard(batch.producer_id)
    return batch.is_transactional and batch.producer_id in fetched._aborted_producers
