"""The Bayesian filter learns, forgets nothing in storage, and stays bounded."""

import math
import os
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forestall.pipeline.core.models import arithmetic, dense, encoding, filter, fingerprint, residual, step
from forestall.pipeline.core.models import categories as known
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.weights import Weights
from forestall.pipeline.errors import StateError

Row = tuple[np.ndarray, list[int], float]


def rows(count: int, columns: int = 4, seed: int = 1) -> list[Row]:
    """Rows whose answer depends on the first column, a missing second one, and one category."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        x = random.normal(size=columns)
        if random.random() < 0.2:
            x[1] = math.nan
        categories = [int(random.integers(6)), 100 + int(random.integers(300))]
        z = 1.5 * x[0] + (1.0 if math.isnan(x[1]) else -0.5) + (1.5 if categories[0] == 3 else 0.0)
        made.append((x, categories, float(random.random() < 1 / (1 + math.exp(-z)))))
    return made


def learned(history: list[Row], model: BayesianFilter | None = None) -> BayesianFilter:
    """A filter that has learned these rows."""
    model = model or BayesianFilter(4)
    for x, categories, y in history:
        model.learn(x, categories, y)
    return model


def test_it_learns_numbers_missing_flags_and_categories() -> None:
    """After 3,000 answers each of the three causes moves the logit the right way, and nothing else does."""
    model = learned(rows(3000))
    base = model.predict([0, 0, 0, 0], [1])
    assert model.predict([1, 0, 0, 0], [1]) - base > 0.8
    assert model.predict([0, math.nan, 0, 0], [1]) - base > 0.8
    assert model.predict([0, 0, 0, 0], [3]) - base > 0.8
    assert abs(model.predict([0, 0, 1, 0], [1]) - base) < 0.3


def test_an_unlearned_filter_says_one_half() -> None:
    """Before the first answer the logit is 0, plus the offset."""
    assert BayesianFilter(2).predict([5, math.nan], [1, 2]) == 0
    assert BayesianFilter(2).predict([5, math.nan], [1, 2], offset=0.25) == 0.25


def test_storage_in_the_middle_changes_no_byte() -> None:
    """Stored and read back at any point, the same answers end in the same bytes."""
    history = rows(1200)
    whole = learned(history).to_bytes()
    for cut in (0, 1, 15, 17, 700):
        halved = BayesianFilter.from_bytes(learned(history[:cut]).to_bytes())
        assert learned(history[cut:], halved).to_bytes() == whole


def test_predicting_changes_no_byte() -> None:
    """A prediction, of unknown categories too, leaves the state alone."""
    model = learned(rows(50))
    before = model.to_bytes()
    model.predict([1, math.inf, math.nan, 1e300], [999_999])
    assert model.to_bytes() == before


def test_infinite_and_huge_numbers_do_no_harm() -> None:
    """Infinities count as missing; the largest numbers are clipped: weights stay finite."""
    model = learned(rows(100))
    for value in (math.inf, -math.inf, 1.7e308, -1.7e308, 5e-324):
        model.learn([value] * 4, [1], y=1)
        assert math.isfinite(model.predict([value] * 4, [1]))


@pytest.mark.parametrize("wrong", ["y", "weight", "offset", "variance"])
def test_an_answer_that_is_not_finite_is_refused_unlearned(wrong: str) -> None:
    """NaN in the label, weight or residual raises and leaves the state alone."""
    model = learned(rows(10))
    before = model.to_bytes()
    with pytest.raises(ValueError, match="finite"):
        model.learn([0] * 4, [1], **{"y": 1.0, wrong: math.nan})
    assert model.to_bytes() == before


def test_a_weight_of_two_moves_more_than_one_and_of_zero_not_at_all() -> None:
    """The weight scales the gradient."""
    bias = []
    for weight in (0.0, 1.0, 2.0):
        model = BayesianFilter(1)
        model.learn([0], [], y=1, weight=weight)
        bias.append(model.block.weight[3])
    assert bias[0] == 0 < bias[1] < bias[2]


def test_the_residual_explains_part_of_the_answer() -> None:
    """With an offset that foretold the answer the weights move less, and with its variance less still."""
    moved = []
    for offset, variance in ((0.0, 0.0), (2.0, 0.0), (2.0, 5.0)):
        model = BayesianFilter(1)
        model.learn([0], [], y=1, offset=offset, variance=variance)
        moved.append(model.block.weight[3])
    assert moved[0] > moved[1] > moved[2] > 0


def test_a_category_counts_once_a_row() -> None:
    """A category given twice is learned and predicted as once."""
    once, twice = BayesianFilter(1), BayesianFilter(1)
    once.learn([1], [5], y=1)
    twice.learn([1], [5, 5], y=1)
    assert once.to_bytes() == twice.to_bytes()
    assert once.predict([1], [5]) == once.predict([1], [5, 5])


def test_a_category_takes_a_slot_after_100_labels_without_a_jump() -> None:
    """The 100th label moves a category into the dense block with its weight and variance."""
    model = BayesianFilter(1)
    for n in range(99):
        model.learn([n % 3], [7], y=n % 2)
    assert (model.slots, len(model.block.weight)) == (0, 4)
    model.learn([1], [7], y=1)
    assert (model.slots, len(model.block.weight)) == (1, 5)
    assert model.block.weight[4] == model.categories.table[dense.WEIGHT, 0]
    assert model.block.covariance[4, 4] == model.categories.table[dense.VARIANCE, 0]
    assert not model.block.covariance[4, :4].any()


def test_a_slot_is_taken_once_also_as_others_come() -> None:
    """A category that has its slot keeps that one when others of its rows get theirs."""
    model = BayesianFilter(0)
    for n in range(450):
        model.learn([], [7, n % 4], y=n % 2)
    assert model.slots == 5
    assert sorted(model.categories.tally[dense.SLOT, :5]) == [1, 2, 3, 4, 5]


def test_slots_and_categories_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over their bounds, new categories get no slot, or no entry; the model learns on."""
    monkeypatch.setattr(filter, "SLOTS", 2)
    monkeypatch.setattr(known, "MOST", 40)
    model = BayesianFilter(0)
    for n in range(500):
        model.learn([], [n % 4, 10 + n], y=n % 2)
    assert model.slots == 2
    assert len(model.categories) == 40 == model.categories.table.shape[1]


