"""The rungs at which contacts are counted: thresholds for the model, counts for the simplest rules."""

import numpy as np

from forestall.pipeline.core.models.arrays import Floats, Integers

#: Thresholds beside the problem's own; the first is that of contacting everybody.
EVEN = tuple(n / 50 for n in range(50))
#: Counts are told apart up to this many.
MOST = 31


class Ladder:
    """Rungs: first the thresholds, ascending; then "at least k" for k = 0 to 31, then "at most k" for k = 31 to 0.

    >>> ladder = Ladder(threshold=0.43)
    >>> ladder.thresholds[ladder.chosen]
    0.43
    """

    def __init__(self, threshold: float) -> None:
        self.thresholds = tuple(sorted({*EVEN, threshold}))
        self.chosen = self.thresholds.index(threshold)
        self._thresholds = np.array(self.thresholds)
        #: Everybody, whatever p: a threshold of 0 would leave out who has 0.
        self._thresholds[0] = -1.0
        self.at_least = len(self.thresholds)
        self.at_most = self.at_least + MOST + 1
        self.rungs = self.at_most + MOST + 1

    def levels(self, p: Floats, count: Integers) -> list[tuple[int, Integers]]:
        """For each of the three ladders its first rung, and how many of its rungs each question calls."""
        kept = np.minimum(count, MOST)
        called = np.searchsorted(self._thresholds, p, "left").astype(np.int64)
        return [(0, called), (self.at_least, kept + 1), (self.at_most, MOST + 1 - kept)]
