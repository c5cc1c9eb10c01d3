"""The Bayesian model as a River classifier."""

import math
from collections.abc import Callable

import pytest
from river import checks

from forestall.pipeline.core.models.classifier import BayesianLogisticRegression

CHECKS = list(checks.yield_checks(BayesianLogisticRegression()))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_passes_each_of_rivers_own_checks(check: Callable[[BayesianLogisticRegression], None]) -> None:
    """No check that River has for a classifier of this kind is left out."""
    check(BayesianLogisticRegression())


def test_no_check_of_river_is_skipped() -> None:
    """The classifier declares no check to be skipped, and River has many."""
    assert BayesianLogisticRegression()._unit_test_skips() == set()
    assert len(CHECKS) > 30


def test_it_learns_from_numbers_strings_and_booleans_as_they_come() -> None:
    """Features that appear later are learned; None and NaN are missing; a string or boolean is a category."""
    model = BayesianLogisticRegression()
    for n in range(300):
        model.learn_one({"plan": "gold" if n % 2 else "free", "age": None if n % 3 else 40}, n % 2 == 1)
    for n in range(300):
        model.learn_one({"plan": "free", "calls": n % 7, "angry": n % 7 > 4}, n % 7 > 4)
    assert model.predict_proba_one({"plan": "gold"})[True] > 0.7
    assert model.predict_proba_one({"plan": "free", "calls": 6, "angry": True})[True] > 0.7
    assert model.predict_proba_one({"plan": "free", "calls": 0, "angry": False, "age": math.nan})[True] < 0.3


def test_columns_are_bounded() -> None:
    """Over `max_columns` further numbers are not learned, and do no harm."""
    model = BayesianLogisticRegression(max_columns=3)
    for n in range(50):
        model.learn_one({f"number {n}": 1.0, "answer": n % 2}, n % 2 == 1)
    assert model._filter.columns == 3
    assert model.predict_proba_one({"answer": 1, "number 49": 1e9})[True] > 0.5


def test_the_weight_counts() -> None:
    """An answer learned with w=5 moves the prediction more than with w=1, and with w=0 not at all."""
    moved = []
    for w in (0.0, 1.0, 5.0):
        model = BayesianLogisticRegression()
        model.learn_one({"a": "b"}, True, w=w)
        moved.append(model.predict_proba_one({"a": "b"})[True])
    assert moved[0] == 0.5 < moved[1] < moved[2]
