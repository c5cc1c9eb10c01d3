"""A row: what one problem's model sees of a moment. The same when asked and when learned."""

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.models.protocol import Learned
from forestall.pipeline.core.models.weights import Weights, pick
from forestall.pipeline.core.program import Compiled

Columns = NDArray[np.float32]
#: 32-bit hashes of a moment's categories, 0 where absent.
Hashes = Sequence[int]


def row_of(
    compiled: Compiled, columns: Columns, hashes: Hashes, own: tuple[float, float], model: Learned | None
) -> tuple[Columns, list[int], float]:
    """What the problem's model sees of a moment, and the logit that it gives (0 without a model)."""
    row = np.empty(len(compiled.names), np.float32)
    categories = [hash_ for place in compiled.categories if (hash_ := hashes[place])]
    if isinstance(model, Weights):
        return row, categories, model.logit_of(columns, compiled.columns, own, row, categories)
    pick(columns, compiled.columns, own[0], own[1], row)
    return row, categories, model.logit(row, categories) if model is not None else 0.0


def packed(hashes: Hashes) -> bytes:
    """As a moment keeps them, four bytes each."""
    return array("I", hashes).tobytes()


def unpacked(data: bytes) -> Hashes:
    """The hashes of a moment."""
    return array("I", data)
