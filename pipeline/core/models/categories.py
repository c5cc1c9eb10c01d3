"""The categories that a filter knows: each has an entry, first come, with its weight and variance, or its place in the
dense block."""

from array import array
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.models import dense
from forestall.pipeline.core.models.arrays import Floats, Integers

MOST = 20_000  # first come
ROOM = 16  # entries at first; doubled as they come

N = TypeVar("N", np.float64, np.int64)


class Categories:
    """`entries` by hash; `hashes` are its keys, as each commit stores them; `table` and `tally` have a column for each
    entry (see dense)."""

    __slots__ = ("entries", "hashes", "table", "tally")

    def __init__(self) -> None:
        self.entries: dict[int, int] = {}
        self.hashes = array("I")
        self.table: Floats = np.zeros((2, ROOM))
        self.tally: Integers = np.zeros((2, ROOM), np.int64)

    def __len__(self) -> int:
        return len(self.entries)

    def known(self, categories: Sequence[int]) -> list[int]:
        """Their entries, -1 where there is none."""
        entry_of = self.entries.get
        return [entry_of(category, -1) for category in categories]

    def taken_in(self, categories: Sequence[int]) -> list[int]:
        """Their entries, made where there is room; else -1."""
        known = self.known(categories)
        return [self._entry(category) for category in categories] if -1 in known else known

    def deserving(self, entries: Integers) -> Integers:
        """Those of the entries that have just as many labels as a place in the dense block takes, and none yet."""
        labels, slot_of = self.tally[:, entries]
        deserving: Integers = entries[(labels == dense.LABELS_FOR_A_SLOT) & (slot_of < 0)]
        return deserving

    def copy(self) -> "Categories":
        """The same, in memory of its own."""
        new = Categories()
        new.entries, new.hashes = dict(self.entries), self.hashes[:]
        new.table, new.tally = self.table.copy(), self.tally.copy()
        return new

    @classmethod
    def of(cls, hashes: Sequence[int], table: Floats, labels: Integers, slots: Integers) -> "Categories":
        """Those with these columns, in the order of their entries."""
        new = cls()
        new.hashes.extend(hashes)
        new.entries = {category: entry for entry, category in enumerate(hashes)}
        room = max(ROOM, len(hashes))
        new.table = _widened(table, room)
        new.tally = np.zeros((2, room), np.int64)
        new.tally[dense.LABELS, : len(hashes)] = labels
        new.tally[dense.SLOT, : len(hashes)] = slots
        return new

    def _entry(self, category: int) -> int:
        entry = self.entries.get(category)
        if entry is not None:
            return entry
        entry = len(self.entries)
        if entry >= MOST:
            return -1
        if entry == self.table.shape[1]:
            room = min(2 * entry, MOST)
            self.table = _widened(self.table, room)
            self.tally = _widened(self.tally, room)
        self.entries[category] = entry
        self.hashes.append(category)
        self.table[:, entry] = (0.0, dense.PRIOR_VARIANCE)
        self.tally[:, entry] = (0, -1)
        return entry


def _widened(array: NDArray[N], room: int) -> NDArray[N]:
    """The array with zeros added to `room` columns."""
    wider = np.zeros((len(array), room), array.dtype)
    wider[:, : array.shape[1]] = array
    return wider
