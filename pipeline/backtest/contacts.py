"""Who would have been contacted at each level, each problem at most once: the counts that money follows from.

A question that calls for a contact is a contact, unless an earlier contact of the same customer (of the same subject,
where the problem is of subjects) still covers it: until that one's time is over, or its answer known. Nobody writes
twice about one problem, and one problem is not prevented twice.
"""

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.backtest.timeline import Timeline
from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.models.kernel import kernel

Covers = NDArray[np.uint32]

#: Keys at which those that are covered no more are let go; then at twice of what is left.
SWEEP = 4_096


@kernel
def contact(
    first: int,
    level: Integers,
    key: Integers,
    asked: Integers,
    until: Integers,
    y: Floats,
    which: Integers,
    covers: Covers,
    contacts: Floats,
    hits: Floats,
) -> None:
    """Goes through questions in their order: each calls for a contact at the rungs `first` up to `first + level`.

    `covers` (keys, rungs) holds until when each key is covered, epoch s; `contacts` and `hits` (stretches, rungs)
    are counted up, the latter by contacts whose answer was yes.
    """
    for i in range(len(level)):
        for rung in range(first, first + level[i]):
            if covers[key[i], rung] <= asked[i]:
                covers[key[i], rung] = until[i]
                contacts[which[i], rung] += 1.0
                hits[which[i], rung] += y[i]


class Contacts:
    """Counts for `rungs` rungs, over time. Memory is that of the keys that are covered at one time."""

    def __init__(self, rungs: int) -> None:
        self.rungs = rungs
        self.timeline = Timeline(2 * rungs)
        self._places: dict[Hashable, int] = {}
        self._covers: Covers = np.zeros((64, rungs), np.uint32)
        self._sweep_at = SWEEP

    def add(
        self,
        keys: list[Hashable],
        asked: Integers,
        until: Integers,
        y: Floats,
        levels: list[tuple[int, Integers]],
        now: int,
    ) -> None:
        """Takes questions in the order in which their ends became known. `asked`, `until` and `now` are epoch ms;
        `levels` has for each ladder its first rung, and how many of its rungs each question calls."""
        if len(self._places) > self._sweep_at:
            self._sweep(now // 1000)
        places = self._places
        key = np.array([places.setdefault(k, len(places)) for k in keys], np.int64)
        if len(places) > len(self._covers):
            grown = np.zeros((2 * len(places), self.rungs), np.uint32)
            grown[: len(self._covers)] = self._covers
            self._covers = grown
        numbers, which = self.timeline.places(asked)
        contacts, hits = np.zeros((2, len(numbers), self.rungs))
        for first, level in levels:
            contact(first, level, key, asked // 1000, until // 1000, y, which, self._covers, contacts, hits)
        self.timeline.add_sums(numbers, np.hstack([contacts, hits]))

    def since(self, ms: int) -> tuple[Integers, Integers]:
        """Contacts and hits at each rung, of questions asked since."""
        return self._split(self.timeline.since(ms))

    def before(self, ms: int) -> tuple[Integers, Integers]:
        """Contacts and hits at each rung, of questions asked before."""
        return self._split(self.timeline.before(ms))

    def _split(self, sums: Floats) -> tuple[Integers, Integers]:
        counts = sums.astype(np.int64)
        return counts[: self.rungs], counts[self.rungs :]

    def _sweep(self, now: int) -> None:
        """Lets go of keys whose cover has ended."""
        places = np.fromiter(self._places.values(), np.int64, len(self._places))
        stays = self._covers[places].max(axis=1) > now
        kept = places[stays]
        names = [name for name, still in zip(self._places, stays.tolist(), strict=True) if still]
        self._places = {name: n for n, name in enumerate(names)}
        covers = np.zeros((max(64, 2 * len(kept)), self.rungs), np.uint32)
        covers[: len(kept)] = self._covers[kept]
        self._covers = covers
        self._sweep_at = max(SWEEP, 2 * len(kept))
