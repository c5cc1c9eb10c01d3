"""The challenger: the Bayesian filter, joined by boosted trees where these have done better of late."""

import importlib
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from forestall.pipeline.core.models.arithmetic import log_loss
from forestall.pipeline.core.models.arrays import Floats
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.trees import Trees, read_trees, walk
from forestall.pipeline.errors import ConfigurationError

#: Trees are fitted anew after so many answers, then after each REFIT_EVERY more.
REFITS = (300, 600, 1_200, 2_400, 4_800)
REFIT_EVERY = 5_000
#: Answers they are fitted to, the latest.
ROWS = 20_000
#: The categories that the trees see, a column each: those most frequent in these answers.
CATEGORIES = 64
#: Once many answers are learned the trees' share of the logit is near MOST; it is half of that at HALFWAY.
MOST, HALFWAY = 0.5, 5_000
#: Forgetting of the running losses: about the last 2,000 answers decide whether the trees count.
KEEP = 1.0 - 1.0 / 2_000.0

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


class _Learned(NamedTuple):
    """One answer, as the trees are fitted to it."""

    x: Floats
    categories: tuple[int, ...]
    y: float
    weight: float


class Boosted:
    """A Model: the filter's logit, drawn towards that of boosted trees.

    The trees are LightGBM's, fitted while learning: for a backtest, not for the hot path. They are promoted while
    the running log loss of the two together, each answer tested before it is learned, is below the filter's alone,
    and demoted when it is not. Deterministic for one version of LightGBM on one kind of machine.

    Raises ConfigurationError where LightGBM is not installed.
    """

    def __init__(self, columns: int, history: int = 0) -> None:
        self.answers = 0
        self._lightgbm = _lightgbm()
        self._filter = BayesianFilter(columns, history)
        self._learned: deque[_Learned] = deque(maxlen=ROWS)
        self._trees: Trees | None = None
        self._place: dict[int, int] = {}
        self._lead = 0.0

    @property
    def promoted(self) -> bool:
        """Whether the trees count at present."""
        return self._lead > 0.0

    def predict(self, x: ArrayLike, categories: Sequence[int], offset: float = 0.0) -> float:
        """The logit of yes, plus the customer's `offset`."""
        z = self._filter.predict(x, categories)
        return offset + (self._joined(z, x, categories) if self.promoted else z)

    def learn(
        self,
        x: ArrayLike,
        categories: Sequence[int],
        y: float,
        weight: float = 1.0,
        offset: float = 0.0,
        variance: float = 0.0,
    ) -> None:
        """Learns the answer, and fits the trees when it is time. See BayesianFilter."""
        z = self._filter.predict(x, categories)
        gained = log_loss(z, y) - log_loss(self._joined(z, x, categories), y)
        self._filter.learn(x, categories, y, weight, offset, variance)
        self.answers += 1
        self._lead = KEEP * self._lead + weight * gained
        self._learned.append(_Learned(np.array(x, np.float64), tuple(categories), float(y), weight))
        if self.answers in REFITS or self.answers % REFIT_EVERY == 0:
            self._refit()

    def _joined(self, z: float, x: ArrayLike, categories: Sequence[int]) -> float:
        if self._trees is None:
            return z
        share = MOST * self.answers / (self.answers + HALFWAY)
        return z + share * (walk(self._row(np.asarray(x, np.float64), categories), *self._trees) - z)

    def _refit(self) -> None:
        seen = Counter(category for learned in self._learned for category in learned.categories)
        frequent = sorted(seen, key=lambda category: (-seen[category], category))[:CATEGORIES]
        self._place = {category: n for n, category in enumerate(frequent)}
        labels = np.array([learned.y for learned in self._learned])
        if labels.min() == labels.max():
            self._trees = None
            return
        rows = np.array([self._row(learned.x, learned.categories) for learned in self._learned])
        weights = np.array([learned.weight for learned in self._learned])
        parameters = PARAMETERS | {"min_data_in_leaf": min(50, max(5, len(labels) // 40))}
        data = self._lightgbm.Dataset(rows, labels, weight=weights, params=parameters)
        self._trees = read_trees(self._lightgbm.train(parameters, data, ROUNDS).dump_model())

    def _row(self, x: Floats, categories: Sequence[int]) -> Floats:
        """What the trees see: the numbers (infinite is missing), and which of the frequent categories there are."""
        row = np.zeros(len(x) + len(self._place))
        row[: len(x)] = np.where(np.isfinite(x), x, np.nan)
        for category in categories:
            place = self._place.get(category)
            if place is not None:
                row[len(x) + place] = 1.0
        return row


def _lightgbm() -> Any:
    try:
        return importlib.import_module("lightgbm")
    except (ImportError, OSError) as error:
        raise ConfigurationError(
            [f"this model needs LightGBM, and it cannot be loaded: {error}; install forestall[boosting]"]
        ) from error
