"""A worker with a safeguard broken on purpose: `python -m tests.chaos.worker position`. See BREAKS."""

import sys
from collections.abc import Callable

from forestall.agents import worker
from forestall.agents.chunk import Place
from forestall.agents.transactions import Transactions
from forestall.pipeline.store import partition
from forestall.pipeline.store.script import Script

FENCE = "if epoch ~= ARGV[1] then"
POSITION = "if position ~= ARGV[4] or commit ~= ARGV[3] then"


def fence() -> None:
    """A commit of an older assignment is taken. (Alone it does no harm: it must still start where the state stands.)"""
    partition.COMMIT = _without(FENCE)


def position() -> None:
    """A commit is taken wherever the state stands."""
    partition.COMMIT = _without(POSITION)


def both() -> None:
    """Neither is asked."""
    fence()
    position()


def mark() -> None:
    """What was delivered counts as noted after the delivery, not as committed with it."""

    async def unknown(_transactions: Transactions, _place: Place) -> int:
        return 0

    Transactions.mark = unknown  # type: ignore[method-assign]  # that is the break


def _without(check: str) -> Script:
    text = partition.COMMIT.text
    assert text.count(check) == 1, f"the commit no longer asks {check!r}"
    return Script(text.replace(check, "if false then"))


BREAKS: dict[str, Callable[[], None]] = {"fence": fence, "position": position, "both": both, "mark": mark}


if __name__ == "__main__":
    BREAKS[sys.argv[1]]()
    sys.exit(worker.main(["--alone"]))
