"""How probabilities and answers are spread over time, in bounded memory, and the scores that follow.

Probabilities fall into bins a 32nd of a logit wide, one edge of which is the threshold: what is above it is counted
exactly, as are log loss and calibration; AUROC and AUPRC do not know the order within a bin, which moves them by less
than .0005 (a test holds them to that).
"""

import msgspec
import numpy as np

from forestall.pipeline.backtest.result import Piece, Reliable
from forestall.pipeline.backtest.timeline import Timeline
from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.scores import Scores, auroc_lower_bound, scores
from forestall.pipeline.core.scoring import BINS as EVEN_BINS
from forestall.pipeline.core.scoring import CLIP

BINS = 1_024
STEP = 1.0 / 32.0
#: The logits that have bins of their own; beyond, they share the outermost.
FARTHEST = 16.0
#: Nearer to 0 and 1 than this a threshold is as good as never or always.
NEAREST = 1e-9

_NO, _YES = 0, BINS
_COUNT, _SAID, _CAME, _LOSS = (
    2 * BINS,
    2 * BINS + EVEN_BINS,
    2 * BINS + 2 * EVEN_BINS,
    2 * BINS + 3 * EVEN_BINS,
)
CELLS = _LOSS + 1


def weighed(p: Floats, no: Floats, yes: Floats, threshold: float) -> Scores:
    """The scores of so many no and yes at each probability."""
    found = scores(np.tile(p, 2), np.repeat([0.0, 1.0], len(p)), np.concatenate([no, yes]), threshold)
    count, lower = (
        float(no.sum() + yes.sum()),
        auroc_lower_bound(found.auroc, float(yes.sum()), float(no.sum())),
    )
    return msgspec.structs.replace(found, count=int(count), effective=count, auroc_lower=lower)


def _average_precision(no: Floats, yes: Floats) -> float:
    """Of bins in ascending order, as if the questions of each stood in any order: else what is only near would count
    as tied, which costs .002 throughout."""
    inside, found = (no + yes)[::-1], yes[::-1]
    above = np.cumsum(inside) - inside + (inside + 1.0) / 2.0
    hits = np.cumsum(found) - found + (found + 1.0) / 2.0
    return float((found * hits / above).sum() / yes.sum()) if yes.any() else np.nan


class Spread:
    """Takes pairs of a probability and an answer, with the time of asking; `threshold` is the problem's."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        near = min(max(threshold, NEAREST), 1.0 - NEAREST)
        self._cut = float(np.log(near / (1.0 - near)))
        self._below = min(max(int((self._cut + FARTHEST) / STEP), 1), BINS - 1)
        self.timeline = Timeline(CELLS)

    def add(self, asked: Integers, p: Floats, y: Floats) -> None:
        """Takes pairs; `asked` is epoch ms, y is 1 or 0."""
        numbers, which = self.timeline.places(asked)
        bins, even = self._bins(p), np.minimum((p * EVEN_BINS).astype(np.int64), EVEN_BINS - 1)
        q = np.clip(p, CLIP, 1.0 - CLIP)
        loss = -(y * np.log(q) + (1.0 - y) * np.log1p(-q))
        cells = np.concatenate(
            [_NO + BINS * (y > 0.0) + bins, _COUNT + even, _SAID + even, _CAME + even, np.full(len(p), _LOSS)]
        )
        amounts = np.concatenate([np.ones(2 * len(p)), p, y, loss])
        flat = np.tile(which, 5) * CELLS + cells
        sums = np.bincount(flat, amounts, len(numbers) * CELLS).reshape(-1, CELLS).astype(np.float64)
        self.timeline.add_sums(numbers, sums)

    def start_of_last(self, share: float) -> int:
        """Where the last `share` of the questions begins, as near as the stretches allow: epoch ms."""
        line = self.timeline
        numbers = line.numbers()
        if not numbers:
            return 0
        counts = np.array([line.rows[number][_COUNT : _COUNT + EVEN_BINS].sum() for number in numbers])
        after = np.cumsum(counts[::-1])[::-1] / counts.sum()
        return numbers[int(np.argmin(np.abs(after - share)))] * line.width

    def scores(self, sums: Floats) -> Scores:
        """The scores of what was summed over some stretches."""
        no, yes = sums[_NO:_YES], sums[_YES : _YES + BINS]
        found = weighed(self._centres(), no, yes, self.threshold)
        said, came = sums[_SAID : _SAID + EVEN_BINS], sums[_CAME : _CAME + EVEN_BINS]
        hits = float(yes[self._below :].sum())
        acted = hits + float(no[self._below :].sum())
        return msgspec.structs.replace(
            found,
            auprc=_average_precision(no, yes),
            log_loss=float(sums[_LOSS]) / found.count if found.count else np.nan,
            calibration_error=float(np.abs(said - came).sum()) / found.count if found.count else np.nan,
            precision=hits / acted if acted else np.nan,
            recall=hits / float(yes.sum()) if yes.any() else np.nan,
        )

    def reliability(self, sums: Floats) -> list[Reliable]:
        """What came of probabilities, in bins of equal width; those without questions are left out."""
        count, said, came = (sums[start : start + EVEN_BINS] for start in (_COUNT, _SAID, _CAME))
        return [
            Reliable(count=int(n), said=float(s / n), came=float(c / n))
            for n, s, c in zip(count, said, came, strict=True)
            if n > 0
        ]

    def pieces(self, most: int, least: int) -> list[Piece]:
        """The history in up to `most` pieces of about equally many questions, at least `least`."""
        line, found = self.timeline, []
        numbers = line.numbers()
        total = sum(float(line.rows[n][_COUNT : _COUNT + EVEN_BINS].sum()) for n in numbers)
        piece, begin, wanted = np.zeros(CELLS), 0, max(total / most, least)
        for number in numbers:
            begin = begin or number * line.width
            piece += line.rows[number]
            if piece[_COUNT : _COUNT + EVEN_BINS].sum() >= wanted - 0.5:
                found.append(self._piece(begin, (number + 1) * line.width, piece))
                piece, begin = np.zeros(CELLS), 0
        return found

    def _piece(self, since: int, until: int, sums: Floats) -> Piece:
        made = self.scores(sums)
        return Piece(
            since=since,
            until=until,
            count=made.count,
            base_rate=made.base_rate,
            auroc=made.auroc,
            auprc=made.auprc,
            log_loss=made.log_loss,
        )

    def _bins(self, p: Floats) -> Integers:
        q = np.clip(p, 1e-15, 1.0 - 1e-15)
        z = np.log(q / (1.0 - q))
        bins = np.clip(np.ceil((z - self._cut) / STEP) - 1.0 + self._below, 0, BINS - 1).astype(np.int64)
        above = p > self.threshold
        return np.where(above, np.maximum(bins, self._below), np.minimum(bins, self._below - 1))

    def _centres(self) -> Floats:
        z = self._cut + (np.arange(BINS) - self._below + 0.5) * STEP
        return np.asarray(1.0 / (1.0 + np.exp(-z)))
