"""A row: what one problem's model sees of a moment. The same when asked and when learned."""

import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.program import Compiled

Columns = NDArray[np.float32]
Hashes = NDArray[np.uint32]


def row_of(
    compiled: Compiled, columns: Columns, categories: Hashes, own: tuple[float, float]
) -> tuple[Columns, list[int]]:
    """What the problem's model sees of a moment."""
    row = np.empty(len(compiled.names), np.float32)
    start = len(row) - len(compiled.columns)
    row[:start] = own[:start]
    row[start:] = columns.take(compiled.columns)
    return row, [hash_ for hash_ in categories.take(compiled.categories).tolist() if hash_]
