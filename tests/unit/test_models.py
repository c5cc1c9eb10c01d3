"""One contract for every model that can be asked and taught."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from river import base

from forestall.pipeline.core.models.boosted import Boosted
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.named import model_named
from forestall.pipeline.core.models.protocol import Model
from forestall.pipeline.core.models.river import CLASSIFIERS, RiverModel, classifier_named
from forestall.pipeline.errors import ConfigurationError

COLUMNS = ("spend", "age", "idle")
DOTTED = ("tree.HoeffdingTreeClassifier", "forest.AMFClassifier", "neighbors.KNNClassifier")
MODELS: dict[str, Callable[[], Model]] = {
    "filter": lambda: BayesianFilter(len(COLUMNS)),
    "boosted": lambda: Boosted(len(COLUMNS)),
    **{name: (lambda name=name: RiverModel(name, COLUMNS)) for name in (*CLASSIFIERS, *DOTTED)},
}


def taught(make: Callable[[], Model], answers: int = 300) -> Model:
    """A model that has learned that a spend above 0 and category 9 mean yes."""
    model = make()
    random = np.random.default_rng(3)
    for _ in range(answers):
        spend, marked = random.normal(), random.random() < 0.5
        x = [spend, math.nan if random.random() < 0.2 else random.normal(), 1.0]
        model.learn(x, [9] if marked else [8], y=float(spend + marked - 0.5 > 0))
    return model


@pytest.mark.parametrize("name", MODELS)
def test_a_model_learns_and_counts(name: str) -> None:
    """After 300 answers the cases differ in the right direction, and `answers` says 300."""
    model = taught(MODELS[name])
    assert model.answers == 300
    assert model.predict([2.0, 0.0, 1.0], [9]) > model.predict([-2.0, 0.0, 1.0], [8]) + 1


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_deterministic_and_asking_is_free(name: str) -> None:
    """Two models taught alike answer alike, also if one was asked all the while."""
    quiet, asked = taught(MODELS[name], 100), taught(MODELS[name], 100)
    for n in range(50):
        asked.predict([n, math.nan, -n], [n])
        quiet.learn([n % 3, 0.0, 1.0], [9], y=n % 2)
        asked.learn([n % 3, 0.0, 1.0], [9], y=n % 2)
    assert quiet.predict([1.0, 2.0, 3.0], [9]) == asked.predict([1.0, 2.0, 3.0], [9])


@pytest.mark.parametrize("name", MODELS)
def test_a_model_takes_any_row_and_adds_the_offset(name: str) -> None:
    """All missing, infinite, huge or without categories, taught or not: a finite logit, plus the offset."""
    for model in (MODELS[name](), taught(MODELS[name], 50)):
        for value in (math.nan, math.inf, -1e300, 0.0):
            z = model.predict(np.full(3, value, np.float64), [])
            assert math.isfinite(z)
            assert model.predict(np.full(3, value, np.float64), [], offset=0.5) == z + 0.5


@pytest.mark.parametrize(
    "name", ["tree.NoSuchClassifier", "nowhere.At.All", "linear_model.LinearRegression", "x", ""]
)
def test_an_unknown_classifier_is_refused_with_a_remedy(name: str) -> None:
    """What is no classifier of River raises, naming the short names."""
    with pytest.raises(ConfigurationError, match="use one of bayesian"):
        model_named(name, COLUMNS, 0)


def test_a_short_name_gives_a_new_classifier_each_time() -> None:
    """No state is shared between two models of one name."""
    for name in CLASSIFIERS:
        assert isinstance(classifier_named(name), base.Classifier | base.Estimator)
        assert classifier_named(name) is not classifier_named(name)
