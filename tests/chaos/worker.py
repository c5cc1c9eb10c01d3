"""The worker under test: `python -m tests.chaos.worker [break]`.

It is the real one; its commit also counts the commits of older assignments that were taken, where only they can be
told: in the store. A safeguard may be broken on purpose, see BREAKS.
"""

import sys
from collections.abc import Callable, Sequence

from forestall.agents import worker
from forestall.agents.chunk import Place
from forestall.agents.producing import TransactionalProducer
from forestall.pipeline.store import partition
from forestall.pipeline.store.script import Script

FENCE = "if epoch ~= ARGV[1] then"
WRITE = "redis.call('HSET', META, 'position', ARGV[5], 'commit', ARGV[2])"
NUMBERS = "if tonumber(ARGV[at + 1]) ~= top + 1 then"
#: The field of a partition's meta that counts commits which an older assignment made.
STALE = "stale"
POSITION = "if position ~= ARGV[4] or commit ~= ARGV[3] then"


def fence() -> None:
    """A commit of an older assignment is taken, if it starts where the state stands."""
    _replace(FENCE, "if false then")


def position() -> None:
    """A commit is taken wherever the state and its numbers stand. (Where only the position is not compared, the
    numbers' own check refuses nearly all that it should have.)"""
    _replace(POSITION, "if false then")
    _replace(NUMBERS, "if false then")


def both() -> None:
    """Neither is asked."""
    fence()
    position()


def mark() -> None:
    """What was delivered counts as noted after the delivery, not as committed with it."""

    async def unknown(_producer: TransactionalProducer, places: Sequence[Place]) -> dict[Place, int]:
        return dict.fromkeys(places, 0)

    TransactionalProducer._marks = unknown  # type: ignore[method-assign]  # that is the break


def count_stale() -> None:
    """Counts what the fence should have refused."""
    _replace(WRITE, f"if ARGV[1] ~= epoch then redis.call('HINCRBY', META, '{STALE}', 1) end {WRITE}")


def _replace(line: str, other: str) -> None:
    text = partition.COMMIT.text
    assert text.count(line) == 1, f"the commit no longer has {line!r}"
    partition.COMMIT = Script(text.replace(line, other))


BREAKS: dict[str, Callable[[], None]] = {"fence": fence, "position": position, "both": both, "mark": mark}


if __name__ == "__main__":
    count_stale()
    for name in sys.argv[1:]:
        BREAKS[name]()
    sys.exit(worker.main(["--alone"]))