def test_a_step_is_the_textbook_kalman_step() -> None:
    """A row with an unusual column, a first missing one and a slot moves weights and covariance as the formulas say."""
    model = learned([([n % 5, n % 3], [7], float(n % 2)) for n in range(200)], BayesianFilter(2))
    weights, covariance = np.append(model.block.weight, 0.0), np.zeros((9, 9))
    covariance[:8, :8], covariance[8, 8] = model.block.covariance, 0.05
    model.learn([4.0, math.nan], [7, 8], y=1, weight=0.5, offset=0.3, variance=0.02)
    encoded = (math.log1p(4) - model.mean[0]) / math.sqrt(model.variance[0])
    # the columns, below and above the usual; bias, slot of 7, flag of the second column
    row = np.array([encoded, 0, 0, 0, encoded - 0.5, 0, 1, 1, 1])
    s = row @ covariance @ row + 0.05 + 0.02  # category 8 has no slot
    p = 1 / (1 + math.exp(-(row @ weights + 0.3)))
    h = 0.5 * p * (1 - p)
    gain = covariance @ row / (1 + h * s)
    assert model.block.weight == pytest.approx(weights - 0.5 * (p - 1) * gain, abs=1e-12)
    expected = covariance - h * np.outer(gain, covariance @ row) + dense.PROCESS_NOISE * np.eye(9)
    assert model.block.covariance == pytest.approx(expected, abs=1e-12)
    assert model.categories.table[:, 1] == pytest.approx(
        [0.5 * (1 - p) * 0.05 / (1 + h * s), 0.05 - h * 0.05**2 / (1 + h * s) + dense.PROCESS_NOISE],
        abs=1e-12,
    )


def test_what_is_never_seen_stays_at_the_prior() -> None:
    """Process noise adds no variance above the prior to a column that never varied."""
    model = BayesianFilter(2)
    for n in range(100):
        model.learn([3.0, n], [], y=n % 2)
    assert model.block.covariance[0, 0] == dense.PRIOR_VARIANCE > model.block.covariance[1, 1]


