"""A customer's residual follows the customer's own answers."""

import pytest

from forestall.pipeline.core.models.residual import PRIOR_VARIANCE, update


def test_one_answer_moves_it_as_the_formula_says() -> None:
    """From the prior, a yes at p = .5: offset .05·.5/(1 + .25·.05), variance .05/(1 + .25·.05) + 1e-8."""
    offset, variance = update(0.0, PRIOR_VARIANCE, 0.5, 1.0)
    assert offset == pytest.approx(0.025 / 1.0125)
    assert variance == pytest.approx(0.05 / 1.0125 + 1e-8)


def test_it_grows_towards_a_customer_who_always_says_yes_and_grows_sure() -> None:
    """Answer after answer the offset rises and its variance falls."""
    offset, variance = 0.0, PRIOR_VARIANCE
    for _ in range(50):
        before = offset, variance
        offset, variance = update(offset, variance, 0.3, 1.0)
        assert offset > before[0]
        assert variance < before[1]


def test_a_weight_of_zero_teaches_nothing() -> None:
    """Weight 0 keeps the offset; weight 2 moves it further than 1."""
    moved = [update(0.0, PRIOR_VARIANCE, 0.5, 1.0, weight)[0] for weight in (0.0, 1.0, 2.0)]
    assert moved[0] == 0 < moved[1] < moved[2]
