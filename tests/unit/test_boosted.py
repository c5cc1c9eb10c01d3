"""Boosted trees: walked as LightGBM walks them, explained as it explains them, and heard only while they help."""

import lightgbm
import msgspec
import numpy as np
import pytest

from forestall.pipeline.core.models.arithmetic import log_loss
from forestall.pipeline.core.models.attribution import attribute
from forestall.pipeline.core.models.blended import Blended
from forestall.pipeline.core.models.boosted import Boosted
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.forest import Forest
from forestall.pipeline.core.models.trees import Trees, walk
from forestall.pipeline.errors import ConfigurationError, StateError
from forestall.pipeline.training import fitting, trainer
from forestall.pipeline.training.fitting import PARAMETERS, Row, fit, read_trees
from forestall.pipeline.training.trainer import Trainer
from forestall.schemas.answer import Answer
from tests.unit.contract_samples import ANSWER

Case = tuple[np.ndarray, float]


def rows(count: int, seed: int) -> np.ndarray:
    """Rows of five columns: one never missing, one often, one constant, one of few values, one nothing but NaN."""
    random = np.random.default_rng(seed)
    made = random.normal(size=(count, 5)) * 3
    made[random.random(count) < 0.3, 1] = np.nan
    made[:, 2], made[:, 3], made[:, 4] = 1.0, made[:, 3].round(), np.nan
    return made


def trained() -> tuple[lightgbm.Booster, Trees]:
    """LightGBM's trees, and ours made of them."""
    x = rows(2_000, 1)
    y = (np.nan_to_num(x[:, 1], nan=2.0) * x[:, 0] + x[:, 3] > 0).astype(float)
    booster = lightgbm.train(PARAMETERS, lightgbm.Dataset(x, y), 60)
    return booster, read_trees(booster.dump_model())


def asked() -> np.ndarray:
    """Rows with what was never missing in training, columns unseen, and huge numbers."""
    made = rows(400, 2)
    made[::5, 0], made[::7, 3], made[::11, 4] = np.nan, 1e300, -4.0
    return made


def waves(count: int, seed: int = 5) -> list[Case]:
    """Rows whose answer changes six times along the first number: a line with two bends cannot follow."""
    random = np.random.default_rng(seed)
    return [(x, float(np.floor(x[0]) % 2)) for x in random.uniform(-3, 4, size=(count, 2))]


def answer(x: np.ndarray, y: float, categories: tuple[int, ...] = ()) -> Answer:
    """An answer of a problem that asks for trees."""
    return msgspec.structs.replace(
        ANSWER,
        features=x.astype("<f4").tobytes(),
        y=bool(y),
        weight=1.0,
        categories=list(categories),
        model="boosted",
    )


def taught(cases: list[Case], after: int = 0) -> Boosted:
    """A model that has learned these; each forest comes `after` so many answers more."""
    model, beside = Boosted(2), Trainer()
    coming: list[tuple[int, Forest, int]] = []
    for n, (x, y) in enumerate(cases):
        model.learn(x, [], y)
        beside.answered(answer(x, y), n)
        coming += [(n + after, Forest.from_bytes(t.forest), t.through) for t in beside.due()]
        for _, forest, through in [one for one in coming if one[0] == n]:
            assert model.take(forest, through)
    return model


def test_the_kernel_walks_to_the_sum_that_lightgbm_gives() -> None:
    """Also for what was never missing in training, for columns unseen, and for infinities."""
    booster, trees = trained()
    expected = booster.predict(asked(), raw_score=True)
    assert len(np.unique(expected)) > 300
    assert [walk(row, *trees) for row in asked()] == pytest.approx(list(expected), abs=1e-12)
    assert [walk.py_func(row, *trees) for row in asked()[:20]] == [walk(row, *trees) for row in asked()[:20]]


def test_terms_are_the_shapley_values_that_lightgbm_gives_and_add_up_to_the_sum() -> None:
    """Column by column, and what remains is the same for all rows."""
    booster, trees = trained()
    expected = booster.predict(asked()[:100], pred_contrib=True)
    for row, (*columns, usual) in zip(asked()[:100], expected, strict=True):
        terms = np.zeros(5)
        assert attribute(row, *trees, terms) == pytest.approx(usual, abs=1e-9)
        assert terms == pytest.approx(columns, abs=1e-9)
        assert terms.sum() + usual == pytest.approx(walk(row, *trees), abs=1e-9)
    terms, twin = np.zeros(5), np.zeros(5)
    assert attribute(asked()[7], *trees, terms) == attribute.py_func(asked()[7], *trees, twin)
    assert terms.tolist() == twin.tolist()


