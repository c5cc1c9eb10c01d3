"""How a run is measured: CPU of a process with its threads and children, from a first to a last event.

Topics are filled ahead. A system works through the first half unmeasured (interpreters, compilers, caches and models
warm up), then CPU and time are taken until everything is processed and durable. Beside that stands what the process
cost from its start: starting, loading, compiling and warming up included.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

#: The share of the events that warms up.
WARM = 0.5
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Measured(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of one system. `cpu_us`: CPU µs of its processes by event, warm; `whole_us`: the same from their start
    through the stream, once; `servers_us`: that of the servers, warm: `redis` (where it keeps its state there) and
    `kafka`; `others`: figures that only this system has."""

    events: int
    cpu_us: float
    whole_us: float | None = None
    events_a_second: float | None = None
    servers_us: dict[str, float] = {}
    others: dict[str, float] = {}


class Taken(NamedTuple):
    """Readings of one moment, in seconds; CPU by name."""

    at: float
    cpu: dict[str, float]


def take(processes: Mapping[str, int]) -> Taken:
    """Reads the clocks of these processes now."""
    return Taken(time.perf_counter(), {name: cpu_seconds(pid) for name, pid in processes.items()})


def measured(events: int, first: Taken, last: Taken, systems: tuple[str, ...], **others: float) -> Measured:
    """What lies between two readings; `systems` are the processes measured, all others are servers."""
    by_event = {name: (last.cpu[name] - first.cpu[name]) / events * 1e6 for name in last.cpu}
    return Measured(
        events=events,
        cpu_us=sum(by_event[name] for name in systems),
        events_a_second=events / (last.at - first.at),
        servers_us={name: us for name, us in by_event.items() if name not in systems},
        others={**({f"{name}_us": by_event[name] for name in systems} if len(systems) > 1 else {}), **others},
    )


def cpu_seconds(pid: int) -> float:
    """User and system time of a process: its threads, its children that live, and those that have ended (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(map(int, fields[11:15])) * TICK
    return own + sum(map(cpu_seconds, _children(pid)))


def machine_seconds() -> float:
    """What all cores of the machine have spent on anything, one with another (Linux): at most a second each second."""
    times = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]))
    idle = sum(times[3:5])  # waiting for a disk included
    return (sum(times[:8]) - idle) * TICK / (os.cpu_count() or 1)


def resident_bytes(pid: int) -> int:
    """The memory that a process has in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for children in lists for child in children.read_text().split()]
