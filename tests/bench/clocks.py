"""How long the cores in a running worker have computed, told to the process that measures it."""

import mmap
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: What a core does for its edge; the rest of a worker's time is the spine's.
WORK = ("run", "admit", "admit_due", "take_changes", "committed")
_SECONDS = struct.Struct("d")


class Clock:
    """CPU seconds in a file that two processes share."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(_SECONDS.pack(0.0))
        with file.open("r+b") as opened:
            self._shared = mmap.mmap(opened.fileno(), _SECONDS.size)

    def read(self) -> float:
        """The seconds so far."""
        return float(_SECONDS.unpack_from(self._shared)[0])

    def add(self, seconds: float) -> None:
        """Called by the worker's main thread alone."""
        _SECONDS.pack_into(self._shared, 0, self.read() + seconds)


class Timed:
    """A core whose work moves a clock; in all else it is the core."""

    def __init__(self, core: Any, clock: Clock) -> None:
        self._core = core
        for name in WORK:
            setattr(self, name, _timed(getattr(core, name), clock))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)


def _timed(work: Callable[..., Any], clock: Clock) -> Callable[..., Any]:
    def timed(*arguments: Any) -> Any:
        began = time.thread_time()
        try:
            return work(*arguments)
        finally:
            clock.add(time.thread_time() - began)

    return timed
