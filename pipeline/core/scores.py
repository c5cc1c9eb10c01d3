"""How good predictions were: scores over pairs of a probability and what came of it.

Each pair has a weight. Sums run in a fixed order, so that the same pairs give the same bytes.
"""

from array import array

import msgspec
import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core import scoring
from forestall.pipeline.core.models.arrays import Floats
from forestall.pipeline.core.models.forms import Form

VERSION = 1
FORM = Form("a window of scores", VERSION, "rebuild it from its log")


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of one set of pairs; NaN where undefined (no pairs, one class alone, no prediction above).

    `count` is pairs, `effective` what they count for after weighting; `auroc_lower` is the lower bound (see
    `auroc_lower_bound`); `precision` and `recall` are those of acting above the threshold.
    """

    count: int
    effective: float
    base_rate: float
    auroc: float
    auroc_lower: float
    auprc: float
    log_loss: float
    calibration_error: float
    precision: float
    recall: float


def auroc(p: Floats, y: Floats, weight: Floats) -> float:
    """The probability that a yes was given more than a no, ties counting half."""
    order = np.argsort(p, kind="stable")
    return scoring.auroc(p[order], y[order], weight[order])


def auprc(p: Floats, y: Floats, weight: Floats) -> float:
    """Average precision: the area under the steps of precision over recall."""
    order = np.argsort(p, kind="stable")
    return scoring.average_precision(p[order], y[order], weight[order])


def log_loss(p: Floats, y: Floats, weight: Floats) -> float:
    """The mean of -log of the probability that was given to what happened, in nats."""
    return scoring.log_loss(p, y, weight)


def calibration_error(p: Floats, y: Floats, weight: Floats) -> float:
    """The mean distance between probability and frequency over 15 bins of equal width."""
    return scoring.calibration_error(p, y, weight)


def precision_and_recall(p: Floats, y: Floats, weight: Floats, threshold: float) -> tuple[float, float]:
    """The share of yes among those above `threshold`, and the share above it of all yes."""
    found, acted, _, yes = scoring.above(p, y, weight, threshold)
    return (found / acted if acted > 0 else np.nan), (found / yes if yes > 0 else np.nan)


def base_rate(y: Floats, weight: Floats) -> float:
    """The share of yes."""
    _, _, total, yes = scoring.above(y, y, weight, 0.5)
    return yes / total if total > 0 else np.nan


def effective_counts(y: Floats, weight: Floats) -> tuple[float, float]:
    """How many equally weighted (yes, no) would be as certain: (sum of weights)² / sum of squares, for each."""
    return scoring.effective_counts(y, weight)


def auroc_lower_bound(area: float, yes: float, no: float, deviations: float = 1.645) -> float:
    """One-sided lower confidence bound of an AUROC from so many `yes` and `no` (after Hanley and McNeil, 1982).

    The area is first drawn towards chance as by one more pair, or a perfect area of two pairs would be certain.
    1.645 deviations are 95 % confidence for one look; who looks at every answer should ask for more.
    NaN where the area is.

    >>> round(auroc_lower_bound(0.75, yes=100, no=300), 2)
    0.7
    """
    fewer = min(yes, no)
    if not fewer > 0:
        return np.nan
    drawn = (area * fewer + 0.5) / (fewer + 1.0)
    pairs_of_yes = drawn / (2.0 - drawn) - drawn * drawn
    pairs_of_no = 2.0 * drawn * drawn / (1.0 + drawn) - drawn * drawn
    spread = drawn * (1.0 - drawn) + (yes - 1.0) * pairs_of_yes + (no - 1.0) * pairs_of_no
    return drawn - deviations * float(np.sqrt(max(spread, 0.0) / (yes * no)))


def scores(p: Floats, y: Floats, weight: Floats, threshold: float) -> Scores:
    """All scores of these pairs: probabilities, answers (1 or 0) and weights, arrays of one length."""
    area = auroc(p, y, weight)
    yes, no = effective_counts(y, weight)
    precision, recall = precision_and_recall(p, y, weight, threshold)
    return Scores(
        count=len(p),
        effective=yes + no,
        base_rate=base_rate(y, weight),
        auroc=area,
        auroc_lower=auroc_lower_bound(area, yes, no),
        auprc=auprc(p, y, weight),
        log_loss=log_loss(p, y, weight),
        calibration_error=calibration_error(p, y, weight),
        precision=precision,
        recall=recall,
    )


class Window:
    """The last `size` pairs, for scores that follow the present.

    >>> window = Window(2)
    >>> for p, y in ((0.9, 0), (0.2, 0), (0.7, 1)):
    ...     window.add(p, y)
    >>> window.scores(threshold=0.5).auroc
    1.0
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.count = 0
        self._next = 0
        self._cells = array("f", bytes(12 * size))  # the rows' memory: numbers are set faster in it
        self._pairs = np.frombuffer(self._cells, np.float32).reshape(3, size)

    def add(self, p: float, y: float, weight: float = 1.0) -> None:
        """Takes one pair, rounded to float32; the oldest goes when the window is full.

        Raises ValueError for what is no probability.
        """
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"a probability is between 0 and 1, not {p}")
        cells, at, size = self._cells, self._next, self.size
        cells[at], cells[size + at], cells[2 * size + at] = p, y, weight
        self._next = (at + 1) % size
        if self.count < size:
            self.count += 1

    def pairs(self) -> Floats:
        """Probabilities, answers and weights, as three rows, oldest first."""
        return self._ordered().astype(np.float64)

    def _ordered(self) -> NDArray[np.float32]:
        """The pairs as they are kept, oldest first."""
        if self.count < self.size:
            return self._pairs[:, : self.count]
        return np.concatenate((self._pairs[:, self._next :], self._pairs[:, : self._next]), axis=1)

    def scores(self, threshold: float) -> Scores:
        """The scores of what is in the window."""
        p, y, weight = self.pairs()
        return scores(p, y, weight, threshold)

    def to_bytes(self) -> bytes:
        """The window, to be read by `from_bytes`: 12 bytes a pair."""
        return msgspec.msgpack.encode(
            (VERSION, self.size, self._ordered().astype("<f4", copy=False).tobytes())
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Window":
        """Reads what `to_bytes` wrote. Raises StateError where it cannot."""
        try:
            _, size, pairs = msgspec.convert(FORM.fields(data), tuple[int, int, bytes])
            rows = np.frombuffer(pairs, "<f4").reshape(3, -1 if pairs else 0)
        except (msgspec.MsgspecError, ValueError) as error:
            raise FORM.unreadable(error) from error
        window = cls(size)
        window.count = rows.shape[1]
        window._next = window.count % size
        window._pairs[:, : window.count] = rows
        return window
