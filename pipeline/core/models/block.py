"""The filter's dense block: weights that share a covariance."""

from typing import Self

import numpy as np

from forestall.pipeline.core.models import step
from forestall.pipeline.core.models.arrays import Floats, Integers


class Block:
    """Weights, their covariance, and the prior variances that cap it. `array` is all of it as the kernels take it (see
    step), and the others are its parts.
    """

    def __init__(self, weight: Floats, covariance: Floats, prior: Floats) -> None:
        self._begin(weight, covariance, prior)

    @classmethod
    def unlearned(cls, prior: Floats) -> Self:
        """Weights of 0 with these variances."""
        return cls(np.zeros(len(prior)), np.diag(prior), prior)

    def __len__(self) -> int:
        """How many weights there are."""
        return len(self.weight)

    def add(self, weight: float, variance: float, prior: float) -> int:
        """A new weight, which goes with no other yet; returns its index."""
        size = len(self)
        covariance = np.zeros((size + 1, size + 1))
        covariance[:size, :size] = self.covariance
        covariance[size, size] = variance
        self._begin(np.append(self.weight, weight), covariance, np.append(self.prior, prior))
        return size

    def take(self, other: "Block", indices: Integers) -> None:
        """Takes over what another has learned: for each weight here the index of the other's, or -1."""
        own = np.flatnonzero(indices >= 0)
        theirs = indices[own]
        self.weight[own] = other.weight[theirs]
        self.covariance[np.ix_(own, own)] = other.covariance[np.ix_(theirs, theirs)]

    def _begin(self, weight: Floats, covariance: Floats, prior: Floats) -> None:
        self.array: Floats = np.zeros((step.COVARIANCE + len(weight), len(weight)))
        self.weight: Floats = self.array[step.WEIGHT]
        self.prior: Floats = self.array[step.PRIOR]
        self.covariance: Floats = self.array[step.COVARIANCE :]
        self.weight[:], self.prior[:], self.covariance[:] = weight, prior, covariance
