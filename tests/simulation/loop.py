"""An event loop with virtual time that takes a random one of what is ready, and processes that it kills or pauses.

The same seed gives the same schedule. Time stands still while anything is ready, and then jumps to the next timer.
A process is a context: every task and callback that descends from its first task is part of it.
"""

import asyncio
import heapq
import inspect
import random
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar
from typing import Any

#: More steps than any run needs (5,000 to 40,000).
STEPS = 2_000_000

SERVER = Context()  # what servers do goes on, whatever becomes of who asked


class Process:
    """A simulated operating system process. Dead: nothing of it runs again, no `finally` either. Paused: what
    would run waits, timers included. `doomed`: after so many more steps, `doom` is called."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.paused = False
        self.parked: list[asyncio.Handle] = []
        self.doomed = -1
        self.doom: Callable[[], None] = self.kill

    def kill(self) -> None:
        """As SIGKILL."""
        self.dead = True
        self.parked.clear()

    def pause(self) -> None:
        """As SIGSTOP."""
        self.paused = True

    def runs(self, handle: asyncio.Handle) -> bool:
        """Whether a step of it may run now; a paused process keeps it."""
        if self.doomed >= 0:
            self.doomed -= 1
            if self.doomed < 0:
                self.doom()
        if self.paused and not self.dead:
            self.parked.append(handle)
        return not (self.dead or self.paused)


#: The process that runs; None for the servers and the nemesis.
PROCESS: ContextVar[Process | None] = ContextVar("PROCESS", default=None)


class Stuck(Exception):
    """Nothing is ready and no timer is set, or it goes on for ever."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """See the module. `steps` counts what ran; `digest` tells two schedules apart."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.steps = 0
        self.digest = 0
        self._now = 0.0
        self._ready: list[asyncio.Handle] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self.set_task_factory(self._keep)
        self.set_exception_handler(lambda loop, context: None)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def resume(self, process: Process) -> None:
        """As SIGCONT: what waited is ready."""
        process.paused = False
        self._ready += process.parked
        process.parked = []

    def spawn(self, process: Process, work: Coroutine[Any, Any, Any]) -> None:
        """Starts the first task of a process."""

        def begin() -> None:
            PROCESS.set(process)
            self.create_task(work)

        Context().run(begin)

    def at(self, delay: float, action: Callable[..., object], *arguments: Any) -> None:
        """A server does something after `delay` seconds, and cannot be killed before."""
        self.call_later(delay, action, *arguments, context=SERVER)

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        while True:
            while scheduled and scheduled[0]._when <= self._now:
                timer = heapq.heappop(scheduled)
                timer._scheduled = False
                if not timer._cancelled:
                    ready.append(timer)
            if ready or self._stopping:
                break
            if not scheduled:
                raise Stuck
            self._now = max(self._now, scheduled[0]._when)
        if ready:
            self._run_one(ready)

    def _run_one(self, ready: list[asyncio.Handle]) -> None:
        count = len(ready)
        place = int(self.random.random() * count) if count > 1 else 0
        handle, ready[place] = ready[place], ready[-1]
        ready.pop()
        process = handle._context.get(PROCESS)
        if handle._cancelled or (process is not None and not process.runs(handle)):
            return
        self.steps += 1
        if self.steps > STEPS:
            raise Stuck
        self.digest = (self.digest * 31 + place * 7 + count) & 0xFFFFFFFFFFFF
        handle._run()

    def end(self) -> None:
        """Lets go of everything, the dead processes' tasks too."""
        hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
        try:
            for task in self._tasks:
                if not task.done():
                    task._log_destroy_pending = False
                    _close(task.get_coro())
            self._tasks.clear()
            self._ready.clear()
            self._scheduled.clear()
            self.close()
        finally:
            sys.unraisablehook = hook

    def _keep(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        """Keeps every task: one of a dead process must not be collected, for that would run its `finally`."""
        task = asyncio.Task(work, loop=loop, **options)
        self._tasks.append(task)
        if len(self._tasks) > 2_000:
            self._tasks = [task for task in self._tasks if not task.done()]
        return task

    # what BaseEventLoop expects of a loop that does I/O

    def _process_events(self, event_list: Any) -> None: ...

    def _write_to_self(self) -> None: ...


def _close(work: Any) -> None:
    """Closes a coroutine, and first those that it was given and has not begun to await."""
    if inspect.getcoroutinestate(work) == inspect.CORO_CREATED:
        for given in work.cr_frame.f_locals.values():
            if inspect.iscoroutine(given):
                given.close()
    with suppress(BaseException):
        work.close()
