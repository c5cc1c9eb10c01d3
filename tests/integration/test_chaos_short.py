"""Real faults on real servers for a short while; `make chaos` runs longer."""

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from forestall.schemas.event import decode_event
from tests.chaos.feed import lines_of
from tests.chaos.run import run
from tests.chaos.schedule import DECK, schedule


def test_what_faults_leave_behind_is_what_a_replay_gives(tmp_path: Path) -> None:
    """Each kind of fault at least once; then every invariant holds."""
    report = run(tmp_path / "run", 7, 55, gap=4.0)
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
@pytest.mark.timeout(900)
@pytest.mark.parametrize("broken", ["fence", "position", "both", "mark"])
def test_a_broken_safeguard_is_noticed(tmp_path: Path, broken: str) -> None:
    """The invariants can fail, each safeguard alone is needed, and a minute and a half is enough to show it."""
    assert run(tmp_path / "run", 101, 90, breaks=[broken]).violations


def test_a_seed_gives_the_same_faults_and_first_every_kind() -> None:
    """A run can be repeated."""
    assert schedule(1, 300) == schedule(1, 300) != schedule(2, 300)
    assert {fault.kind for fault in schedule(3, 300)[: len(DECK)]} == DECK.keys()


def test_ten_minutes_have_a_full_deck() -> None:
    """Every kind as often as a whole run promises."""
    planned = Counter(fault.kind for fault in schedule(4, 600))
    assert all(planned[kind] >= count for kind, count in DECK.items())


def test_a_long_run_never_wants_for_events() -> None:
    """When the sample is through it begins again: later, with other ids, and the same customers."""
    events = [decode_event(line) for line in islice(lines_of("helpdesk"), 45_000)]
    assert len({event.id for event in events}) == len(events)
    first, second = events[0], events[21_348]
    assert (second.customer, second.data) == (first.customer, first.data)
    assert second.time > events[21_347].time
