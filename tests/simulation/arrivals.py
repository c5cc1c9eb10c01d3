"""What a topic's readers make of its records: each sender's, once, in order."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from forestall.pipeline.core.effects import Record


class _Numbered(msgspec.Struct):
    sender: str | None = None
    sequence: int = 0
    data: "_Numbered | None" = None


_decode = msgspec.json.Decoder(_Numbered).decode


class Arrived(NamedTuple):
    """A record that a processor sent."""

    sender: str
    sequence: int
    record: Record


def arrived(records: Sequence[Record]) -> Iterator[Arrived]:
    """Those of a topic's committed records that a processor sent."""
    for record in records:
        if record.value is None or b'"sequence"' not in record.value:
            continue
        try:
            numbered = _decode(record.value)
        except msgspec.MsgspecError:
            continue
        found = numbered.data if numbered.sender is None and numbered.data else numbered
        if found.sender and found.sequence:
            yield Arrived(found.sender, found.sequence, record)


class Taken:
    """As a receiver takes them: mark + 1, never a higher one. What comes again is told to `repeated`, with what
    came first; a hole to `hole`."""

    def __init__(
        self,
        records: Sequence[Record],
        hole: Callable[[Arrived, int], None],
        repeated: Callable[[Arrived, Record], None],
    ) -> None:
        self.once: dict[str, list[Record]] = defaultdict(list)
        self.repeats: set[int] = set()
        for one in arrived(records):
            held = self.once[one.sender]
            if one.sequence == len(held) + 1:
                held.append(one.record)
            elif one.sequence > len(held):
                hole(one, len(held))
            else:
                self.repeats.add(one.record.offset)
                repeated(one, held[one.sequence - 1])
