"""What a model is to whoever asks and teaches it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Model(Protocol):
    """Foretells and learns yes or no of rows: numbers (NaN: missing), and categories as 32-bit hashes.

    Deterministic: the same calls in the same order give the same numbers. `predict` changes nothing.
    """

    @property
    def answers(self) -> int:
        """How many answers have been learned."""

    def predict(self, x: ArrayLike, categories: Sequence[int], offset: float = 0.0) -> float:
        """The logit of yes; `offset` (the customer's residual) is added."""

    def learn(
        self,
        x: ArrayLike,
        categories: Sequence[int],
        y: float,
        weight: float = 1.0,
        offset: float = 0.0,
        variance: float = 0.0,
    ) -> None:
        """Learns the answer `y` (1 or 0), `weight` times, beside the residual `offset` and its `variance`."""


class Learned(Protocol):
    """What *foresee* asks of a learned model: `Weights` or `Blended` live, another Model as it stands in a backtest."""

    def logit(self, x: NDArray[np.float32], categories: Sequence[int]) -> float:
        """The logit of yes for a row and its categories."""

    def terms(self, x: NDArray[np.float32], categories: Sequence[int]) -> tuple[list[float], list[float]]:
        """What each column and each category adds to the logit; zeros where the model cannot say."""

    def usual(self, column: int) -> float:
        """The column's encoded mean, for words."""