def test_the_covariance_stays_symmetric_positive_and_below_the_prior() -> None:
    """After 3,000 answers the covariance is a covariance still."""
    covariance = learned(rows(3000)).block.covariance
    assert np.array_equal(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance)[0] > 0
    assert covariance.diagonal().max() <= dense.PRIOR_VARIANCE


def test_migration_keeps_what_its_columns_learned() -> None:
    """Columns reordered and added: every prediction stays, and back again the covariance."""
    model = learned(rows(1500))
    moved = model.migrated([2, None, 1, 0, 3])
    for x, categories, _ in rows(20, seed=2):
        there = moved.predict([x[2], 99, x[1], x[0], x[3]], categories)
        assert there == pytest.approx(model.predict(x, categories), abs=1e-12)
    back = moved.migrated([3, 2, 0, 4])
    assert np.array_equal(back.block.covariance[:13, :13], model.block.covariance[:13, :13])
    spectra = [np.linalg.eigvalsh(each.block.covariance) for each in (back, model)]
    assert np.allclose(*spectra, rtol=1e-9)
    assert model.migrated([0, 2, 3]).slots == model.slots


def test_a_migrated_filter_learns_on() -> None:
    """What a migrated filter learns afterwards survives storage too."""
    model = learned(rows(300)).migrated([0, 1, 2, 3])
    copy = BayesianFilter.from_bytes(model.to_bytes())
    more = rows(300, seed=3)
    assert learned(more, model).to_bytes() == learned(more, copy).to_bytes()


def test_after_migration_answers_weigh_as_before() -> None:
    """Counts migrate too: a filter with reordered columns learns on to the same predictions."""
    history, more = rows(300), rows(50, seed=3)
    stayed = learned(history + more)
    moved = learned(history).migrated([3, 2, 1, 0])
    for x, categories, y in more:
        moved.learn(x[::-1], categories, y)
    assert moved.answers == stayed.answers
    assert moved.predict([1, 2, math.nan, 4], [3]) == pytest.approx(
        stayed.predict([4, math.nan, 2, 1], [3]), abs=1e-9
    )


def test_weights_predict_as_the_filter() -> None:
    """What travels to foresee gives the filter's logit, rounded to float32, and arrives unchanged."""
    model = learned(rows(1500))
    weights = model.weights()
    arrived = Weights.from_bytes(weights.to_bytes())
    for x, categories, _ in rows(50, seed=4):
        logit = weights.logit(x, categories)
        assert logit == pytest.approx(model.predict(x, categories), abs=1e-5)
        assert arrived.logit(x, categories) == logit
    assert arrived.to_bytes() == weights.to_bytes()


def test_terms_and_bias_sum_to_the_logit() -> None:
    """The explanation adds up to the prediction; missing and unknown parts included."""
    weights = learned(rows(1500)).weights()
    x, categories = np.array([1.0, math.nan, 2.0, -1.0]), [3, 12345]
    columns, named = weights.terms(x, categories)
    assert weights.bias + sum(columns) + sum(named) == pytest.approx(weights.logit(x, categories), abs=1e-12)
    assert named[1] == 0
    assert columns[0] > 0 < columns[1]


def test_the_largest_weights_fit_a_notice() -> None:
    """20,000 categories and 100 columns stay far below 512 kB."""
    categories = {2**32 - 1 - n: 0.1 for n in range(known.MOST)}
    assert len(Weights(0.0, np.zeros((6, 100)), categories).to_bytes()) < 170_000


@pytest.mark.parametrize("damaged", [b"", b"\xff", b"\x90", b"\x9b" + b"\x63" * 11])
def test_what_cannot_be_read_is_refused(damaged: bytes) -> None:
    """Damage or another version raises StateError, for the state and for weights."""
    with pytest.raises(StateError):
        BayesianFilter.from_bytes(damaged)
    with pytest.raises(StateError):
        Weights.from_bytes(damaged)


