"""How fast a replay goes, told with a scripted clock."""

import pytest

from forestall.agents.lag import Lag
from forestall.agents.pacing import Pace, Schedule
from forestall.pipeline.errors import ReplayStalled


class Scripted:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        """The scripted time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Moves the time."""
        self.now += seconds


def test_without_rate_and_speed_nothing_waits() -> None:
    """By default events go as fast as they can."""
    time = Scripted()
    schedule = Schedule(None, None, time.clock, time.sleep)
    for ms in (0, 10_000, 20_000):
        schedule.wait(ms)
    assert time.now == 100.0


def test_a_rate_spaces_events_evenly() -> None:
    """The 101st event at 50 a second is sent after two seconds."""
    time = Scripted()
    schedule = Schedule(50.0, None, time.clock, time.sleep)
    for _ in range(101):
        schedule.wait(None)
    assert time.now == pytest.approx(102.0)


def test_a_speed_follows_the_events_own_time() -> None:
    """An hour of event time at 3600 seconds a second takes a second; late events and those without time go at once."""
    time = Scripted()
    schedule = Schedule(None, 3600.0, time.clock, time.sleep)
    schedule.wait(5_000_000)
    schedule.wait(5_000_000 + 3_600_000)
    schedule.wait(5_000_000 + 1_800_000)
    schedule.wait(None)
    assert time.now == pytest.approx(101.0)


def test_pace_waits_until_few_enough_are_outstanding() -> None:
    """It goes on once both are within their bounds, and tells of every measurement that was not."""
    time = Scripted()
    lags = iter([Lag(90, 3), Lag(40, 30), Lag(40, 3)])
    seen = []
    pace = Pace(lambda: next(lags), 50, 5, clock=time.clock, sleep=time.sleep)
    pace.keep(lambda: seen.append(pace.last))
    assert seen == [Lag(90, 3), Lag(40, 30)]
    assert pace.last == Lag(40, 3)


def test_pace_says_when_nobody_processes() -> None:
    """The same lag for the whole patience is an error with the remedy, not an endless wait."""
    time = Scripted()
    pace = Pace(lambda: Lag(90, 0), 50, 5, patience=120, clock=time.clock, sleep=time.sleep)
    with pytest.raises(ReplayStalled, match=r"90 events and 0 answers wait.*start `forestall worker`"):
        pace.keep(lambda: None)
    assert 220 <= time.now < 221


def test_pace_is_patient_while_something_moves() -> None:
    """A slow worker is not a dead one."""
    time = Scripted()
    lags = iter([*(Lag(3_000 - done, 0) for done in range(2_951))])
    pace = Pace(lambda: next(lags), 50, 5, patience=1, clock=time.clock, sleep=time.sleep)
    pace.keep(lambda: None)
    assert pace.last == Lag(50, 0)
