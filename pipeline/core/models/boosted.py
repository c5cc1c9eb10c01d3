"""The challenger: the Bayesian filter, joined by boosted trees where these have done better of late."""

import math
from collections.abc import Sequence

import msgspec
from numpy.typing import ArrayLike

from forestall.pipeline.core.models.arithmetic import log_loss
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.forest import Forest
from forestall.pipeline.core.models.forms import Form
from forestall.pipeline.core.models.weights import Weights

VERSION = 1
FORM = Form("a model that trees join", VERSION, "rebuild it from its log")
#: Once many answers are learned the trees' share of the logit is near MOST; it is half of that at HALFWAY.
MOST, HALFWAY = 0.5, 5_000
#: Forgetting of the running losses: about the last 2,000 answers decide whether the trees count.
KEEP = 1.0 - 1.0 / 2_000.0
#: So many standard errors above nothing must the gain be for the trees to be heard, and below to be heard no longer:
#: on the rows before each task's test better than to look at the gain alone.
DEVIATIONS = 1.0
#: The trees' level is that of the time of their rows, and the filter's is of today: about the last 100 answers tell how
#: far the trees are above, and that is taken off.
LEVEL_STEP = 1.0 / 100.0


class Gain(msgspec.Struct, array_like=True):
    """How much log loss (nats) the trees have saved of late: decayed sums of weights, of weighted gains, and of their
    squares."""

    weight: float = 0.0
    total: float = 0.0
    squares: float = 0.0
    heard: bool = False

    def add(self, gained: float, weight: float) -> None:
        """One more answer; the trees are promoted or demoted by it."""
        self.weight = KEEP * self.weight + weight
        self.total = KEEP * self.total + weight * gained
        self.squares = KEEP * KEEP * self.squares + (weight * gained) * (weight * gained)
        self.heard = self.mean + self.deviation >= 0.0 if self.heard else self.lower > 0.0

    @property
    def mean(self) -> float:
        """Nats saved an answer."""
        return self.total / self.weight if self.weight > 0.0 else 0.0

    @property
    def lower(self) -> float:
        """The mean's lower confidence bound."""
        return self.mean - self.deviation

    @property
    def deviation(self) -> float:
        """How far the bounds are from the mean."""
        return DEVIATIONS * math.sqrt(self.squares) / self.weight if self.weight > 0.0 else 0.0


class Level(msgspec.Struct, array_like=True):
    """How far the trees' logit has been above the filter's of late, over how many answers in all."""

    answers: int = 0
    mean: float = 0.0

    def add(self, above: float, weight: float) -> None:
        """One more answer."""
        self.answers += 1
        self.mean += max(1.0 / self.answers, LEVEL_STEP) * min(weight, 1.0) * (above - self.mean)


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    version: int
    filter: bytes
    forest: bytes
    fitted: int
    gain: Gain
    level: Level = msgspec.field(default_factory=Level)


class Boosted:
    """A Model: the filter's logit, drawn towards that of boosted trees, brought to the filter's level.

    The trees are fitted elsewhere (see `pipeline.training`) and come by `take`. They are heard once the running log
    loss of the two together, each answer tested before it is learned, is below the filter's alone by a standard
    error, and no longer once it is above by one.
    """

    def __init__(self, columns: int, history: int = 0, base: BayesianFilter | None = None) -> None:
        self.filter = base if base is not None else BayesianFilter(columns, history)
        self.forest: Forest | None = None
        self.stored_forest = b""
        self.fitted = 0
        self.gain = Gain()
        self.level = Level()

    @property
    def answers(self) -> int:
        """How many answers have been learned."""
        return self.filter.answers

    @property
    def share(self) -> float:
        """The trees' share of the logit at present; 0 while they are not heard."""
        return self._share() if self.gain.heard and self.forest is not None else 0.0

    def take(self, forest: Forest, fitted: int) -> bool:
        """Takes trees that were fitted to the answers up to `fitted`, an offset in their log.

        False, and nothing has changed, where they are no newer than those that are here, or of other columns.
        """
        if fitted <= self.fitted or forest.columns != self.filter.columns:
            return False
        self.forest, self.stored_forest, self.fitted = forest, forest.to_bytes(), fitted
        return True

    def predict(self, x: ArrayLike, categories: Sequence[int], offset: float = 0.0) -> float:
        """The logit of yes, plus the customer's `offset`."""
        z = self.filter.predict(x, categories)
        share = self.share
        if share and self.forest is not None:
            z = drawn(z, self.forest.logit(x, categories) - self.level.mean, share)
        return offset + z

    def learn(
        self,
        x: ArrayLike,
        categories: Sequence[int],
        y: float,
        weight: float = 1.0,
        offset: float = 0.0,
        variance: float = 0.0,
    ) -> None:
        """Learns the answer, and tests on it whether the trees help. See BayesianFilter."""
        z = self.filter.predict(x, categories)
        self.filter.learn(x, categories, y, weight, offset, variance)
        if self.forest is not None:
            of_trees = self.forest.logit(x, categories)
            joined = drawn(z, of_trees - self.level.mean, self._share())
            self.gain.add(log_loss(z, y) - log_loss(joined, y), weight)
            self.level.add(of_trees - z, weight)

    def weights(self) -> Weights:
        """The filter's."""
        return self.filter.weights()

    def to_bytes(self) -> bytes:
        """The state, to be read by `from_bytes`."""
        stored = _Stored(
            VERSION, self.filter.to_bytes(), self.stored_forest, self.fitted, self.gain, self.level
        )
        return msgspec.msgpack.encode(stored)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Boosted":
        """Reads a state. Raises StateError where it cannot."""
        try:
            stored = msgspec.convert(FORM.fields(data), _Stored)
        except msgspec.ValidationError as error:
            raise FORM.unreadable(error) from error
        new = cls(0, base=BayesianFilter.from_bytes(stored.filter))
        new.forest = Forest.from_bytes(stored.forest) if stored.forest else None
        new.stored_forest, new.fitted = stored.forest, stored.fitted
        new.gain, new.level = stored.gain, stored.level
        return new

    def _share(self) -> float:
        """The share that trees have once they are heard."""
        return MOST * self.answers / (self.answers + HALFWAY)


def drawn(z: float, of_trees: float, share: float) -> float:
    """A logit drawn towards the trees'."""
    return z + share * (of_trees - z)
