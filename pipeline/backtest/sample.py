"""A sample of the answered questions, even over the whole history, in bounded memory."""

from array import array
from typing import NamedTuple

#: Rows that are kept at least, where there are as many.
SIZE = 15_000
_ALL = 1 << 64


class Row(NamedTuple):
    """One answered question as the model saw it: `features` are float32 (the columns), `hashes` uint32 (categories).
    `new`: the customer was first seen less than 30 days before."""

    asked: int
    p: float
    y: bool
    new: bool
    features: bytes
    hashes: bytes

    def categories(self) -> list[int]:
        """The categories' hashes."""
        return array("I", self.hashes).tolist()


class Sample:
    """Takes rows by the hash of their question, and keeps those with the lowest: between `size` and twice as many.
    The same questions in any order leave the same rows.

    >>> sample = Sample(size=2)
    >>> for n in range(8):
    ...     if sample.wants(f"{n << 60:016x}"):
    ...         sample.add(f"{n << 60:016x}", Row(n, 0.5, True, False, b"", b""))
    >>> [row.asked for row in sample.since(0)]
    [0, 1, 2, 3]
    """

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._below = _ALL
        self._rows: dict[int, Row] = {}

    def wants(self, question: str) -> bool:
        """Whether a row of this question (16 hexadecimal digits) would be kept."""
        return int(question, 16) < self._below

    def add(self, question: str, row: Row) -> None:
        """Keeps a row that is wanted."""
        self._rows[int(question, 16)] = row
        while len(self._rows) > 2 * self._size:
            self._below //= 2
            self._rows = {place: row for place, row in self._rows.items() if place < self._below}

    @property
    def share(self) -> float:
        """The share of the questions that is kept."""
        return self._below / _ALL

    def since(self, ms: int) -> list[Row]:
        """The rows that were asked then or later, in the order of their hashes."""
        return [row for _, row in sorted(self._rows.items()) if row.asked >= ms]
