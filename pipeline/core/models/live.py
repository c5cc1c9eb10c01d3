"""The models that run live: each with a stored form, and with weights that *foresee* predicts with."""

from typing import Protocol

from forestall.pipeline.core.models.boosted import Boosted
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.names import BAYESIAN, BOOSTED, RIVER
from forestall.pipeline.core.models.protocol import Model
from forestall.pipeline.core.models.weights import Weights


class LiveModel(Model, Protocol):
    """A Model that can be stored: what is read of `to_bytes` goes on with the same bytes (see `read_live`)."""

    def weights(self) -> Weights:
        """What *foresee* predicts with; where trees are heard they come beside."""

    def to_bytes(self) -> bytes:
        """The state: versioned arrays."""


def live_model(name: str, columns: int, history: int) -> LiveModel:
    """A new model, by its name in `names.LIVE`."""
    if name == BAYESIAN:
        return BayesianFilter(columns, history)
    if name == BOOSTED:
        return Boosted(columns, history)
    from forestall.pipeline.core.models.river_linear import RiverLinear  # noqa: PLC0415 - River loads for a second

    return RiverLinear(name.removeprefix(RIVER), columns)


def read_live(name: str, data: bytes) -> LiveModel:
    """The model of a stored state. Raises StateError where it cannot be read."""
    if name == BAYESIAN:
        return BayesianFilter.from_bytes(data)
    if name == BOOSTED:
        return Boosted.from_bytes(data)
    from forestall.pipeline.core.models.river_linear import RiverLinear  # noqa: PLC0415 - as above

    return RiverLinear.from_bytes(data)


def goes_on(model: Model, name: str) -> LiveModel | None:
    """The model that `name` becomes of this one with what it has learned; None where it must begin anew."""
    if name == BOOSTED and isinstance(model, BayesianFilter):
        return Boosted(model.columns, base=model)
    if name == BAYESIAN and isinstance(model, Boosted):
        return model.filter
    return None
