"""Counts by the time of asking, in bounded memory: whatever the stretch of history, at most so many parts of it."""

from collections.abc import Iterable

import numpy as np

from forestall.pipeline.core.models.arrays import Floats, Integers

#: Parts at most; so a cut between two of them is at most 1 / 128 of the history off.
MOST = 256
FIRST_WIDTH_MS = 1_000


class Timeline:
    """A vector of `cells` sums for each stretch of time. Stretches are aligned to the epoch and equally wide; when
    there are too many, each two become one. The same times in any order end in the same stretches.

    >>> line = Timeline(cells=1, most=2)
    >>> for second in (0, 1, 2, 3):
    ...     line.add(np.array([second * 1000]), np.ones((1, 1)))
    >>> line.width, [float(line.rows[n][0]) for n in line.numbers()]
    (2000, [2.0, 2.0])
    """

    def __init__(self, cells: int, most: int = MOST) -> None:
        self.cells = cells
        self.width = FIRST_WIDTH_MS
        self.rows: dict[int, Floats] = {}
        self._most = most

    def places(self, ms: Integers) -> tuple[Integers, Integers]:
        """The stretches that these times (epoch ms) fall into, and which of them each one does."""
        while True:
            numbers, which = np.unique(ms // self.width, return_inverse=True)
            if len(numbers) <= self._most and len(self.rows.keys() | set(numbers.tolist())) <= self._most:
                return numbers, which.astype(np.int64)
            self._widen()

    def add(self, ms: Integers, amounts: Floats) -> None:
        """Adds a row of amounts, of shape (times, cells), at each time."""
        numbers, which = self.places(ms)
        sums = np.zeros((len(numbers), self.cells))
        np.add.at(sums, which, amounts)
        self.add_sums(numbers, sums)

    def add_sums(self, numbers: Integers, sums: Floats) -> None:
        """Adds a row of sums to each of these stretches, which `places` has named."""
        for number, row in zip(numbers.tolist(), sums, strict=True):
            if number in self.rows:
                self.rows[number] += row
            else:
                self.rows[number] = row.copy()

    def numbers(self) -> list[int]:
        """The stretches that have anything, in the order of time."""
        return sorted(self.rows)

    def since(self, ms: int) -> Floats:
        """The sums of the stretches that begin at `ms` or later."""
        return self._sum(number for number in self.numbers() if number * self.width >= ms)

    def before(self, ms: int) -> Floats:
        """The sums of the stretches that begin before `ms`."""
        return self._sum(number for number in self.numbers() if number * self.width < ms)

    def _sum(self, numbers: Iterable[int]) -> Floats:
        total = np.zeros(self.cells)
        for number in numbers:
            total += self.rows[number]
        return total

    def _widen(self) -> None:
        self.width *= 2
        joined: dict[int, Floats] = {}
        for number, row in self.rows.items():
            half = number // 2
            joined[half] = joined[half] + row if half in joined else row
        self.rows = joined
