"""What a model is to whoever asks and teaches it."""

from collections.abc import Sequence
from typing import Protocol

from numpy.typing import ArrayLike


class Model(Protocol):
    """Foretells and learns yes or no of rows: numbers (NaN: missing), and categories as 32-bit hashes.

    Deterministic: the same calls in the same order give the same numbers. `predict` changes nothing.
    """

    answers: int

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
