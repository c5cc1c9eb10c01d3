"""How a core's own failure is told in a dead letter: the same words live and in a replay."""

import traceback
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def place_of(error: BaseException | None) -> str:
    """The line that raised, as `pipeline/core/foresee.py:17`, wherever the project is installed."""
    if error is None or error.__traceback__ is None:
        return "?"
    where = traceback.extract_tb(error.__traceback__)[-1]
    file = Path(where.filename)
    return f"{file.relative_to(_ROOT) if file.is_relative_to(_ROOT) else file.name}:{where.lineno}"


def words_of(error: BaseException | None) -> str:
    """Kind, message and line."""
    return f"{type(error).__name__}: {error} ({place_of(error)})"
