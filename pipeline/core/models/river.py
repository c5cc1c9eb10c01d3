"""Any River classifier as a Model, to be named in a backtest."""

import importlib
import inspect
import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from river import base, compose, forest, linear_model, naive_bayes, optim, preprocessing, tree

from forestall.pipeline.core.models.arithmetic import logit
from forestall.pipeline.core.models.classifier import BayesianLogisticRegression
from forestall.pipeline.core.models.encoding import squash
from forestall.pipeline.errors import ConfigurationError


def _logistic() -> compose.Pipeline:
    steps = preprocessing.StandardScaler(), linear_model.LogisticRegression(optim.AdaGrad(0.05))
    return compose.Pipeline(*steps)


Classifier = base.Classifier | compose.Pipeline

#: Short names; any other name is a class in River, dotted: `forest.AMFClassifier`.
CLASSIFIERS: dict[str, Callable[[], Classifier]] = {
    "bayesian": BayesianLogisticRegression,
    "forest": lambda: forest.ARFClassifier(seed=0),
    "logistic": _logistic,
    "naive-bayes": naive_bayes.GaussianNB,
    "tree": lambda: tree.HoeffdingAdaptiveTreeClassifier(seed=0),
}


class RiverModel:
    """A River classifier behind the protocol of Model.

    Each number reaches it as sign(x)·log1p|x| under its column's name, each category as `#hash`: 1; what is
    missing is left out. River knows no offsets: a residual is added to predictions, and not learned beside.

    >>> model = RiverModel("logistic", ("age",))
    >>> for n in range(100):
    ...     model.learn([n % 2], [7], y=n % 2)
    >>> model.predict([1], [7]) > 0 > model.predict([0], [7])
    True
    """

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        self.answers = 0
        self._columns = tuple(columns)
        self._classifier = classifier_named(name)
        parameters = inspect.signature(self._classifier.learn_one).parameters
        self._takes_weight = "w" in parameters or isinstance(self._classifier, compose.Pipeline)

    def predict(self, x: ArrayLike, categories: Sequence[int], offset: float = 0.0) -> float:
        """The logit of yes; that of .5 as long as the classifier has no opinion."""
        probabilities = self._classifier.predict_proba_one(self._features(x, categories))
        return offset + (logit(float(probabilities.get(True, 0.0))) if probabilities else 0.0)

    def learn(
        self,
        x: ArrayLike,
        categories: Sequence[int],
        y: float,
        weight: float = 1.0,
        offset: float = 0.0,
        variance: float = 0.0,
    ) -> None:
        """Learns the answer; `weight` only where the classifier takes one, `offset` and `variance` never."""
        more = {"w": weight} if self._takes_weight else {}
        self._classifier.learn_one(self._features(x, categories), bool(y), **more)
        self.answers += 1

    def _features(self, x: ArrayLike, categories: Sequence[int]) -> dict[Hashable, float]:
        numbers = zip(self._columns, np.asarray(x, np.float64).tolist(), strict=True)
        features: dict[Hashable, float] = {
            name: squash(value) for name, value in numbers if math.isfinite(value)
        }
        return features | {f"#{category:08x}": 1.0 for category in categories}


def classifier_named(name: str) -> Classifier:
    """A new classifier, by short name or by its dotted name in River; seeded, where it draws.

    Raises ConfigurationError where there is none of that name that can be made without arguments.
    """
    if name in CLASSIFIERS:
        return CLASSIFIERS[name]()
    module, _, of_class = name.rpartition(".")
    try:
        made = getattr(importlib.import_module(f"river.{module}"), of_class)
        if not issubclass(made, base.Classifier):
            raise TypeError("it is no classifier")
        seed = {"seed": 0} if "seed" in inspect.signature(made).parameters else {}
        classifier: base.Classifier = made(**seed)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        known = ", ".join(sorted(CLASSIFIERS))
        raise ConfigurationError(
            [
                f"model {name!r}: {error}; use one of {known}, or a class of River, as tree.HoeffdingTreeClassifier"
            ]
        ) from error
    return classifier
