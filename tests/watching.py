"""Watches a worker from outside: its memory all the time, what it exports when asked, how fast it ends."""

import contextlib
import re
import threading
import time
import urllib.request

from tests.bench.metering import resident_bytes
from tests.live import Live

MB = 1_000_000


class Watch:
    """`with Watch(one) as watch`: `highest` is the most memory (bytes) that the worker has had."""

    def __init__(self, one: Live) -> None:
        self.one = one
        self.highest = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ends.set()
        self._thread.join()

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 while the worker does not answer."""
        return sum(self.values(name))

    def values(self, name: str) -> list[float]:
        """A metric's values, one for each combination of its labels."""
        text = self._get("/metrics")
        return [float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)]

    def ready(self) -> bool:
        """Whether its group has formed, and it has its partitions."""
        return bool(self._get("/health"))

    def start(self) -> None:
        """Starts the worker, and waits until its group has formed."""
        self.one.worker.start()
        self.one.until(self.ready)

    def seconds_until(self, name: str) -> float:
        """How long until a metric is more than 0."""
        began = time.monotonic()
        self.one.until(lambda: self.metric(name) > 0)
        return time.monotonic() - began

    def end(self) -> float:
        """Asks the worker to end (SIGTERM) and returns how many seconds that took; fails if it was not in order."""
        began = time.monotonic()
        self.one.worker.terminate()
        self.one.until(lambda: not self.one.worker.alive, 30)
        assert self.one.worker.code == 0, self.one.last_words()
        return time.monotonic() - began

    def _get(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://{self.one.web}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:  # not up yet, not ready, or ended
            return ""

    def _look(self) -> None:
        while not self._ends.wait(0.05):
            if self.one.worker.alive:
                with contextlib.suppress(OSError, IndexError):
                    self.highest = max(self.highest, resident_bytes(self.one.worker.pid))
