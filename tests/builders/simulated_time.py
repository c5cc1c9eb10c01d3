"""Runs a scenario on a time of its own, for a busy machine is late for short moments."""

from collections.abc import Callable, Coroutine
from typing import Any

from tests.simulation.loop import SimulatedLoop


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In the schedule, of those that may be, in which nobody overtakes."""
    loop = SimulatedLoop(seed=3)
    try:
        loop.run_until_complete(scenario())
    finally:
        loop.end()
