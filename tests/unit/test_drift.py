"""Drift: seen where River's ADWIN sees it, stored in little, and not taken for what it is not."""

import msgspec
import numpy as np
import pytest
from river.drift import ADWIN

from forestall.pipeline.core import windowing
from forestall.pipeline.core.drift import REMEMBERED, Drift, Watch
from forestall.pipeline.core.learning import ProblemState, new_live
from forestall.pipeline.core.problem_document import decode_problem, encode_problem
from forestall.pipeline.errors import StateError
from tests.unit.contract_samples import ANSWER

KERNELS = ("add", "extend", "remove", "drop_oldest", "differs", "cut_once", "cut")


def watched(errors: np.ndarray, weight: float = 1.0) -> Watch:
    """A watch that has seen these, an answer a second."""
    watch = Watch()
    for n, error in enumerate(errors.tolist()):
        watch.add(error, weight, known=1_000 * n, answers=n + 1)
    return watch


def errors(count: int, chance: float, seed: int = 0) -> np.ndarray:
    """Squared errors of probabilities that are right: yes comes with this chance, and that is said."""
    random = np.random.default_rng(seed)
    return np.where(random.random(count) < chance, (1 - chance) ** 2, chance**2)


@pytest.mark.parametrize("seed", range(12))
def test_the_window_is_that_of_river_until_the_first_change(seed: int) -> None:
    """It shrinks at the same number, to the same width and mean. (River forgets everything after it.)"""
    random = np.random.default_rng(seed)
    change = int(random.integers(300, 3_000))
    stream = random.beta(2, 5, 4_000) + np.where(np.arange(4_000) < change, 0.0, random.uniform(-0.15, 0.3))
    theirs, ours = ADWIN(), Watch()
    for n, value in enumerate(np.clip(stream, 0.0, 1.0).tolist()):
        theirs.update(value)
        before = ours.width
        ours.add(value, 1.0, n, n)
        assert theirs.drift_detected == (ours.width <= before)
        assert theirs.width == ours.width
        if theirs.drift_detected:
            assert theirs.estimation == pytest.approx(ours.mean, abs=1e-9)
            return
    assert theirs.n_detections == 0


def test_kernels_equal_their_plain_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit."""
    stream = np.concatenate([errors(600, 0.2), errors(600, 0.5)])
    compiled = watched(stream).to_bytes()
    for name in KERNELS:
        monkeypatch.setattr(windowing, name, getattr(windowing, name).py_func)
    assert watched(stream).to_bytes() == compiled


def test_becoming_worse_is_a_drift_and_becoming_better_is_none() -> None:
    """The error before and since is told, and when it showed."""
    worse = watched(np.concatenate([errors(2_000, 0.1), errors(2_000, 0.4)]))
    [drift] = worse.drifts[:1]
    assert worse.number == len(worse.drifts) >= 1
    assert (drift.before, worse.mean) == (pytest.approx(0.09, abs=0.02), pytest.approx(0.24, abs=0.02))
    assert 2_000 < drift.answers < 2_300
    assert drift.known == 1_000 * (drift.answers - 1)
    better = watched(np.concatenate([errors(2_000, 0.4), errors(2_000, 0.1)]))
    assert better.number == 0
    assert better.width < 3_000


def test_a_change_that_shows_bit_by_bit_is_one_drift() -> None:
    """The window is cut again and again on the way; what has come since is told as it is at last."""
    steps = [errors(64, 0.1 + 0.1 * n, n) for n in range(5)]
    watch = watched(np.concatenate([errors(3_000, 0.05), *steps, errors(600, 0.5)]))
    assert watch.number == 1
    assert watch.drifts[0].since > watch.drifts[0].before + 0.05


def test_where_nothing_changes_there_is_hardly_ever_a_drift() -> None:
    """Of forty streams of 5,000 answers in at most one."""
    assert sum(watched(errors(5_000, 0.2, seed)).number for seed in range(40)) <= 1


def test_many_answers_about_one_thing_are_not_many_signs() -> None:
    """Sixteen answers that come at once weigh a quarter each: four numbers."""
    random = np.random.default_rng(3)
    each = np.repeat(np.where(random.random(300) < 0.3, 0.49, 0.09), 16)
    gathered = watched(each, weight=0.25)
    assert (gathered.width, gathered.number) == (300 * 4, 0)


def test_a_stored_watch_goes_on_with_the_same_bytes() -> None:
    """Wherever it was stored in between."""
    stream = np.concatenate([errors(1_500, 0.2), errors(1_500, 0.5)])
    whole = watched(stream, weight=0.7)
    assert whole.number
    for place in (0, 1, 31, 777, 1_620, 2_999):
        first = watched(stream[:place], weight=0.7)
        restored = Watch.from_bytes(first.to_bytes())
        assert restored.to_bytes() == first.to_bytes()
        for n in range(place, len(stream)):
            restored.add(float(stream[n]), 0.7, known=1_000 * n, answers=n + 1)
        assert restored.to_bytes() == whole.to_bytes()
    with pytest.raises(StateError, match="a watch for drift cannot be read"):
        Watch.from_bytes(whole.to_bytes()[:30])


def test_memory_is_bounded() -> None:
    """After 300,000 answers less than 2.5 kB, and the last few drifts."""
    steps = [errors(1_500, 0.05 + 0.4 * (n % 2)) for n in range(60)]
    stepping = watched(np.concatenate([*steps, errors(210_000, 0.3)]))
    assert stepping.number > REMEMBERED == len(stepping.drifts)
    assert len(stepping.to_bytes()) < 2_500
    assert stepping.drifts == sorted(stepping.drifts, key=lambda drift: drift.answers)


def test_the_largest_buckets_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The window never grows beyond what its levels hold."""
    monkeypatch.setattr(windowing, "LEVELS", 4)
    for name in KERNELS:
        monkeypatch.setattr(windowing, name, getattr(windowing, name).py_func)
    watch = watched(np.full(1_000, 0.25))
    assert 5 * (1 + 2 + 4) < watch.width <= 5 * 15 + 8
    assert watch.mean == pytest.approx(0.25)


def test_learn_watches_what_was_said_of_each_answer_and_keeps_it() -> None:
    """When the answers turn round it says so, also after a restart."""
    features = np.zeros(1, "<f4").tobytes()
    plain = msgspec.structs.replace(ANSWER, features=features, history=0, offset=0.0, categories=[])
    state = ProblemState.new(plain, new_live)
    for n in range(900):
        y = n % 10 == 0 if n < 600 else n % 10 != 0
        state.learn(msgspec.structs.replace(plain, y=y, known=n))
        if n % 250 == 0:
            state = decode_problem(encode_problem(state))
    scores = state.scores()
    assert scores["drifts"] >= 1.0
    assert scores["drift_answers"] < 400
    assert scores["drift_error"] > 0.2
    assert all(isinstance(drift, Drift) and drift.known > 600 for drift in state.watch.drifts)