def test_trees_that_help_are_heard_and_lower_the_loss() -> None:
    """Where the filter alone cannot follow, the two together are better."""
    model = taught(waves(4_000))
    assert 0.0 < model.share < 0.5
    assert model.gain.lower > 0.01
    losses = [
        np.mean([log_loss(m.predict(x, []), y) for x, y in waves(500, 6)]) for m in (model, model.filter)
    ]
    assert losses[0] < losses[1] - 0.02


def test_trees_that_come_late_help_nearly_as_well() -> None:
    """Live they are fitted elsewhere, and some answers are learned meanwhile."""
    models = (taught(waves(4_000)), taught(waves(4_000), after=40))
    losses = [np.mean([log_loss(model.predict(x, []), y) for x, y in waves(500, 6)]) for model in models]
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)


def test_trees_that_mislead_are_no_longer_heard() -> None:
    """When the world turns round the trees are the last to know: until they are fitted anew the filter is alone."""
    model = taught([*waves(2_400), *((x, 1.0 - y) for x, y in waves(900, 7))])
    assert model.share == 0.0
    x = np.array([1.0, -1.0])
    assert model.predict(x, [], offset=0.25) == model.filter.predict(x, []) + 0.25


def test_trees_are_brought_to_the_level_of_the_filter() -> None:
    """Trees that are all too high by the same say the same: what they are heard for is what they tell apart."""
    model = taught(waves(2_000))
    high = Boosted.from_bytes(model.to_bytes())
    assert model.forest is not None
    trees = model.forest.trees
    leaves = np.where(trees.column < 0, trees.threshold + 2.0 / len(trees.roots), trees.threshold)
    assert high.take(Forest(2, model.forest.categories, trees._replace(threshold=leaves)), 10**6)
    for x, y in waves(1_500, 9):
        model.learn(x, [], y)
        high.learn(x, [], y)
    assert high.level.mean == pytest.approx(model.level.mean + 2.0, abs=1e-3)
    assert high.share == model.share > 0.0
    x = np.array([0.5, 0.0])
    assert high.predict(x, []) == pytest.approx(model.predict(x, []), abs=1e-3)
    assert high.predict(x, []) != pytest.approx(model.filter.predict(x, []), abs=0.1)


def test_older_trees_and_those_of_other_columns_are_not_taken() -> None:
    """So it does no harm to send them twice, or for two trainers to send the same."""
    model = taught(waves(700))
    before = model.to_bytes()
    assert model.forest is not None
    assert not model.take(model.forest, model.fitted)
    assert not model.take(Forest(3, (), model.forest.trees), model.fitted + 1)
    assert model.to_bytes() == before
    assert model.take(model.forest, model.fitted + 1)


def test_one_kind_of_answer_alone_gives_no_trees() -> None:
    """Three hundred times no is nothing to tell apart."""
    model = taught([(x, 0.0) for x, _ in waves(320)])
    assert model.forest is None
    assert model.predict([0.0, 0.0], []) == model.filter.predict([0.0, 0.0], []) < -1


def test_what_foresee_predicts_with_is_what_learn_has() -> None:
    """To the rounding of weights; and its terms add up, but for what is usual, to the logit."""
    model = taught(waves(2_000))
    assert model.forest is not None
    blended = Blended(model.weights(), model.forest, model.share, model.level.mean)
    zs = [blended.logit(x.astype(np.float32), [7]) for x, _ in waves(50, 8)]
    assert zs == pytest.approx([model.predict(x.astype(np.float32), [7]) for x, _ in waves(50, 8)], abs=1e-4)
    rest = [
        z - sum(blended.terms(x.astype(np.float32), [7])[0])
        for z, (x, _) in zip(zs, waves(50, 8), strict=True)
    ]
    assert rest == pytest.approx([rest[0]] * 50, abs=1e-4)
    assert blended.usual(0) == model.weights().usual(0)


