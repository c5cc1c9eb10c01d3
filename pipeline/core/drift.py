"""Drift: whether a problem's predictions have become worse, by their squared error when each answer comes."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core import windowing
from forestall.pipeline.core.models.forms import Form

VERSION = 1
FORM = Form("a watch for drift", VERSION, "rebuild it from its log")
#: What shows so few numbers after a drift is the same one: the window shrinks bit by bit.
SAME = 10 * windowing.CLOCK
#: So many of the last drifts are remembered.
REMEMBERED = 8
_PLACES = np.arange(windowing.BUCKETS + 1)


class Drift(msgspec.Struct, frozen=True, array_like=True):
    """It became worse: when the answer was known that showed it (epoch ms of event time), after how many answers, and
    the mean squared error before and since."""

    known: int
    answers: int
    before: float
    since: float


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """Arrays are little-endian: `counts` a byte a level, `buckets` float64, of the levels and places in use."""

    version: int
    ticks: int
    last: int
    width: int
    waiting: tuple[float, float]
    sums: bytes
    counts: bytes
    buckets: bytes
    number: int
    drifts: list[Drift]


class Watch:
    """Watches squared errors (0 to 1, the Brier score of one answer) through a window that shrinks where they change.

    An answer that weighs less is gathered with others until they weigh one: ten answers about one incident are
    not ten signs. Getting better is no drift.

    >>> watch = Watch()
    >>> for n in range(2_000):
    ...     drift = watch.add(0.1 if n < 1_000 else 0.3, 1.0, known=n, answers=n)
    >>> watch.number, round(watch.drifts[0].before, 1), round(watch.mean, 1)
    (1, 0.1, 0.3)
    """

    def __init__(self) -> None:
        self.number = 0
        self.drifts: list[Drift] = []
        self._width = 0
        self._fresh: list[float] = []  # not yet in the window, whose kernel takes many at once
        self._ticks = self._last = 0
        self._waiting = (0.0, 0.0)
        self._sums = np.zeros(2)
        self._counts = np.zeros(windowing.LEVELS, np.int64)
        self._buckets = np.zeros((windowing.LEVELS, windowing.BUCKETS + 1, 2))

    @property
    def width(self) -> int:
        """How many numbers are in the window."""
        if self._fresh:
            self._width = windowing.extend(
                np.array(self._fresh), self._counts, self._buckets, self._sums, self._width
            )
            self._fresh.clear()
        return self._width

    @property
    def mean(self) -> float:
        """The mean squared error in the window; NaN while it is empty."""
        width = self.width
        return float(self._sums[windowing.TOTAL]) / width if width else np.nan

    def add(self, error: float, weight: float, known: int, answers: int) -> Drift | None:
        """Takes the squared error of an answer of this weight (above 0, at most 1); returns the drift that shows."""
        weights, errors = self._waiting[0] + weight, self._waiting[1] + weight * error
        self._waiting = (weights, errors) if weights < 1.0 else (0.0, 0.0)
        if weights < 1.0:
            return None
        self._fresh.append(errors / weights)
        self._ticks += 1
        return None if self._ticks % windowing.CLOCK else self._look(known, answers)

    def _look(self, known: int, answers: int) -> Drift | None:
        """Shrinks the window where its older part no longer fits its newer."""
        width, before = self.width, self.mean
        self._width = windowing.cut(self._counts, self._buckets, self._sums, width, windowing.DELTA)
        if self._width == width or self.mean <= before:
            return None
        dropped = (before * width - self.mean * self._width) / (width - self._width)
        return self._remember(Drift(known, answers, dropped, self.mean))

    def _remember(self, drift: Drift) -> Drift | None:
        """None where it is the last one still; of that only what has come since is new."""
        goes_on = bool(self.drifts) and self._ticks - self._last < SAME
        self._last = self._ticks
        if goes_on:
            self.drifts = [*self.drifts[:-1], msgspec.structs.replace(self.drifts[-1], since=drift.since)]
            return None
        self.number += 1
        self.drifts = [*self.drifts[1 - REMEMBERED :], drift]
        return drift

    def _used(self) -> NDArray[np.bool_]:
        """Which buckets are in use, by level and place."""
        return self._counts[:, None] > _PLACES

    def to_bytes(self) -> bytes:
        """The state, to be read by `from_bytes`: 16 bytes a bucket, of which there are 5 or 6 for each doubling."""
        width = self.width
        return msgspec.msgpack.encode(
            _Stored(
                version=VERSION,
                ticks=self._ticks,
                last=self._last,
                width=width,
                waiting=self._waiting,
                sums=self._sums.astype("<f8", copy=False).tobytes(),
                counts=self._counts.astype("u1").tobytes(),
                buckets=self._buckets[self._used()].astype("<f8", copy=False).tobytes(),
                number=self.number,
                drifts=self.drifts,
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Watch":
        """Reads a state. Raises StateError where it cannot."""
        new = cls()
        try:
            stored = msgspec.convert(FORM.fields(data), _Stored)
            new._sums[:] = np.frombuffer(stored.sums, "<f8")
            new._counts[:] = np.frombuffer(stored.counts, "u1")
            new._buckets[new._used()] = np.frombuffer(stored.buckets, "<f8").reshape(-1, 2)
        except (msgspec.MsgspecError, ValueError) as error:
            raise FORM.unreadable(error) from error
        new.number, new.drifts, new._width = stored.number, stored.drifts, stored.width
        new._ticks, new._last, new._waiting = stored.ticks, stored.last, stored.waiting
        return new
