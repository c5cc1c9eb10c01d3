"""A partition's log, with the markers and open transactions of transactional producers."""

from typing import NamedTuple

from forestall.pipeline.core.effects import Record

RECORD, MARKER, ABORTED, OPEN = range(4)


class Sent(NamedTuple):
    """What a producer appends: key and value."""

    key: bytes | None
    value: bytes | None


class Log:
    """One partition. Readers of committed data see no more than up to the first open transaction, and nothing before
    `begin`, which retention moves."""

    def __init__(self) -> None:
        self.entries: list[Record] = []
        self.kinds: list[int] = []
        self.open: dict[object, list[int]] = {}
        self.begin = 0

    def append(self, ms: int, sent: Sent, kind: int = RECORD) -> int:
        """Appends one entry; its offset."""
        offset = len(self.entries)
        self.entries.append(Record(offset, ms, sent.key, sent.value))
        self.kinds.append(kind)
        return offset

    def end_transaction(self, owner: object, ms: int, committed: bool) -> None:
        """Writes the marker, after which the transaction's records are to be read, or never."""
        offsets = self.open.pop(owner, [])
        for offset in offsets:
            self.kinds[offset] = RECORD if committed else ABORTED
        if offsets:
            self.append(ms, Sent(None, None), MARKER)

    def stable_end(self) -> int:
        """Where reading committed data ends."""
        firsts = [offsets[0] for offsets in self.open.values() if offsets]
        return min(firsts, default=len(self.entries))

    def read(self, start: int, end: int) -> list[Record]:
        """The committed records from `start` to before `end`."""
        return [self.entries[at] for at in range(start, end) if self.kinds[at] == RECORD]
