"""Runs a command as a child and starts it again when it dies, unless it ended for good (agents/exits.py)."""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from types import FrameType

from forestall.agents.exits import CLEAN, is_final

log = logging.getLogger(__name__)

#: Seconds between restarts: doubling from the first to the last, anew after the child has lived a minute.
BACKOFF = (0.2, 30.0)
LIVED = 60.0
#: How long the child may take to end after a signal.
GRACE = 10.0
#: Tells the child how often it was restarted, for its metric.
RESTARTS = "FORESTALL_RESTARTS"
#: Tells the child our process id: its parent's, as long as we live.
SUPERVISOR = "FORESTALL_SUPERVISOR"


class Supervisor:
    """One supervised command. Signals that ask us to end are handed on."""

    def __init__(self, command: Sequence[str], name: str = "worker") -> None:
        self._command = list(command)
        self._name = name
        self._child: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()

    def run(self) -> int:
        """Supervises until the child ends for good, or we are asked to end; returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        pause, restarts = BACKOFF[0], 0
        while True:
            began = time.monotonic()
            code = self._run_once(restarts)
            if self._ending.is_set():
                return max(code, CLEAN)
            if is_final(code):
                return code
            pause = BACKOFF[0] if time.monotonic() - began > LIVED else pause
            log.warning("the %s ended with code %d; starting it again in %.1f s", self._name, code, pause)
            if self._ending.wait(pause):
                return CLEAN
            pause, restarts = min(pause * 2, BACKOFF[1]), restarts + 1

    def _run_once(self, restarts: int) -> int:
        environment = {**os.environ, RESTARTS: str(restarts), SUPERVISOR: str(os.getpid())}
        # A session of its own: Ctrl-C in a terminal reaches us alone, and we hand it on once.
        self._child = subprocess.Popen(self._command, env=environment, start_new_session=True)
        while True:
            try:
                return self._child.wait(timeout=1.0 if self._ending.is_set() else 0.5)
            except subprocess.TimeoutExpired:
                if self._ending.is_set() and time.monotonic() > self._deadline:
                    log.warning("the %s did not end within %.0f s; killing it", self._name, GRACE)
                    self._child.kill()

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        if not self._ending.is_set():
            self._deadline = time.monotonic() + GRACE
            self._ending.set()
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
