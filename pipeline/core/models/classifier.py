"""The Bayesian filter as a River classifier, over dictionaries of any features."""

import math
import zlib
from typing import Any

import numpy as np
from river import base

from forestall.pipeline.core.models.arithmetic import sigmoid
from forestall.pipeline.core.models.filter import BayesianFilter


class BayesianLogisticRegression(base.Classifier):
    """Bayesian logistic regression, learned one answer at a time by an extended Kalman filter.

    It needs no scaling, no one-hot encoding and no learning rate. Numbers are columns, by name; what is missing,
    None or NaN is learned from as such. Strings, booleans and anything else are categories, hashed with their
    name. Features may come and go.

    Parameters
    ----------
    max_columns
        The most columns that are learned, first come; a step costs nine times their square.

    Examples
    --------
    >>> from river import datasets, evaluate, metrics
    >>> model = BayesianLogisticRegression()
    >>> evaluate.progressive_val_score(datasets.Phishing(), model, metrics.ROCAUC())
    ROCAUC: 95.40%

    """

    def __init__(self, max_columns: int = 128) -> None:
        self.max_columns = max_columns
        self._columns: dict[base.typing.FeatureName, int] = {}
        self._filter = BayesianFilter(0)

    def learn_one(
        self, x: dict[base.typing.FeatureName, Any], y: base.typing.ClfTarget, w: float = 1.0
    ) -> None:
        """Learns that `x` had the label `y`, `w` times."""
        new = sorted((name for name in x if name not in self._columns and _is_number(x[name])), key=repr)
        new = new[: self.max_columns - len(self._columns)]
        if new:
            kept: list[int | None] = [*range(len(self._columns)), *(None for _ in new)]
            self._columns |= {name: len(self._columns) + n for n, name in enumerate(new)}
            self._filter = self._filter.migrated(kept)
        self._filter.learn(self._numbers(x), _categories(x), float(bool(y)), weight=w)

    def predict_proba_one(
        self, x: dict[base.typing.FeatureName, Any], **_: Any
    ) -> dict[base.typing.ClfTarget, float]:
        """The probabilities of False and True."""
        p = sigmoid(self._filter.predict(self._numbers(x), _categories(x)))
        return {False: 1.0 - p, True: p}

    def _numbers(self, x: dict[base.typing.FeatureName, Any]) -> list[float]:
        """The row's columns; NaN where it has none."""
        return [x[name] if _is_number(x.get(name)) else math.nan for name in self._columns]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _categories(x: dict[base.typing.FeatureName, Any]) -> list[int]:
    """Hashes of `name=value` of all that is no number, in ascending order."""
    named = (f"{name}={x[name]}" for name in x if not _is_number(x[name]) and x[name] is not None)
    return sorted(zlib.crc32(text.encode()) for text in named)
