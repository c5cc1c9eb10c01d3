"""A customer's subjects (orders, tickets), each with numbers of its own: records of one width in a string of bytes."""

from collections.abc import Iterator
from struct import Struct

from forestall.pipeline.core.identities import IDENTITY, find, identity_of

#: Subjects with numbers of their own; the one longest without an event goes first.
SUBJECT_LIMIT = 64
#: First and last event (epoch s), and how many there were.
Numbers = tuple[float, float, float]
_RECORD = Struct(f"<{IDENTITY}sddd")
_NUMBERS = Struct(f"<{IDENTITY}xddd")


class Subjects:
    """Those of one customer, least recently seen first. `packed` are all of them, as they are stored."""

    __slots__ = ("packed",)

    def __init__(self, packed: bytes = b"") -> None:
        self.packed = packed

    def of(self, name: str) -> Numbers | None:
        """The numbers of one; None if it is not known."""
        at = find(self.packed, identity_of(name), _RECORD.size)
        return _NUMBERS.unpack_from(self.packed, at) if at >= 0 else None

    def saw(self, name: str, seconds: float) -> None:
        """Counts an event of one."""
        packed, identity = self.packed, identity_of(name)
        at = find(packed, identity, _RECORD.size)
        if at < 0:
            first, last, events = seconds, seconds, 0.0
            packed = packed[-(SUBJECT_LIMIT - 1) * _RECORD.size :]
        else:
            first, last, events = _NUMBERS.unpack_from(packed, at)
            packed = packed[:at] + packed[at + _RECORD.size :]
        self.packed = packed + _RECORD.pack(identity, first, max(last, seconds), events + 1.0)

    def __len__(self) -> int:
        return len(self.packed) // _RECORD.size

    def __iter__(self) -> Iterator[Numbers]:
        """The numbers of all."""
        return _NUMBERS.iter_unpack(self.packed)
