"""A customer's subjects (orders, tickets), each with numbers of its own; packed as long as nobody asks for one.

A busy customer has dozens, and most events are of none: to encode them anew with every document took nearly half of
the time that documents take.
"""

from collections.abc import ItemsView

import msgspec

#: Subjects with numbers of their own; the one longest without an event goes first.
SUBJECT_LIMIT = 64
#: First and last event (epoch s), and how many there were.
Numbers = tuple[float, float, float]


class Subjects:
    """Those of one customer, least recently seen first. `packed` is a msgpack map of them by name."""

    __slots__ = ("_known", "_packed")

    def __init__(self, packed: msgspec.Raw | None = None) -> None:
        self._known: dict[str, Numbers] | None = None if packed else {}
        self._packed = packed

    def of(self, name: str) -> Numbers | None:
        """The numbers of one; None if it is not known."""
        return self._unpacked().get(name)

    def saw(self, name: str, seconds: float) -> None:
        """Counts an event of one."""
        known = self._unpacked()
        first, last, events = known.pop(name, (seconds, seconds, 0.0))
        known[name] = (first, max(last, seconds), events + 1.0)
        if len(known) > SUBJECT_LIMIT:
            del known[next(iter(known))]
        self._packed = None

    def items(self) -> ItemsView[str, Numbers]:
        """All of them."""
        return self._unpacked().items()

    def packed(self) -> msgspec.Raw:
        """All of them, as they are stored."""
        if self._packed is None:
            self._packed = msgspec.Raw(_encode(self._known))
        return self._packed

    def _unpacked(self) -> dict[str, Numbers]:
        if self._known is None:
            assert self._packed is not None
            self._known = _decode(self._packed)
        return self._known


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Numbers]).decode
