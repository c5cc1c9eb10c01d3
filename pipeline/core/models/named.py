"""Models by name, for a backtest: our own challenger, or any River classifier."""

from collections.abc import Callable, Sequence

from forestall.pipeline.core.models.boosted import Boosted
from forestall.pipeline.core.models.protocol import Model
from forestall.pipeline.core.models.river import RiverModel

#: What our own default is called where models stand side by side.
DEFAULT = "forestall"
#: Our own, made of the number of columns and of those among them that are history; the default is not named.
OWN: dict[str, Callable[[int, int], Model]] = {"boosted": Boosted, "f5": Boosted}


def model_named(name: str, columns: Sequence[str], history: int) -> Model:
    """A new model for these columns, the first `history` of which tell of the past.

    Raises ConfigurationError where there is no such model, or where what it needs is not installed.
    """
    if name in OWN:
        return OWN[name](len(columns), history)
    return RiverModel(name, columns)
