"""Real faults on real servers for a short while; `make chaos` runs longer."""

from pathlib import Path

import pytest

from tests.chaos.run import run
from tests.chaos.schedule import DECK, schedule


def test_what_faults_leave_behind_is_what_a_replay_gives(tmp_path: Path) -> None:
    """Each kind of fault at least once; then every invariant holds."""
    report = run(tmp_path / "run", 7, 50, gap=4.0)
    assert report.found == []
    assert report.by_kind.keys() >= DECK.keys() - {"worker_added", "worker_removed"}
    assert min(report.compared[name] for name in ("answers", "alerts", "ledger", "notices")) > 100
    assert report.done > 50


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_faults(tmp_path: Path) -> None:
    """A few minutes, faults close upon each other."""
    report = run(tmp_path / "run", 8, 240, gap=2.5)
    assert report.found == []
    assert report.faults > 60


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("broken", ["position", "both", "mark"])
def test_a_broken_safeguard_is_noticed(tmp_path: Path, broken: str) -> None:
    """The invariants can fail."""
    report = run(tmp_path / "run", 9, 60, gap=3.0, module=("tests.chaos.worker", broken))
    assert report.violations > 0


def test_a_seed_gives_the_same_faults_and_first_every_kind() -> None:
    """A run can be repeated."""
    assert schedule(1, 300) == schedule(1, 300) != schedule(2, 300)
    assert {fault.kind for fault in schedule(3, 300)[: len(DECK)]} == DECK.keys()
