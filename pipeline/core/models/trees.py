"""Boosted trees as flat arrays, walked by a kernel to the same sum as LightGBM's own."""

from typing import Any, NamedTuple

import numpy as np

from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.models.kernel import kernel

LEAF = -1


class Trees(NamedTuple):
    """All nodes of all trees. A split sends a row left where its value is at most the threshold, a missing one where
    `missing` says. `column` is LEAF at leaves, whose `threshold` is what they add to the logit."""

    roots: Integers
    column: Integers
    threshold: Floats
    left: Integers
    right: Integers
    missing: Integers


@kernel
def walk(
    row: Floats,
    roots: Integers,
    column: Integers,
    threshold: Floats,
    left: Integers,
    right: Integers,
    missing: Integers,
) -> float:
    """The sum of the leaves that a row (NaN: missing) reaches."""
    z = 0.0
    for t in range(roots.shape[0]):
        node = roots[t]
        while column[node] >= 0:
            value = row[column[node]]
            if np.isnan(value):
                node = left[node] if missing[node] == 1 else right[node]
            elif value <= threshold[node]:
                node = left[node]
            else:
                node = right[node]
        z += threshold[node]
    return z


def read_trees(dumped: dict[str, Any]) -> Trees:
    """The trees of what LightGBM's `dump_model` gives. They must have numeric splits alone."""
    nodes: list[tuple[int, float, int, int, int]] = []
    roots = [_read(tree["tree_structure"], nodes) for tree in dumped["tree_info"]]
    column, threshold, left, right, missing = zip(*nodes, strict=True) if nodes else ((),) * 5
    whole = [np.array(part, np.int64) for part in (roots, column, left, right, missing)]
    return Trees(whole[0], whole[1], np.array(threshold, np.float64), *whole[2:])


def _read(node: dict[str, Any], nodes: list[tuple[int, float, int, int, int]]) -> int:
    """Appends a node and all below it; returns its index."""
    place = len(nodes)
    if "split_feature" not in node:
        nodes.append((LEAF, float(node["leaf_value"]), 0, 0, 0))
        return place
    threshold = float(node["threshold"])
    # Where training saw nothing missing, LightGBM takes 0 for what is.
    left_if_missing = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0.0
    nodes.append((LEAF, threshold, 0, 0, 0))
    left = _read(node["left_child"], nodes)
    right = _read(node["right_child"], nodes)
    nodes[place] = (int(node["split_feature"]), threshold, left, right, int(left_if_missing))
    return place
