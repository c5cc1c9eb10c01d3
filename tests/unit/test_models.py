"""One contract for every model that can be asked and taught."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from river import base

from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.models import river_linear
from forestall.pipeline.core.models.boosted import Boosted
from forestall.pipeline.core.models.live import LiveModel, goes_on, live_model, read_live
from forestall.pipeline.core.models.named import model_named, named_live
from forestall.pipeline.core.models.names import LIVE
from forestall.pipeline.core.models.protocol import Model
from forestall.pipeline.core.models.river import CLASSIFIERS, RiverModel, classifier_named
from forestall.pipeline.errors import ConfigurationError, StateError
from forestall.pipeline.training.fitting import Row, fit
from forestall.schemas.catalogue import CatalogueFile

COLUMNS = ("spend", "age", "idle")
DOTTED = ("tree.HoeffdingTreeClassifier", "forest.AMFClassifier", "neighbors.KNNClassifier")


def with_trees() -> Boosted:
    """The challenger with trees that know as much of the marks as it will learn."""
    random = np.random.default_rng(4)
    made = [
        Row(np.array([random.normal(), 0.0, 1.0], np.float32), (9,) if yes else (8,), bool(yes), 1.0)
        for yes in random.integers(0, 2, 300)
    ]
    model, forest = Boosted(len(COLUMNS)), fit(made)
    assert forest is not None
    assert model.take(forest, 300)
    return model


#: Those that run live, by what makes them; the challenger also with its trees.
RUN_LIVE: dict[str, Callable[[], LiveModel]] = {
    **{name: (lambda name=name: live_model(name, len(COLUMNS), 0)) for name in LIVE},
    "boosted, with trees": with_trees,
}
MODELS: dict[str, Callable[[], Model]] = {
    **RUN_LIVE,
    **{name: (lambda name=name: RiverModel(name, COLUMNS)) for name in (*CLASSIFIERS.keys() - LIVE, *DOTTED)},
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


@pytest.mark.parametrize("name", RUN_LIVE)
def test_a_stored_model_goes_on_with_the_same_bytes(name: str) -> None:
    """Wherever a worker ends, the next one learns and says what the first would have."""
    model = taught(MODELS[name], 150)
    restored = read_live(name.partition(",")[0], model.to_bytes())
    assert restored.to_bytes() == model.to_bytes()
    for n in range(60):
        row = [n % 5 - 2.0, math.nan if n % 3 else 1.0, n]
        for one in (model, restored):
            one.learn(row, [n % 7, 9], y=n % 2, weight=0.5)
        assert restored.predict(row, [9]) == model.predict(row, [9])
    assert restored.to_bytes() == model.to_bytes()
    assert restored.answers == 210


@pytest.mark.parametrize("name", LIVE)
def test_the_weights_that_are_noticed_say_what_the_model_says(name: str) -> None:
    """To float32's rounding; where no trees are heard."""
    model = taught(MODELS[name])
    weights = model.weights()
    for row in ([1.0, 0.5, 1.0], [-30.0, math.nan, 2.0], [math.nan] * 3):
        for categories in ([9], [8, 4], []):
            z = model.predict(row, categories)
            assert weights.logit(np.array(row), categories) == pytest.approx(z, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", LIVE)
def test_what_is_damaged_is_refused(name: str) -> None:
    """Rather than to go on with something else."""
    stored = taught(MODELS[name], 20).to_bytes()
    for broken in (b"", stored[:40], b"\x91\x63" + stored[2:]):
        with pytest.raises(StateError):
            read_live(name, broken)


def test_a_classifier_of_river_goes_on_only_where_river_computes_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its arithmetic is the platform's."""
    name = "river.linear_model.LogisticRegression"
    stored = taught(MODELS[name], 20).to_bytes()
    monkeypatch.setattr(river_linear, "fingerprint", lambda: "other")
    with pytest.raises(StateError, match="run the same version on the same kind of machine, or replay"):
        read_live(name, stored)


def test_a_classifier_of_river_knows_a_bounded_number_of_categories(monkeypatch: pytest.MonkeyPatch) -> None:
    """First come; the others are as if they were not there."""
    monkeypatch.setattr(river_linear, "CATEGORIES", 3)
    model = live_model("river.linear_model.LogisticRegression", 1, 0)
    for category in range(9):
        model.learn([0.0], [category], 1.0)
    assert sorted(model.weights().categories) == [0, 1, 2]
    assert model.predict([0.0], [1]) > model.predict([0.0], [7]) == model.predict([0.0], [])


def test_only_trees_come_and_go_without_beginning_anew() -> None:
    """The default with trees, and without them, is the same model."""
    model = taught(MODELS["bayesian"], 50)
    joined = goes_on(model, "boosted")
    assert isinstance(joined, Boosted)
    assert goes_on(joined, "bayesian") is joined.filter is model
    assert goes_on(model, "river.linear_model.Perceptron") is None


def test_names_mean_live_models_with_and_without_their_library() -> None:
    """`f5` is the challenger's old name."""
    assert named_live("linear_model.PAClassifier") == "river.linear_model.PAClassifier"
    assert (named_live("f5"), named_live("tree.HoeffdingTreeClassifier"), named_live(None)) == (
        "boosted",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (
            "river.tree.HoeffdingTreeClassifier",
            r"runs in a backtest only .*--model tree.HoeffdingTreeClassifier",
        ),
        ("f6", '"f6" is not known; write one of "bayesian", "boosted"'),
    ],
)
def test_a_catalogue_names_only_what_runs_live(model: str, told: str) -> None:
    """What has no stored form is refused when the catalogue is checked, with what it is good for."""
    text = f"""[problem.p]
title = "P"
ask = {{ on = "a" }}
happens = {{ on = "b", within = "1d" }}
model = "{model}"
"""
    with pytest.raises(ConfigurationError, match=told):
        parse([CatalogueFile("p.toml", text)])
    right = text.replace(f'"{model}"', '"river.linear_model.Perceptron"')
    assert parse([CatalogueFile("p.toml", right)]).problems[0].model == "river.linear_model.Perceptron"
