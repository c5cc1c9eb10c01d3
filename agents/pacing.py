"""How fast a replay goes: by a rate, by the events' own time, and never faster than the processors follow."""

import time
from collections.abc import Callable

from forestall.agents.lag import Lag
from forestall.pipeline.errors import ReplayStalled

Clock = Callable[[], float]
Sleep = Callable[[float], None]


class Schedule:
    """When each event is due: `rate` events a second, or `speed` seconds of event time a second; or at once."""

    def __init__(
        self,
        rate: float | None,
        speed: float | None,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._rate, self._speed = rate, speed
        self._clock, self._sleep = clock, sleep
        self._started: float | None = None
        self._first_ms: int | None = None
        self._sent = 0

    def wait(self, event_ms: int | None) -> None:
        """Waits until the next event is due; `event_ms` is its time (epoch ms), if it has one."""
        if self._started is None:
            self._started = self._clock()
        due = self._started
        if self._rate is not None:
            due = max(due, self._started + self._sent / self._rate)
        if self._speed is not None and event_ms is not None:
            self._first_ms = event_ms if self._first_ms is None else self._first_ms
            due = max(due, self._started + (event_ms - self._first_ms) / 1000 / self._speed)
        self._sent += 1
        if (delay := due - self._clock()) > 0:
            self._sleep(delay)


class Pace:
    """Lets at most so many events and answers be outstanding, as `lag` measures them.

    Measured after every quarter of `events`; so at most 1.25 × `events` are outstanding. Raises ReplayStalled
    if the lag is too large and does not change for `patience` seconds.
    """

    def __init__(
        self,
        lag: Callable[[], Lag],
        events: int,
        answers: int,
        *,
        patience: float = 120.0,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
    ) -> None:
        self.every = max(1, events // 4)
        self.last = Lag(0, 0)
        self._lag, self._most = lag, Lag(events, answers)
        self._patience, self._clock, self._sleep = patience, clock, sleep

    def keep(self, waiting: Callable[[], None]) -> None:
        """Returns once few enough are outstanding; calls `waiting` at every measurement that finds too many."""
        moved = self._clock()
        while True:
            before, self.last = self.last, self._lag()
            if self.last.events <= self._most.events and self.last.answers <= self._most.answers:
                return
            if self.last != before:
                moved = self._clock()
            elif self._clock() - moved > self._patience:
                raise ReplayStalled(
                    f"{self.last.events} events and {self.last.answers} answers wait, and nothing was processed "
                    f"for {self._patience:g} s: start `forestall worker` (or see its log), then replay the rest"
                )
            waiting()
            self._sleep(0.05)
