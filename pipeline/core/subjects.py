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
_WIDTH = _RECORD.size
#: What is kept of the packed ones before one more.
_KEPT = (SUBJECT_LIMIT - 1) * _WIDTH


class Subjects:
    """Those of one customer, least recently seen first. `packed` are all of them, as they are stored."""

    __slots__ = ("packed",)

    def __init__(self, packed: bytes = b"") -> None:
        self.packed = packed

    def of(self, name: str) -> Numbers | None:
        """The numbers of one; None if it is not known."""
        at = find(self.packed, identity_of(name), _WIDTH)
        return _NUMBERS.unpack_from(self.packed, at) if at >= 0 else None

    def saw(self, name: str, seconds: float) -> None:
        """Counts an event of one."""
        packed, identity = self.packed, identity_of(name)
        at = find(packed, identity, _WIDTH)
        if at < 0:
            self.packed = packed[-_KEPT:] + _RECORD.pack(identity, seconds, seconds, 1.0)
            return
        first, last, events = _NUMBERS.unpack_from(packed, at)
        record = _RECORD.pack(identity, first, max(last, seconds), events + 1.0)
        self.packed = packed[:at] + packed[at + _WIDTH :] + record

    def __len__(self) -> int:
        return len(self.packed) // _WIDTH

    def __iter__(self) -> Iterator[Numbers]:
        """The numbers of all."""
        return _NUMBERS.iter_unpack(self.packed)
