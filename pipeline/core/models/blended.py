"""What *foresee* predicts with where boosted trees are heard: the weights and the trees together."""

from collections.abc import Sequence

from forestall.pipeline.core.models.boosted import drawn
from forestall.pipeline.core.models.forest import Forest
from forestall.pipeline.core.models.weights import Numbers, Weights


class Blended:
    """A Learned: the weights' logit, drawn by `share` towards that of the trees less their `level`, as learn draws its
    own."""

    __slots__ = ("forest", "level", "share", "weights")

    def __init__(self, weights: Weights, forest: Forest, share: float, level: float) -> None:
        self.weights = weights
        self.forest = forest
        self.share = share
        self.level = level

    def logit(self, x: Numbers, categories: Sequence[int]) -> float:
        """See Learned."""
        of_trees = self.forest.logit(x, categories) - self.level
        return drawn(self.weights.logit(x, categories), of_trees, self.share)

    def terms(self, x: Numbers, categories: Sequence[int]) -> tuple[list[float], list[float]]:
        """What each column and category adds to the logit: the weights' terms and the trees', by their shares."""
        pairs = zip(self.weights.terms(x, categories), self.forest.terms(x, categories), strict=True)
        columns, named = ([drawn(w, t, self.share) for w, t in zip(*pair, strict=True)] for pair in pairs)
        return columns, named

    def usual(self, column: int) -> float:
        """See Learned."""
        return self.weights.usual(column)
