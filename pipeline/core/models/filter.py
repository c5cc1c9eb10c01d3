"""The default model: Bayesian logistic regression by an extended Kalman filter, learned one answer at a time.

No learning rate: every weight has a variance, and moves by as much as it is uncertain. Columns (each with a bend
below and above the usual), their missing flags, the bias and the categories seen most share a full covariance;
other categories have a variance each.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from forestall.pipeline.core.models import dense, step, stored
from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.models.block import Block
from forestall.pipeline.core.models.categories import Categories
from forestall.pipeline.core.models.weights import Weights, weights_of

PRIOR_VARIANCE = dense.PRIOR_VARIANCE
HISTORY_VARIANCE = 0.1  # shared by all columns of history
BEND_VARIANCE = 0.02
SLOTS = 320  # the most categories in the dense block, first come


class BayesianFilter:
    """Learns P(yes) of rows of numbers (NaN: missing) and categories (32-bit hashes, about 20 a row).

    The first `history` columns say much the same in many ways; together they have the prior variance of two
    columns. Without that, forty views of the past outvote the present where the world drifts.

    The same answers in the same order give the same bytes, wherever it was stored in between.

    >>> model = BayesianFilter(columns=1)
    >>> for n in range(200):
    ...     model.learn([n % 2], [7], y=n % 2 == 1)
    >>> model.predict([1], [7]) > 1 > -1 > model.predict([0], [7])
    True
    """

    def __init__(self, columns: int, history: int = 0) -> None:
        self.columns = columns
        self.history = history
        self.answers = 0
        self._columns: Floats = np.zeros((3, columns))
        self._raw: Floats = self._columns[step.RAW]
        self.mean: Floats = self._columns[step.MEAN]
        self.variance: Floats = self._columns[step.VARIANCE]
        self._counts: Integers = np.zeros((2, columns), np.int64)
        self.seen: Integers = self._counts[step.SEEN]
        self.flag_of: Integers = self._counts[step.FLAG]
        self.flag_of[:] = -1
        self.categories = Categories()
        self.slots = 0
        priors = np.full(3 * columns + 1, PRIOR_VARIANCE)
        priors[:columns] = [self._column_prior(column) for column in range(columns)]
        priors[columns : 3 * columns] = BEND_VARIANCE
        self.block = Block.unlearned(priors)

    def predict(self, x: ArrayLike, categories: Sequence[int], offset: float = 0.0) -> float:
        """The logit of yes, plus the customer's `offset`; its sigmoid is calibrated as it is."""
        self._raw[:] = x
        entries = np.array(self.categories.known(categories), np.int64)
        return offset + step.predict(*self._state(entries))

    def learn(
        self,
        x: ArrayLike,
        categories: Sequence[int],
        y: float,
        weight: float = 1.0,
        offset: float = 0.0,
        variance: float = 0.0,
    ) -> None:
        """Learns the answer `y` (1 or 0), `weight` times; `offset`, `variance`: the customer's residual.

        Raises ValueError, unlearned, where one of these is not finite.
        """
        entries = self._take_in(x, categories, (y, weight, offset, variance))
        example = (float(y), weight, offset, variance)
        while (deserving := step.learn(*self._state(entries), *example)) == step.LACKS_FLAG:
            self._add_flags()
        self._learned(entries, deserving)

    def test_and_learn(
        self,
        x: ArrayLike,
        categories: Sequence[int],
        y: float,
        weight: float,
        residual: tuple[float, float],
        heard: bool,
        losses: tuple[float, float],
    ) -> tuple[float, tuple[float, float]]:
        """See prequential.test_and_learn: the same, in one call. Raises as `learn` does."""
        entries = self._take_in(x, categories, (y, weight, *residual))
        example = (float(y), weight, *residual, heard, *losses)
        while (told := step.test_and_learn(*(*self._state(entries), *example)))[0] == step.LACKS_FLAG:
            self._add_flags()
        deserving, p, without, with_it = told
        self._learned(entries, deserving)
        return p, (without, with_it)

    def weights(self) -> Weights:
        """What *foresee* needs to predict: a copy, rounded to float32."""
        return weights_of(
            mean=self.mean,
            variance=self.variance,
            weight=self.block.weight,
            flag_of=self.flag_of,
            categories=self.categories.entries,
            table=self.categories.table,
            slot_of=self.categories.tally[dense.SLOT],
        )

    def migrated(self, kept: Sequence[int | None], history: int = 0) -> "BayesianFilter":
        """The filter for other columns: for each new column the old one's index, or None for one just begun.

        What the columns that go had learned goes with them; the rest, categories too, stays as it was.
        """
        new = BayesianFilter(len(kept), history)
        coordinates = [-1 if old is None else part * self.columns + old for part in range(3) for old in kept]
        coordinates.append(3 * self.columns)
        for column, old in enumerate(kept):
            if old is not None:
                new.mean[column], new.variance[column] = self.mean[old], self.variance[old]
                new.seen[column] = self.seen[old]
                if self.flag_of[old] >= 0:
                    new.flag_of[column] = len(coordinates)
                    coordinates.append(int(self.flag_of[old]))
        new.answers, new.slots, new.categories = self.answers, self.slots, self.categories.copy()
        slot_of = new.categories.tally[dense.SLOT]
        for entry in np.flatnonzero(slot_of[: len(new.categories)] >= 0):
            coordinates.append(int(slot_of[entry]))
            slot_of[entry] = len(coordinates) - 1
        new.block = new._unlearned(len(coordinates))
        new.block.take(self.block, np.array(coordinates))
        return new

    def to_bytes(self) -> bytes:
        """The state, to be read by `from_bytes`; the same learning history gives the same bytes."""
        known, tally = len(self.categories), self.categories.tally
        return stored.to_bytes(
            stored.State(
                version=stored.VERSION,
                columns=self.columns,
                history=self.history,
                answers=self.answers,
                slots=self.slots,
                weight=stored.floats(self.block.weight),
                prior=stored.floats(self.block.prior),
                covariance=stored.triangle(self.block.covariance),
                encoding=stored.floats(self._columns[step.MEAN :]),
                seen=stored.integers(self._counts),
                categories=stored.hashes(self.categories.hashes),
                table=stored.floats(self.categories.table[:, :known]),
                labels=tally[dense.LABELS, :known].astype("u1").tobytes(),
                slot_of=tally[dense.SLOT, :known].astype("<i2").tobytes(),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "BayesianFilter":
        """Reads what `to_bytes` wrote. Raises StateError where it is damaged, or of a version that is not read."""
        state = stored.from_bytes(data)
        new = cls(state.columns, state.history)
        new.answers, new.slots = state.answers, state.slots
        weight = stored.read_floats(state.weight)
        covariance = stored.read_triangle(state.covariance, len(weight))
        new.block = Block(weight, covariance, stored.read_floats(state.prior))
        new._columns[step.MEAN :] = stored.read_floats(state.encoding).reshape(2, state.columns)
        new._counts[:] = stored.read_integers(state.seen).reshape(2, state.columns)
        hashes = stored.read_hashes(state.categories)
        table = stored.read_floats(state.table).reshape(2, len(hashes))
        labels, slot_of = np.frombuffer(state.labels, "u1"), np.frombuffer(state.slot_of, "<i2")
        new.categories = Categories.of(hashes, table, labels, slot_of)
        return new

    def _state(self, entries: Integers) -> step.State:
        """What every kernel of a step works on."""
        return (
            self._columns,
            self._counts,
            self.block.array,
            self.categories.table,
            self.categories.tally,
            entries,
        )

    def _take_in(self, x: ArrayLike, categories: Sequence[int], answer: tuple[float, ...]) -> Integers:
        """Takes a row in that is to be learned with this answer, weight and residual; returns the categories' entries,
        made where there is room."""
        if not math.isfinite(sum(answer)):
            y, weight, offset, variance = answer
            raise ValueError(f"an answer must be finite, not {y=}, {weight=}, {offset=}, {variance=}")
        self._raw[:] = x
        return np.array(self.categories.taken_in(categories), np.int64)

    def _learned(self, entries: Integers, deserving: int) -> None:
        """An answer has been learned, after which so many of its categories deserve a slot."""
        self.answers += 1
        if deserving:
            self._add_slots(entries[entries >= 0])

    def _add_flags(self) -> None:
        """Gives each column that is missing for the first time its flag."""
        for column in map(int, np.flatnonzero(~np.isfinite(self._raw) & (self.flag_of < 0))):
            prior = self._column_prior(column)
            self.flag_of[column] = self.block.add(0.0, prior, prior)

    def _add_slots(self, entries: Integers) -> None:
        """Moves the row's categories that have enough labels into the dense block."""
        categories = self.categories
        for entry in categories.deserving(entries):
            if self.slots < SLOTS:
                self.slots += 1
                weight, variance = categories.table[:, entry]
                categories.tally[dense.SLOT, entry] = self.block.add(weight, variance, PRIOR_VARIANCE)

    def _column_prior(self, column: int) -> float:
        """The prior variance of a column, and of its missing flag."""
        return (
            min(HISTORY_VARIANCE / self.history, PRIOR_VARIANCE) if column < self.history else PRIOR_VARIANCE
        )

    def _unlearned(self, size: int) -> Block:
        """A dense block of so many coordinates: the columns' with their parts and the bias, flags, and slots."""
        priors = np.full(size, PRIOR_VARIANCE)
        priors[: len(self.block)] = self.block.prior
        for column in map(int, np.flatnonzero(self.flag_of >= 0)):
            priors[self.flag_of[column]] = self._column_prior(column)
        return Block.unlearned(priors)
