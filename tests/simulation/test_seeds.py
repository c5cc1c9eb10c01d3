"""Whatever dies, and whenever: nothing is lost or doubled. Seed by seed, and with every safeguard broken in turn."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.chaos.simulate import main
from tests.simulation.faults import KINDS
from tests.simulation.mutants import CAUGHT_BY, MUTANTS, simulate_mutant
from tests.simulation.run import simulate
from tests.simulation.seeds import again, run_seeds
from tests.simulation.violations import INVARIANTS

SEEDS = range(200)
#: A broken safeguard is noticed within so many seeds.
ENOUGH = 100


def test_no_seed_violates_anything() -> None:
    """200 runs, each with its own faults; a failing one says how to run it again."""
    report = run_seeds(SEEDS)
    assert [(one.command, one.invariant, one.text) for one in report.found] == []
    assert (report.seeds, report.violations) == (200, 0)
    assert [kind for kind in KINDS if report.by_kind[kind] < 20] == []
    assert report.faults == sum(report.by_kind.values()) > 5_000
    hops = ("answers", "alerts", "ledger", "notices", "deadletters", "queue", "outcomes", "records")
    assert [hop for hop in hops if report.compared[hop] < 500] == []


@pytest.mark.parametrize("broken", MUTANTS)
def test_a_broken_safeguard_is_noticed(broken: str, record_property: Callable[[str, object], None]) -> None:
    """The invariants can fail, and say which seed shows it."""
    wanted = CAUGHT_BY[broken]
    for seed in range(ENOUGH):
        result = simulate_mutant(broken, seed)
        if wanted & {one.invariant for one in result.violations}:
            record_property("seed", again(seed, broken))
            print(again(seed, broken), *result.violations[:3], sep="\n  ")
            return
    pytest.fail(f"{ENOUGH} seeds did not notice that {broken} is broken")


def test_a_failing_seed_prints_the_command_that_runs_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    """And the exit status is 1."""
    seed = next(seed for seed in range(ENOUGH) if simulate_mutant("marks", seed).violations)
    arguments = ["--seeds", "1", "--first-seed", str(seed), "--broken", "marks"]
    assert main(arguments) == 1
    assert f'make chaos ARGS="--simulate {" ".join(arguments)}"' in capsys.readouterr().out
    assert main(arguments[:-2]) == 0


def test_a_seed_gives_the_same_run_in_any_process() -> None:
    """Else a failing one could not be looked into."""
    code = "from tests.simulation.run import simulate; print(*[simulate(n).digest for n in (4, 5)])"
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "ignore", "-c", code]
    there = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.split() == [str(simulate(seed).digest) for seed in (4, 5)]


def test_every_safeguard_and_invariant_has_its_broken_product() -> None:
    """Each mutant says what catches it, and nothing is checked that has not been seen to fail."""
    assert CAUGHT_BY.keys() == MUTANTS.keys()
    assert set().union(*CAUGHT_BY.values()) == INVARIANTS.keys()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_many_seeds() -> None:
    """Other seeds than the short run's."""
    report = run_seeds(range(100_000, 102_000))
    assert [(one.command, one.invariant, one.text) for one in report.found] == []
