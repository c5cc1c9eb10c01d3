"""How a worker ends: exit codes, and which of them the supervisor answers with a restart."""

from forestall.pipeline.errors import (
    BreakerOpen,
    ConfigurationError,
    ForestallError,
    PositionLost,
    StaleEpoch,
    StalePosition,
    StateError,
)

CLEAN = 0
#: Anything that a fresh start may cure: a lost connection, another worker's newer assignment.
RESTART = 75

#: The first row that fits counts. These codes are of sysexits.h, by what they come nearest to.
EXITS: tuple[tuple[type[BaseException], int], ...] = (
    (StaleEpoch, RESTART),
    (StalePosition, RESTART),
    (BreakerOpen, 65),
    (PositionLost, 66),
    (StateError, 76),
    (ConfigurationError, 78),
    (Exception, RESTART),
)
FINAL = frozenset(code for _, code in EXITS if code != RESTART) | {CLEAN}


def code_of(error: BaseException | None) -> int:
    """The exit code for what ended the worker; None is a clean end."""
    return (
        CLEAN if error is None else next((code for kind, code in EXITS if isinstance(error, kind)), RESTART)
    )


def is_final(code: int) -> bool:
    """Whether the supervisor lets it be; a negative code is the signal that killed the process."""
    return code in FINAL


def says_enough(error: BaseException) -> bool:
    """Whether the message alone tells an operator what to do, without a traceback."""
    return isinstance(error, ForestallError)
