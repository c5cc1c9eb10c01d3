"""Scores agree with scikit-learn, and with what they promise where it has no say."""

import math

import numpy as np
import pytest
from sklearn import metrics

from forestall.pipeline.core import scores as core
from forestall.pipeline.core import scoring
from forestall.pipeline.core.scores import Window, auroc_lower_bound
from forestall.pipeline.errors import StateError

Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]


def pairs(count: int, seed: int, ties: bool = False, skill: float = 1.0) -> Pairs:
    """Probabilities with some skill, answers and weights."""
    random = np.random.default_rng(seed)
    z = random.normal(size=count) - 1
    p = 1 / (1 + np.exp(-z))
    y = (random.random(count) < 1 / (1 + np.exp(-(skill * z - 1 + skill)))).astype(float)
    return (np.round(p, 1) if ties else p), y, random.choice([0.25, 1.0, 20.0], count)


CASES = [pairs(count, seed, ties) for count in (7, 400) for seed in (1, 2, 3) for ties in (False, True)]


@pytest.mark.parametrize("case", CASES)
def test_every_score_agrees_with_scikit_learn(case: Pairs) -> None:
    """AUROC, AUPRC, log loss, precision and recall are scikit-learn's to 1e-12, weights and ties included."""
    p, y, weight = case
    mine = core.scores(p, y, weight, threshold=0.4)
    acted = p > 0.4
    assert mine.auroc == pytest.approx(metrics.roc_auc_score(y, p, sample_weight=weight), abs=1e-12)
    assert mine.auprc == pytest.approx(metrics.average_precision_score(y, p, sample_weight=weight), abs=1e-12)
    assert mine.log_loss == pytest.approx(metrics.log_loss(y, p, sample_weight=weight), abs=1e-12)
    assert mine.precision == pytest.approx(
        metrics.precision_score(y, acted, sample_weight=weight, zero_division=np.nan), abs=1e-12, nan_ok=True
    )
    assert mine.recall == pytest.approx(metrics.recall_score(y, acted, sample_weight=weight), abs=1e-12)
    assert mine.base_rate == pytest.approx(np.average(y, weights=weight), abs=1e-12)
    assert mine.count == len(p)


@pytest.mark.parametrize("case", CASES)
def test_calibration_error_is_the_mean_over_fifteen_bins(case: Pairs) -> None:
    """The calibration error is the weighted distance of mean probability and frequency in each bin."""
    p, y, weight = case
    expected = 0.0
    for n in range(15):
        inside = np.minimum((p * 15).astype(int), 14) == n
        if inside.any():
            share = weight[inside].sum() / weight.sum()
            gap = np.average(p[inside], weights=weight[inside]) - np.average(
                y[inside], weights=weight[inside]
            )
            expected += share * abs(gap)
    assert core.calibration_error(p, y, weight) == pytest.approx(expected, abs=1e-12)


def test_the_kernels_equal_their_plain_python_twins() -> None:
    """Each score's compiled function and its twin give the same number."""
    p, y, weight = CASES[-1]
    order = np.argsort(p, kind="stable")
    ordered = (p[order], y[order], weight[order])
    for kernel in (scoring.auroc, scoring.average_precision, scoring.log_loss, scoring.calibration_error):
        assert kernel(*ordered) == kernel.py_func(*ordered)
    assert scoring.above(*ordered, 0.3) == scoring.above.py_func(*ordered, 0.3)
    assert scoring.effective_counts(*ordered[1:]) == scoring.effective_counts.py_func(*ordered[1:])


@pytest.mark.parametrize("answers", [[], [0.0, 0.0], [1.0, 1.0]])
def test_what_is_undefined_is_nan(answers: list[float]) -> None:
    """Without pairs, or with one class alone, there is no AUROC and no bound: NaN, which opens no gate."""
    y = np.array(answers)
    none = core.scores(np.full(len(y), 0.5), y, np.ones(len(y)), threshold=0.4)
    assert math.isnan(none.auroc)
    assert math.isnan(none.auroc_lower)
    assert not none.auroc_lower > 0.5


