"""Models by name, for a backtest: those that run live, or any other River classifier."""

from collections.abc import Sequence

from forestall.pipeline.core.models.live import live_model
from forestall.pipeline.core.models.names import BOOSTED, live_name
from forestall.pipeline.core.models.protocol import Model
from forestall.pipeline.core.models.river import RiverModel

#: What the models that the catalogue names are called where others stand beside them.
DEFAULT = "forestall"
#: Other names of models that run live.
ALIASES = {"f5": BOOSTED}


def named_live(name: str | None) -> str | None:
    """The model that runs live under this name; None where there is none, or no name."""
    return live_name(ALIASES.get(name, name)) if name else None


def model_named(name: str, columns: Sequence[str], history: int) -> Model:
    """A new model for these columns, the first `history` of which tell of the past.

    Raises ConfigurationError where there is no such model.
    """
    live = named_live(name)
    return live_model(live, len(columns), history) if live is not None else RiverModel(name, columns)
