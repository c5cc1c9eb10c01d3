"""What travels from *learn* to *foresee*: weights with the encoding, but without covariances."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.models.encoding import above, below, scales_of, squash, standardise
from forestall.pipeline.core.models.forms import Form
from forestall.pipeline.core.models.kernel import kernel

VERSION = 2
FORM = Form("a notice's weights", VERSION, "let learn send them again")
MEAN, SCALE, WEIGHT, BELOW, ABOVE, FLAG = 0, 1, 2, 3, 4, 5  # rows of `table`
ROWS = 6

Singles = NDArray[np.float32]
Numbers = Singles | Floats
Indices = NDArray[np.intp]


@kernel
def column_term(value: float, table: Floats, j: int) -> float:
    """What a number adds to the logit."""
    if not np.isfinite(value):
        return float(table[FLAG, j])
    encoded = standardise(squash(value), table[MEAN, j], table[SCALE, j])
    bent = table[BELOW, j] * below(encoded) + table[ABOVE, j] * above(encoded)
    return float(table[WEIGHT, j] * encoded + bent)


@kernel
def columns_logit(x: Numbers, table: Floats, bias: float) -> float:
    """The logit of a row's numbers."""
    z = bias
    for j in range(x.shape[0]):
        z += column_term(np.float64(x[j]), table, j)
    return z


@kernel
def pick(columns: Singles, chosen: Indices, answers: float, rate: float, row: Singles) -> None:
    """Writes the chosen columns to the end of `row`; what room is before them is for the problem's own two."""
    start = row.shape[0] - chosen.shape[0]
    if start == 2:
        row[0] = answers
        row[1] = rate
    for i in range(chosen.shape[0]):
        row[start + i] = columns[chosen[i]]


@kernel
def pick_and_weigh(
    columns: Singles, chosen: Indices, answers: float, rate: float, row: Singles, table: Floats, bias: float
) -> float:
    """Writes a row and returns the logit of its numbers: one call, for calls cost about what they do."""
    pick(columns, chosen, answers, rate, row)
    return columns_logit(row, table, bias)


@kernel
def column_terms(x: Numbers, table: Floats, terms: Floats) -> None:
    """Writes to `terms` what each of a row's numbers adds to the logit."""
    for j in range(x.shape[0]):
        terms[j] = column_term(np.float64(x[j]), table, j)


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """The stored form: little-endian float32 and uint32."""

    version: int
    columns: int
    bias: float
    table: bytes
    hashes: bytes
    weights: bytes


class Weights:
    """A learned model as *foresee* uses it. Every number is rounded to float32 once, when it is made.

    `table` has a row each of means, scales, weights, weights below and above the usual, and missing flags' weights,
    one column for each of the model's; `categories` are weights by hash, at most 20,000 (160 kB stored).
    """

    __slots__ = ("bias", "categories", "table")

    def __init__(self, bias: float, table: Floats, categories: dict[int, float]) -> None:
        self.bias = bias
        self.table = table
        self.categories = categories

    def logit(self, x: Numbers, categories: Sequence[int]) -> float:
        """The logit of yes for a row of numbers (array; NaN: missing) and categories, each counted once."""
        return self._with(categories, columns_logit(x, self.table, self.bias))

    def logit_of(
        self,
        columns: Singles,
        chosen: Indices,
        own: tuple[float, float],
        row: Singles,
        categories: Sequence[int],
    ) -> float:
        """The logit of a row that it writes first: see pick."""
        z = pick_and_weigh(columns, chosen, own[0], own[1], row, self.table, self.bias)
        return self._with(categories, z)

    def _with(self, categories: Sequence[int], z: float) -> float:
        weight_of = self.categories.get
        for category in dict.fromkeys(categories):
            z += weight_of(category, 0.0)
        return z

    def terms(self, x: Numbers, categories: Sequence[int]) -> tuple[list[float], list[float]]:
        """What each column and each category adds to the logit, relative to a customer with the mean of every
        column, none missing. An unknown category adds 0."""
        columns = np.zeros(self.table.shape[1])
        column_terms(x, self.table, columns)
        return columns.tolist(), [self.categories.get(category, 0.0) for category in categories]

    def usual(self, column: int) -> float:
        """The column's encoded mean."""
        return float(self.table[MEAN, column])

    def to_bytes(self) -> bytes:
        """The stored form; the same weights give the same bytes."""
        hashes = np.fromiter(self.categories.keys(), "<u4", len(self.categories))
        weights = np.fromiter(self.categories.values(), "<f4", len(self.categories))
        return msgspec.msgpack.encode(
            _Stored(
                version=VERSION,
                columns=self.table.shape[1],
                bias=self.bias,
                table=self.table.astype("<f4").tobytes(),
                hashes=hashes.tobytes(),
                weights=weights.tobytes(),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Weights":
        """Reads the stored form. Raises StateError where it is damaged, or of a version that is not read."""
        try:
            stored = msgspec.convert(FORM.fields(data), _Stored)
            table = np.frombuffer(stored.table, "<f4").astype(np.float64).reshape(ROWS, stored.columns)
            hashes = np.frombuffer(stored.hashes, "<u4").tolist()
            weights = np.frombuffer(stored.weights, "<f4").tolist()
            return cls(stored.bias, table, dict(zip(hashes, weights, strict=True)))
        except (msgspec.MsgspecError, ValueError) as error:
            raise FORM.unreadable(error) from error


def weights_of(
    mean: Floats,
    variance: Floats,
    weight: Floats,
    flag_of: Integers,
    categories: Mapping[int, int],
    table: Floats,
    slot_of: Integers,
) -> Weights:
    """The weights of a filter's state (its fields, see BayesianFilter)."""
    columns = len(mean)
    slots = slot_of[: len(categories)]
    by_entry = np.where(slots >= 0, weight[slots], table[0, : len(categories)])
    flags = np.where(flag_of >= 0, weight[flag_of], 0.0)
    learned = weight[: 3 * columns].reshape(3, columns)
    rounded = np.vstack([mean, scales_of(variance), learned, flags]).astype(np.float32).astype(np.float64)
    return Weights(
        bias=float(np.float32(weight[3 * columns])),
        table=rounded,
        categories=dict(zip(categories, by_entry.astype(np.float32).tolist(), strict=True)),
    )
