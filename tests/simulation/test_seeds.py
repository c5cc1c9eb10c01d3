"""Two hundred seeds of simulated faults violate nothing; each broken safeguard is caught."""

import logging
import os
from collections.abc import Iterator

import pytest

from tests.chaos.simulate import run
from tests.simulation.faults import ACTS, CALLS
from tests.simulation.mutants import MUTANTS, simulate_mutant
from tests.simulation.run import simulate

SEEDS = 200
#: So many seeds a broken product may survive.
CAUGHT_WITHIN = 60


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What is refused and tried again is what is asked for here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.timeout(600)
def test_no_seed_violates_an_invariant() -> None:
    """Every fault that there is took place, much was compared, and all was as the sequential replay gives it."""
    report = run(0, SEEDS, os.cpu_count() or 1)
    assert report.found == {}
    assert report.by_kind.keys() >= {*ACTS, *CALLS} - {"redis out of memory"}
    assert min(report.compared[name] for name in ("records", "ledger", "answers", "notices", "queue")) > 1_000


def test_a_seed_gives_the_same_run_again() -> None:
    """Else the command that a failing seed prints would replay something else."""
    first, again = simulate(11), simulate(11)
    assert (first.steps, first.digest, first.faults) == (again.steps, again.digest, again.faults)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_safeguard_is_caught(name: str) -> None:
    """The invariants can fail: a product without this safeguard does not get past these seeds."""
    caught = next((seed for seed in range(CAUGHT_WITHIN) if simulate_mutant(name, seed).violations), None)
    assert caught is not None, f"{CAUGHT_WITHIN} seeds found nothing wrong with: {name}"
