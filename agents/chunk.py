"""A chunk: what one fetch brought of one partition, as one message; and what the transport must know."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from forestall.pipeline.core.effects import Record

#: A topic and a partition; Faust's TP and aiokafka's TopicPartition are equal to it.
Place = tuple[str, int]


class Chunk(NamedTuple):
    """The log from position `start` up to position `end`.

    These are the consumer's positions around the fetch, not offsets of records: transaction markers, aborted
    data and compaction leave holes, and a chunk that has no record still moves the position. `epoch` names
    the assignment, and the processor's seek within it, under which it was fetched: what was fetched before
    is stale. `highwater` is the log's readable end at that time.
    """

    topic: str
    partition: int
    records: list[Record]
    start: int
    end: int
    epoch: str
    highwater: int


@dataclass
class Chunked:
    """What the transport must know of the application. The main thread writes, the fetching one reads.

    `epochs` has every partition that is ours and ready, with what its chunks carry as `epoch`; nothing is
    fetched from others. `positions` says where committed state stands (None: no state yet, so the log's
    beginning), and `beginnings` where a log began when it was last sought so. `failed` is told of what the worker
    cannot survive. `limit` is the most records a chunk may have.

    `foreign` are the topics that have no state: Kafka's committed offset is their position, and `done` up to where
    each of their partitions has been processed under the present assignment.
    """

    topics: frozenset[str]
    positions: Callable[[Collection[Place]], Awaitable[Mapping[Place, int | None]]]
    failed: Callable[[BaseException], None]
    limit: int = 2_000
    epochs: dict[Place, str] = field(default_factory=dict)
    beginnings: dict[Place, int] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    done: dict[Place, int] = field(default_factory=dict)

    def sought(self, held: Mapping[Place, int | None], positions: Mapping[Any, int]) -> None:
        """A seek went to `positions`, for states that stood at `held`.

        Only that of a new state says where its log begins. A state that becomes new after the seek (its store fell
        back) does not begin where the earlier one stood.
        """
        self.beginnings.update({place: at for place, at in positions.items() if held[place] is None})

    def committable(self, place: Place, acknowledged: int) -> int | None:
        """What Kafka may know as read, where everything up to `acknowledged` left the streams. None: nothing new.

        Faust acknowledges also what it drops: chunks that were fetched before a rebalance, or that wait at the end.
        Where the committed offset is the position, only what was processed counts.
        """
        return self.done.get(place) if place[0] in self.foreign else acknowledged
