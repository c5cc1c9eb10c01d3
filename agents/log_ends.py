"""Where a log ends, told truly; and what it has up to there.

The embedded broker's ListOffsets answers with the base of the last batch + 1, so its answer is compared with
the high watermark that comes with a fetch. Apache Kafka's answer is exact, and for read-committed readers it
is the last stable offset, which a high watermark is not; so the watermark only counts where it gives the lie.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from kafka import TopicPartition

from forestall.pipeline.core.effects import Record
from forestall.pipeline.errors import Unreachable

_PATIENCE = 10.0
_ROUNDS = 20


def places_of(client: Any, topic: str) -> list[TopicPartition]:
    """The partitions of a topic, in order; raises Unreachable with the remedy if it does not exist."""
    partitions = client.partitions_for_topic(topic)
    if not partitions:
        raise Unreachable(f"there is no topic {topic}: run `forestall topics apply`")
    return [TopicPartition(topic, partition) for partition in sorted(partitions)]


def ends_of(client: Any, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """The offset after the last committed record of each place. Takes over the consumer's assignment."""
    listed: dict[TopicPartition, int] = client.end_offsets(places)
    watermarks = _watermarks(client, listed)
    listed = client.end_offsets(places)
    return {place: max(listed[place], watermarks.get(place, 0)) for place in places}


def records_between(client: Any, place: TopicPartition, begin: int, end: int) -> Iterator[Record]:
    """The committed records from `begin` to before `end`. Takes over the consumer's assignment."""
    client.unsubscribe()
    client.assign([place])
    client.seek(place, begin)
    while client.position(place) < end:
        for record in client.poll(500).get(place, ()):
            if record.offset < end:
                yield Record(record.offset, record.timestamp, record.key, record.value)


def _watermarks(client: Any, listed: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
    """The high watermark of each place whose log goes on behind the listed end with records."""
    client.unsubscribe()  # forgets the watermarks of earlier fetches
    client.assign(list(listed))
    for place, end in listed.items():
        client.seek(place, end)
    deadline = time.monotonic() + _PATIENCE
    behind: set[TopicPartition] = set()
    rounds = 0
    while rounds < _ROUNDS:
        read = client.poll(10)
        behind |= read.keys()
        known = all(client.highwater(place) is not None for place in listed)
        if known and not read:
            break
        rounds += known  # others may write faster than we read: that we have not seen the end is then no news
        if time.monotonic() > deadline:
            raise Unreachable(
                "Kafka answers, but does not let its topics be read; look into the broker's log"
            )
    return {place: client.highwater(place) for place in behind}