def test_columns_of_history_share_the_prior_of_one() -> None:
    """Forty views of the past cannot outvote what the event itself says; the state keeps who they are."""
    model = BayesianFilter(columns=5, history=4)
    columns, bends = [0.025] * 4 + [0.05], [0.02] * 10
    assert np.diag(model.block.covariance).tolist() == [*columns, *bends, 0.05]
    model.learn([1.0, math.nan, 1.0, 1.0, math.nan], [], y=1)
    assert model.block.prior.tolist() == [*columns, *bends, 0.05, 0.025, 0.05]
    again = BayesianFilter.from_bytes(model.to_bytes())
    assert again.history == 4
    assert again.block.prior.tolist() == model.block.prior.tolist()
    moved = model.migrated([4, 1, None, 0], history=3).block.prior
    assert moved.tolist() == pytest.approx([0.1 / 3] * 3 + [0.05] + [0.02] * 8 + [0.05] + [0.1 / 3] * 2)


def test_the_logit_bends_where_a_number_is_unusual() -> None:
    """A risk that rises below the mean and falls above it is learned, where a straight line says one half."""
    model = BayesianFilter(1)
    for n in range(4000):
        x = n * 7919 % 201 / 10.0 - 10.0
        model.learn([x], [], y=float(abs(x) < 3))
    assert model.predict([0.0], []) > 0 > -1.5 > max(model.predict([-10.0], []), model.predict([10.0], []))


def test_the_kernels_equal_their_plain_python_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows predicted, learned, and tested before they are learned, end in the same bytes."""
    ends = []
    for plain in (False, True):
        model = learned(rows(400))
        if plain:
            for module in (arithmetic, encoding, residual, dense, step):
                _uncompile(module, monkeypatch)
        row, categories = [1.0, math.nan, -3.0, 70.0], [3, 100, 3, 9_999, 1]
        predicted = model.predict(row, categories)
        model.learn(row, categories, 1.0, 0.7, 0.1, 0.02)
        tested = [
            model.test_and_learn([0.5, 2.0, math.nan, n], categories, 0.0, 0.7, (0.1, 0.02), n == 1, (1.0, n))
            for n in range(3)
        ]
        ends.append((predicted, tested, model.to_bytes()))
    assert ends[0] == ends[1]


def _uncompile(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the plain twins in the kernels' place."""
    for name, made in list(vars(module).items()):
        if hasattr(made, "py_func"):
            monkeypatch.setattr(module, name, made.py_func)


@given(heard=st.booleans(), more=st.booleans(), offset=st.floats(-1.0, 1.0), seed=st.integers(0, 1_000))
def test_a_test_in_one_call_is_the_same_as_in_three(
    heard: bool, more: bool, offset: float, seed: int
) -> None:
    """What is said of each answer, the losses, and what has been learned: all bytes, whatever the residual."""
    one, other = BayesianFilter(4), BayesianFilter(4)
    losses = told = (float(more), float(not more))
    for x, categories, y in rows(130, seed=seed):
        p, losses = one.test_and_learn(x, categories, y, 0.8, (offset, 0.03), heard, losses)
        z = other.predict(x, categories)
        told = residual.weigh(z, offset, y, *told)
        counted, variance = offset if heard else 0.0, 0.03 if told[1] < told[0] else 0.0
        other.learn(x, categories, y, 0.8, counted, variance)
        assert (p, losses) == (arithmetic.sigmoid(z + counted), told)
    assert one.to_bytes() == other.to_bytes()


def test_without_compilation_the_fingerprint_is_the_same() -> None:
    """A process that runs the kernels as plain Python gets the very same bytes."""
    program = "from forestall.pipeline.core.models.fingerprint import fingerprint; print(fingerprint())"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    plain = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert plain.stdout.strip() == fingerprint.fingerprint()


def test_after_warming_up_no_kernel_compiles() -> None:
    """A prediction and an answer after warm_up find every kernel compiled."""
    fingerprint.warm_up()
    kernels = [step.predict, step.learn, step.test_and_learn]
    before = [len(kernel.signatures) for kernel in kernels]
    model = learned(rows(150))
    model.predict(np.zeros(4, np.float32), [1])
    model.test_and_learn(np.zeros(4, np.float32), [1], 1.0, 1.0, (0.1, 0.02), False, (0.5, 0.5))
    assert [len(kernel.signatures) for kernel in kernels] == before
