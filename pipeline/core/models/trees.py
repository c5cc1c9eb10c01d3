"""Boosted trees as flat arrays, walked by a kernel to the same sum as LightGBM's own."""

from typing import NamedTuple

import numpy as np

from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.models.kernel import kernel

LEAF = -1


class Trees(NamedTuple):
    """All nodes of all trees, each tree's in one piece from its root on, a split's left child just behind it.

    A split sends a row left where its value is at most the threshold, a missing one where `missing` says. `column`
    is LEAF at leaves, whose `threshold` is what they add to the logit. `cover` is how many rows of training came
    through.
    """

    roots: Integers
    column: Integers
    threshold: Floats
    right: Integers
    missing: Integers
    cover: Integers


@kernel
def goes_left(value: float, threshold: float, missing: int) -> bool:
    """Which way a split sends a value (NaN: missing)."""
    return bool(missing == 1 if np.isnan(value) else value <= threshold)


@kernel
def walk(
    row: Floats,
    roots: Integers,
    column: Integers,
    threshold: Floats,
    right: Integers,
    missing: Integers,
    cover: Integers,
) -> float:
    """The sum of the leaves that a row (NaN: missing) reaches."""
    z = 0.0
    for t in range(roots.shape[0]):
        node = roots[t]
        while column[node] >= 0:
            left = goes_left(row[column[node]], threshold[node], missing[node])
            node = node + 1 if left else right[node]
        z += threshold[node]
    return z
