"""From an event produced to its action claimable in the queue, and to its alert on the topic, at several loads.

Events are due at an even rate (an open loop: a held-up sender or worker does not hold the clock up); from that moment
it is counted. Claimable is when the queue says the action became ready; on the topic is when a consumer that reads
committed has the alert.
"""

import subprocess
import threading
import time
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import rich.console

from tests.bench.metering import cpu_seconds, machine_seconds
from tests.bench.seeing import QueueSeen, Seen, TopicSeen, number_of
from tests.bench.servers import Servers, servers
from tests.bench.streams import Stream, synthetic
from tests.bench.worker import WHOLE, Installation, installation

LOADS = (0.1, 0.5, 0.8)
EVENTS, CUSTOMERS = 1_100_000, 110_000
#: Of the events: for learning, for settling, for finding the maximum. The rest is for the loads, the same time for
#: each. Alerts cost, and are few until most gates have opened: the maximum should be of what the loads are of, so it is
#: found late. And a broker spends half a core on compiling for its first minute under such a load: hence the settling.
LEARN, SETTLE, MAXIMUM = 0.5, 0.1, 0.1
SETTLING_RATE = 5_000
QUANTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "p999_ms": 0.999}
#: For the plot: so many points between the median and the slowest.
CURVE = [1 - 0.5 * 10 ** (-k / 10) for k in range(31)]
#: The first seconds of a load are left out.
SETTLES = 2.0


class Load(NamedTuple):
    """A part of the stream that is sent at an even rate (events a second)."""

    stream: Stream
    first: int
    count: int
    rate: float

    @property
    def part(self) -> Stream:
        """Its events."""
        return Stream(f"load-{self.first}", self.stream.lines[self.first : self.first + self.count])

    def taken(self, began: float, seen: dict[str, float]) -> list[float]:
        """Seconds from when an event was due until it was seen (by subject, epoch s), of those that count."""
        settled = self.first + int(min(self.rate * SETTLES, self.count / 2))
        wanted = range(settled, self.first + self.count)
        numbers = {number_of(subject): at for subject, at in seen.items()}
        return [at - began - (n - self.first) / self.rate for n, at in numbers.items() if n in wanted]


def run(console: rich.console.Console, *, quick: bool = False, most: float | None = None) -> dict[str, Any]:
    """Learns, lets the broker settle, finds the maximum (unless it is given, events/s), then applies each load for as
    long as the others."""
    events, customers = (EVENTS // 6, CUSTOMERS // 6) if quick else (EVENTS, CUSTOMERS)
    stream = synthetic(events, customers)
    learned, settled, known = (int(events * share) for share in accumulate((LEARN, SETTLE, MAXIMUM)))
    with servers(console) as on, installation(on) as one:
        worker = one.start(*WHOLE)
        console.log("learning")
        one.fill(Stream("learn", stream.lines[:learned]))
        one.until_idle()
        settling = Load(stream, learned, settled - learned, SETTLING_RATE)
        console.log(f"settling: {settling.count:,} events in {settling.count / settling.rate:.0f} s")
        on.filling(one.settings.topics.events, settling.part, settling.rate).wait()
        console.log("the maximum")
        rest = Stream("maximum", stream.lines[settled:known])
        first = one.measured(Stream("nothing", []), rest, {"worker": worker.pid})
        most = most or first.events_a_second or 0.0
        console.log(f"{most:,.0f} events/s")
        loads, at = {}, known
        for share in LOADS:
            load = Load(stream, at, int((events - known) * share / sum(LOADS)), share * most)
            console.log(f"{share:.0%} of it: {load.count:,} events in {load.count / load.rate:.0f} s")
            loads[f"{share:.0%}"] = applied(one, on, worker.pid, load)
            at += load.count
    return {"maximum_events_a_second": most, "loads": loads}


def applied(one: Installation, on: Servers, worker: int, load: Load) -> dict[str, Any]:
    """One load: how long it took until alerts were seen, and how busy the worker was (of one core) and all that runs on
    the machine (of its cores)."""
    part = load.part
    on.file(part)
    ended = threading.Event()
    with TopicSeen(one.settings, ended) as topic, QueueSeen(one.settings, ended) as queue:
        before = _clocks(worker)
        filling = on.filling(one.settings.topics.events, part, load.rate)
        began, late = _sent(filling)
        took, cpu, machine = (after - at for after, at in zip(_clocks(worker), before, strict=True))
        one.until_idle()
        time.sleep(1)
        ended.set()
    return {
        "events_a_second": load.rate,
        "seconds": load.count / load.rate,
        "worker_busy": cpu / took,
        "machine_busy": machine / took,
        "sender_late_ms": late,
        "claimable": _summary(load, began, queue),
        "on_topic": _summary(load, began, topic),
    }


def _clocks(worker: int) -> tuple[float, float, float]:
    return time.perf_counter(), cpu_seconds(worker), machine_seconds()


def _sent(filling: "subprocess.Popen[str]") -> tuple[float, float]:
    """When the first event was due (epoch s), and by how much the latest was sent too late (p99, ms)."""
    told, _ = filling.communicate()
    began, late = map(float, told.split())
    return began, late


def _summary(load: Load, began: float, seen: Seen) -> dict[str, Any]:
    seconds = load.taken(began, seen.at)
    if not seconds:
        return {"alerts": 0}
    found = {name: float(np.quantile(seconds, q)) * 1000 for name, q in QUANTILES.items()}
    curve = [round(float(ms), 1) for ms in np.quantile(seconds, CURVE) * 1000]
    return {"alerts": len(seconds), **found, "max_ms": max(seconds) * 1000, "curve_ms": curve}
