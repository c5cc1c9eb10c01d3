"""The kernels' own exp and log against libm, and against their plain-Python twins."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forestall.pipeline.core.models import arithmetic

logits = st.floats(-700, 700)


def bits(x: float) -> bytes:
    """The exact bytes of a number."""
    return np.float64(x).tobytes()


@given(logits)
def test_exp_is_accurate(x: float) -> None:
    """exp agrees with libm to 1e-14."""
    assert arithmetic.exp(x) == pytest.approx(math.exp(x), rel=1e-14, abs=0)


@given(st.floats(5e-324, 1.7e308))
def test_log_is_accurate(x: float) -> None:
    """log agrees with libm to 1e-14, subnormal numbers included."""
    assert arithmetic.log(x) == pytest.approx(math.log(x), rel=1e-14, abs=0)


@given(st.floats(-0.999, 1e300) | st.floats(-1e-8, 1e-8))
def test_log1p_is_accurate(x: float) -> None:
    """log1p agrees with libm to 1e-14, near 0 too."""
    assert arithmetic.log1p(x) == pytest.approx(math.log1p(x), rel=1e-14, abs=0)


@given(logits)
def test_a_probability_and_its_complement_sum_to_one(z: float) -> None:
    """sigmoid(z) + sigmoid(-z) is 1."""
    assert arithmetic.sigmoid(z) + arithmetic.sigmoid(-z) == pytest.approx(1, abs=1e-15)


@given(st.floats(-30, 30))
def test_logit_undoes_sigmoid(z: float) -> None:
    """logit(sigmoid(z)) is z, as far as a probability can tell."""
    assert arithmetic.logit(arithmetic.sigmoid(z)) == pytest.approx(z, abs=1e-15 * (4 + math.exp(abs(z))))


@given(st.floats(-30, 30), st.sampled_from([0.0, 1.0]))
def test_log_loss_is_minus_the_log_of_the_probability(z: float, y: float) -> None:
    """log_loss is -log of the probability given to what happened."""
    p = 1 / (1 + math.exp(-z if y else z))
    assert arithmetic.log_loss(z, y) == pytest.approx(-math.log(p), rel=1e-9, abs=1e-13)


@given(st.floats(allow_nan=True, allow_infinity=True))
@pytest.mark.parametrize("name", ["exp", "log", "log1p", "sigmoid", "logit", "softplus"])
def test_each_kernel_equals_its_twin(name: str, x: float) -> None:
    """The compiled function and the plain-Python one give the same number, for any input."""
    function = getattr(arithmetic, name)
    with np.errstate(all="ignore"):
        twin = function.py_func(np.float64(x))
    assert bits(function(x)) == bits(twin) or (math.isnan(twin) and math.isnan(function(x)))


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("exp", math.inf, math.inf),
        ("exp", -math.inf, 0.0),
        ("log", 0.0, -math.inf),
        ("log", math.inf, math.inf),
        ("log1p", math.inf, math.inf),
        ("sigmoid", math.inf, 1.0),
        ("sigmoid", -math.inf, 0.0),
    ],
)
def test_limits_are_exact(name: str, x: float, expected: float) -> None:
    """Infinite arguments and zero give the limits."""
    assert getattr(arithmetic, name)(x) == expected


@pytest.mark.parametrize("name", ["exp", "log", "log1p", "sigmoid", "logit", "softplus"])
def test_nan_stays_nan(name: str) -> None:
    """NaN in, NaN out: never a plausible number."""
    assert math.isnan(getattr(arithmetic, name)(math.nan))
