"""A row: what one problem's model sees of a moment. The same when asked and when learned."""

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.models.kernel import kernel
from forestall.pipeline.core.program import Compiled

Columns = NDArray[np.float32]
#: 32-bit hashes of a moment's categories, 0 where absent.
Hashes = Sequence[int]
Indices = NDArray[np.intp]


def row_of(
    compiled: Compiled, columns: Columns, categories: Hashes, own: tuple[float, float]
) -> tuple[Columns, list[int]]:
    """What the problem's model sees of a moment."""
    row = np.empty(len(compiled.names), np.float32)
    pick(columns, compiled.columns, own[0], own[1], row)
    return row, [hash_ for place in compiled.categories if (hash_ := categories[place])]


def packed(hashes: Hashes) -> bytes:
    """As a moment keeps them, four bytes each."""
    return array("I", hashes).tobytes()


def unpacked(data: bytes) -> Hashes:
    """The hashes of a moment."""
    return array("I", data)


@kernel
def pick(columns: Columns, chosen: Indices, answers: float, rate: float, row: Columns) -> None:
    """Writes the chosen columns to the end of `row`; what room is before them is for the problem's own two."""
    start = row.shape[0] - chosen.shape[0]
    if start == 2:
        row[0] = answers
        row[1] = rate
    for i in range(chosen.shape[0]):
        row[start + i] = columns[chosen[i]]