def test_a_frequent_category_gets_the_term_that_its_presence_adds() -> None:
    """And one that the trees do not know gets none."""
    random = np.random.default_rng(1)
    marks = random.integers(0, 2, 500)
    some = [Row(np.zeros(1, np.float32), (9,) if mark else (8,), bool(mark), 1.0) for mark in marks]
    forest = fit(some)
    assert forest is not None
    assert forest.categories == ((8, 9) if marks.sum() < 250 else (9, 8))
    _, [present, unknown] = forest.terms([0.0], [9, 4])
    _, [other] = forest.terms([0.0], [8])
    assert present > 0.3 > unknown == 0.0 > -0.3 > other


def test_the_memory_of_answers_is_bounded_and_trees_come_at_their_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the latest answers are fitted to."""
    monkeypatch.setattr(trainer, "ROWS", 500)
    beside = Trainer()
    fitted = []
    for n, (x, y) in enumerate(waves(1_300)):
        beside.answered(answer(x, y), 10 * n)
        fitted += beside.due()
    assert [(one.answers, one.rows, one.through) for one in fitted] == [
        (300, 300, 2990),
        (600, 500, 5990),
        (1_200, 500, 11_990),
    ]


def test_a_trainer_that_starts_again_fits_at_most_once_and_goes_on_where_it_was() -> None:
    """What is in the log already is not made again; what was due meanwhile is made once, of the latest."""
    first, again = Trainer(), Trainer()
    for n, (x, y) in enumerate(waves(700)):
        first.answered(answer(x, y), n)
        again.answered(answer(x, y), n)
        for trees in first.due():
            if trees.answers == 300:
                again.fitted(trees)
                same = trees
    [made] = again.due()
    assert (made.answers, made.through) == (700, 699)
    again.fitted(same)
    assert list(again.due()) == []


def test_a_trainer_leaves_alone_what_does_not_ask_for_trees() -> None:
    """Other models, contacted customers, answers of an earlier revision."""
    beside = Trainer()
    for n, (x, y) in enumerate(waves(400)):
        beside.answered(msgspec.structs.replace(answer(x, y), model="bayesian"), n)
        beside.answered(msgspec.structs.replace(answer(x, y), problem="b", treatment="contacted"), n)
        later = msgspec.structs.replace(answer(x, y), problem="c", revision="r-2", catalogue=9)
        beside.answered(later, n)
        beside.answered(msgspec.structs.replace(later, revision="r-1", catalogue=4), n)
    [trees] = beside.due()
    assert (trees.problem, trees.revision, trees.answers) == ("c", "r-2", 400)


def test_the_same_answers_give_the_same_trees() -> None:
    """Byte for byte, on one machine: so a second trainer does no harm."""
    made = [Row(x.astype(np.float32), (), bool(y), 1.0) for x, y in waves(400)]
    first, second = fit(made), fit(made)
    assert first is not None
    assert second is not None
    assert first.to_bytes() == second.to_bytes() == Forest.from_bytes(first.to_bytes()).to_bytes()


def test_bytes_that_are_no_forest_are_refused_and_what_is_taken_can_be_walked() -> None:
    """Whatever one byte is changed to, a walk ends, within the row."""
    made = fit([Row(x.astype(np.float32), (int(y),), bool(y), 1.0) for x, y in waves(120)])
    assert made is not None
    stored = made.to_bytes()
    random = np.random.default_rng(2)
    refused = 0
    for _ in range(600):
        place = int(random.integers(0, len(stored)))
        broken = stored[:place] + bytes([int(random.integers(0, 256))]) + stored[place + 1 :]
        try:
            forest = Forest.from_bytes(broken)
        except StateError:
            refused += 1
            continue
        if forest.columns == 2:
            assert np.isfinite(forest.logit([1.0, np.nan], [1, 0]))
            assert np.isfinite(forest.terms([np.inf, 0.5], [0])[0]).all()
    assert refused > 50


def test_without_lightgbm_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(__import__("sys").modules, "lightgbm", None)
    with pytest.raises(ConfigurationError, match=r"forestall\[boosting\]"):
        fitting.load_lightgbm()


def test_the_filter_goes_on_as_it_was_when_trees_join_it() -> None:
    """Boosting is asked for later: nothing that was learned is lost."""
    alone = BayesianFilter(2)
    for x, y in waves(50):
        alone.learn(x, [3], y)
    joined = Boosted(2, base=alone)
    assert joined.answers == 50
    assert joined.predict([1.0, 0.0], [3]) == alone.predict([1.0, 0.0], [3])
