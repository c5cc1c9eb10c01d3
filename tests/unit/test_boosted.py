"""Boosted trees: walked as LightGBM walks them, and heard only while they help."""

import lightgbm
import numpy as np
import pytest

from forestall.pipeline.core.models import boosted
from forestall.pipeline.core.models.arithmetic import log_loss
from forestall.pipeline.core.models.boosted import Boosted
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.trees import read_trees, walk
from forestall.pipeline.errors import ConfigurationError


def rows(count: int, seed: int) -> np.ndarray:
    """Rows of five columns: one never missing, one often, one constant, one of few values, one nothing but NaN."""
    random = np.random.default_rng(seed)
    made = random.normal(size=(count, 5)) * 3
    made[random.random(count) < 0.3, 1] = np.nan
    made[:, 2], made[:, 3], made[:, 4] = 1.0, made[:, 3].round(), np.nan
    return made


def waves(count: int, seed: int = 5) -> list[tuple[np.ndarray, float]]:
    """Rows whose answer changes six times along the first number: a line with two bends cannot follow."""
    random = np.random.default_rng(seed)
    return [(x, float(np.floor(x[0]) % 2)) for x in random.uniform(-3, 4, size=(count, 2))]


def taught(cases: list[tuple[np.ndarray, float]]) -> Boosted:
    """A model that has learned these."""
    model = Boosted(2)
    for x, y in cases:
        model.learn(x, [], y)
    return model


def test_the_kernel_walks_to_the_sum_that_lightgbm_gives() -> None:
    """Also for what was never missing in training, for columns unseen, and for infinities."""
    x = rows(2_000, 1)
    y = (np.nan_to_num(x[:, 1], nan=2.0) * x[:, 0] + x[:, 3] > 0).astype(float)
    trained = lightgbm.train(boosted.PARAMETERS, lightgbm.Dataset(x, y), 60)
    trees = read_trees(trained.dump_model())
    asked = rows(400, 2)
    asked[::5, 0], asked[::7, 3], asked[::11, 4] = np.nan, 1e300, -4.0
    expected = trained.predict(asked, raw_score=True)
    assert len(np.unique(expected)) > 300
    assert [walk(row, *trees) for row in asked] == pytest.approx(list(expected), abs=1e-12)
    assert [walk.py_func(row, *trees) for row in asked[:20]] == [walk(row, *trees) for row in asked[:20]]


def test_trees_that_help_are_promoted_and_lower_the_loss() -> None:
    """Where the filter alone cannot follow, the two together are better."""
    model, alone = taught(waves(4_000)), BayesianFilter(2)
    for x, y in waves(4_000):
        alone.learn(x, [], y)
    assert model.promoted
    losses = [np.mean([log_loss(m.predict(x, []), y) for x, y in waves(500, 6)]) for m in (model, alone)]
    assert losses[0] < losses[1] - 0.02


def test_trees_that_mislead_are_demoted() -> None:
    """When the world turns round the trees are the last to know: until they are fitted anew the filter is alone."""
    model = taught([*waves(2_400), *((x, 1.0 - y) for x, y in waves(900, 7))])
    assert not model.promoted
    x = np.array([1.0, -1.0])
    assert model.predict(x, [], offset=0.25) == model._filter.predict(x, []) + 0.25


def test_one_kind_of_answer_alone_gives_no_trees() -> None:
    """Three hundred times no is nothing to tell apart."""
    model = taught([(x, 0.0) for x, _ in waves(320)])
    assert not model.promoted
    assert model.predict([0.0, 0.0], []) == model._filter.predict([0.0, 0.0], []) < -1


def test_the_memory_of_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the latest answers are kept to fit trees to."""
    monkeypatch.setattr(boosted, "ROWS", 50)
    assert len(taught(waves(120))._learned) == 50


def test_without_lightgbm_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(__import__("sys").modules, "lightgbm", None)
    with pytest.raises(ConfigurationError, match=r"forestall\[boosting\]"):
        Boosted(1)
