"""Test, then train: each answer is predicted with all that was learned before it, and only then learned."""

from collections.abc import Sequence

from numpy.typing import ArrayLike

from forestall.pipeline.core.models.arithmetic import sigmoid
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.protocol import Model
from forestall.pipeline.core.models.residual import weigh


def test_and_learn(
    model: Model,
    x: ArrayLike,
    categories: Sequence[int],
    y: float,
    weight: float,
    residual: tuple[float, float],
    heard: bool,
    losses: tuple[float, float],
) -> tuple[float, tuple[float, float]]:
    """Tests the model on an answer, then learns it; returns the probability of yes, and the new running losses.

    `residual` is the customer's, with its variance. In the probability it counts where it is `heard` so far; the answer
    then tells by the `losses` without and with it (see residual.weigh) whether its variance does.
    """
    if isinstance(model, BayesianFilter):
        return model.test_and_learn(x, categories, y, weight, residual, heard, losses)
    z = model.predict(x, categories)
    without, with_it = weigh(z, residual[0], y, *losses)
    offset = residual[0] if heard else 0.0
    model.learn(x, categories, y, weight, offset, residual[1] if with_it < without else 0.0)
    return sigmoid(z + offset), (without, with_it)
