"""Boosted trees by LightGBM, as flat arrays."""

import importlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.models.forest import Forest
from forestall.pipeline.core.models.trees import LEAF, Trees
from forestall.pipeline.errors import ConfigurationError

#: The categories that the trees see, a column each: those most frequent in these answers.
CATEGORIES = 64
ROUNDS = 200
PARAMETERS = {
    "objective": "binary",
    "extra_trees": True,
    "learning_rate": 0.06,
    "num_leaves": 5,
    "lambda_l2": 20.0,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "feature_fraction": 0.5,
    "max_bin": 127,
    "num_threads": 1,
    "seed": 0,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


class Row(NamedTuple):
    """One answer, as trees are fitted to it."""

    x: NDArray[np.float32]
    categories: tuple[int, ...]
    y: bool
    weight: float


def fit(rows: Sequence[Row]) -> Forest | None:
    """Trees for these answers; None where all are the same, for there is nothing to tell apart.

    The same rows give the same trees, for one version of LightGBM on one kind of machine. Raises
    ConfigurationError where LightGBM is not installed.
    """
    lightgbm = load_lightgbm()
    labels = np.array([row.y for row in rows], np.float64)
    if not len(rows) or labels.min() == labels.max():
        return None
    seen = Counter(category for row in rows for category in row.categories)
    frequent = sorted(seen, key=lambda category: (-seen[category], category))[:CATEGORIES]
    shape = Forest(len(rows[0].x), frequent, read_trees({"tree_info": []}))
    data = np.array([shape.row(row.x, row.categories) for row in rows])
    weights = np.array([row.weight for row in rows])
    parameters = PARAMETERS | {"min_data_in_leaf": min(50, max(5, len(labels) // 40))}
    data_set = lightgbm.Dataset(data, labels, weight=weights, params=parameters)
    trained = lightgbm.train(parameters, data_set, ROUNDS)
    return Forest(shape.columns, frequent, read_trees(trained.dump_model()))


def load_lightgbm() -> Any:
    """The library. Raises ConfigurationError where it is not installed."""
    try:
        return importlib.import_module("lightgbm")
    except (ImportError, OSError) as error:
        raise ConfigurationError(
            [f"boosted trees need LightGBM, and it cannot be loaded: {error}; install forestall[boosting]"]
        ) from error


class _Node(NamedTuple):
    column: int
    threshold: float
    right: int
    missing: int
    cover: int


def read_trees(dumped: dict[str, Any]) -> Trees:
    """The trees of what LightGBM's `dump_model` gives. They must have numeric splits alone."""
    nodes: list[_Node] = []
    roots = [_read(tree["tree_structure"], nodes) for tree in dumped["tree_info"]]
    column, threshold, right, missing, cover = zip(*nodes, strict=True) if nodes else ((),) * 5
    whole = [np.array(part, np.int64) for part in (roots, column, right, missing, cover)]
    return Trees(whole[0], whole[1], np.array(threshold, np.float64), *whole[2:])


def _read(node: dict[str, Any], nodes: list[_Node]) -> int:
    """Appends a node and all below it; returns its index."""
    place = len(nodes)
    if "split_feature" not in node:
        nodes.append(_Node(LEAF, float(node["leaf_value"]), 0, 0, int(node.get("leaf_count", 1))))
        return place
    threshold = float(node["threshold"])
    # Where training saw nothing missing, LightGBM takes 0 for what is.
    left_if_missing = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0.0
    nodes.append(_Node(LEAF, 0.0, 0, 0, 0))
    _read(node["left_child"], nodes)
    right = _read(node["right_child"], nodes)
    nodes[place] = _Node(
        int(node["split_feature"]), threshold, right, int(left_if_missing), int(node["internal_count"])
    )
    return place