def test_probabilities_of_zero_and_one_have_a_finite_loss() -> None:
    """Certain and wrong costs much, but not everything."""
    y, weight = np.array([1.0, 0.0]), np.ones(2)
    assert 30 < core.log_loss(np.array([0.0, 1.0]), y, weight) < 40
    assert core.log_loss(np.array([1.0, 0.0]), y, weight) < 1e-12


def test_the_bound_keeps_its_confidence() -> None:
    """Over 1,500 samples the bound lies above the true area in at most 5 %, and is not idle: at least 1 %."""
    random = np.random.default_rng(5)
    above = 0
    for _ in range(1500):
        yes, no = random.normal(1.0, 1.0, 40), random.normal(0.0, 1.0, 120)
        p, y = np.concatenate([yes, no]), np.repeat([1.0, 0.0], [40, 120])
        above += auroc_lower_bound(core.auroc(p, y, np.ones(160)), 40, 120) > 0.76025  # Φ(1/√2)
    assert 0.01 < above / 1500 < 0.055


def test_two_perfect_pairs_prove_nothing() -> None:
    """A perfect area is no skill after two answers, and skill after eighty."""
    assert auroc_lower_bound(1.0, 1, 1) < 0.5
    assert auroc_lower_bound(1.0, 20, 60) > 0.9


def test_more_pairs_and_fewer_deviations_raise_the_bound() -> None:
    """The bound comes closer to the area with more pairs, and with less confidence asked."""
    assert auroc_lower_bound(0.7, 10, 30) < auroc_lower_bound(0.7, 100, 300) < 0.7
    assert auroc_lower_bound(0.7, 100, 300, deviations=3.0) < auroc_lower_bound(0.7, 100, 300)


def test_equal_weights_count_each_pair_once() -> None:
    """The effective counts are the counts under equal weights, and fewer under unequal ones."""
    y = np.array([1.0, 0, 0, 0])
    assert core.effective_counts(y, np.full(4, 7.0)) == (1, 3)
    assert core.effective_counts(y, np.array([1.0, 20, 1, 1]))[1] < 1.3


def test_a_window_scores_its_last_pairs_alone() -> None:
    """A full window equals the scores of its last pairs, as rounded to float32."""
    p, y, weight = pairs(250, seed=9)
    window = Window(100)
    for pair in zip(p, y, weight, strict=True):
        window.add(*pair)
    last = [part[-100:].astype(np.float32).astype(float) for part in (p, y, weight)]
    assert window.scores(0.4) == core.scores(*last, threshold=0.4)


@pytest.mark.parametrize("cut", [0, 1, 49, 50, 51, 120])
def test_a_window_survives_storage(cut: int) -> None:
    """Stored and read back at any point, the same pairs give the same bytes from then on."""
    p, y, weight = pairs(160, seed=4)
    whole, halved = Window(50), Window(50)
    for n, pair in enumerate(zip(p, y, weight, strict=True)):
        whole.add(*pair)
        if n == cut:
            halved = Window.from_bytes(halved.to_bytes())
        halved.add(*pair)
        assert halved.to_bytes() == whole.to_bytes()
    assert halved.scores(0.4) == whole.scores(0.4)


@pytest.mark.parametrize("wrong", [math.nan, -0.1, 1.1])
def test_a_window_refuses_what_is_no_probability(wrong: float) -> None:
    """NaN or a number outside of [0, 1] is a mistake of the caller, and raises."""
    with pytest.raises(ValueError, match="probability"):
        Window(3).add(wrong, 1.0)


@pytest.mark.parametrize("damaged", [b"", b"\xff", b"\x93\x09\x01\xc4\x00"])
def test_a_damaged_window_is_refused(damaged: bytes) -> None:
    """Damage or another version raises StateError."""
    with pytest.raises(StateError):
        Window.from_bytes(damaged)
