"""From an event produced to its alert claimable, and on its topic for those who read committed, at several loads.

Events are due at an even rate (an open loop: a held-up sender or worker does not hold the clock up); from that moment
it is counted. Claimable is when the queue says the action became ready.
"""

import asyncio
import threading
import time
from typing import Any, NamedTuple

import numpy as np
import rich.console

from forestall.agents.kafka_clients import consumer
from forestall.agents.log_ends import places_of
from forestall.agents.settings import Settings
from forestall.pipeline.queue.queue import ActionQueue
from forestall.pipeline.store.connect import connect
from forestall.schemas.alert import decode_alert
from tests.bench.servers import Servers, servers
from tests.bench.streams import Stream, synthetic
from tests.bench.worker import WHOLE, Installation, installation

LOADS = (0.1, 0.5, 0.8)
EVENTS, CUSTOMERS = 360_000, 36_000
#: Of the events: for learning, for finding the maximum, for the loads.
LEARN, MAXIMUM = 1 / 3, 1 / 6
QUANTILES = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999}


class Sent(NamedTuple):
    """Which of the stream's events were sent, from when (epoch s), and how fast."""

    first: int
    began: float
    rate: float

    def due(self, subject: str | None) -> float:
        """When the event of this subject was due, epoch s."""
        assert subject is not None
        return self.began + (int(subject.removeprefix("o-")) - self.first) / self.rate


def run(console: rich.console.Console, *, quick: bool) -> dict[str, Any]:
    """Learns, finds the maximum, then applies each load for as long as the others."""
    events, customers = (EVENTS // 3, CUSTOMERS // 3) if quick else (EVENTS, CUSTOMERS)
    stream = synthetic(events, customers)
    learned, known = int(events * LEARN), int(events * (LEARN + MAXIMUM))
    with servers(console) as on, installation(on) as one:
        worker = one.start(*WHOLE)
        console.log("the maximum")
        first = one.work_off(Stream("maximum", stream.lines[:known]), {"worker": worker.pid}, learned)
        most = first.events_a_second or 0.0
        console.log(f"{most:,.0f} events/s")
        loads, at = {}, known
        for load in LOADS:
            count = int((events - known) * load / sum(LOADS))
            console.log(f"{load:.0%} of it: {count:,} events")
            loads[f"{load:.0%}"] = _applied(one, on, stream, at, count, load * most)
            at += count
    return {"maximum_events_a_second": most, "loads": loads}


def _applied(
    one: Installation, on: Servers, stream: Stream, first: int, count: int, rate: float
) -> dict[str, Any]:
    """One load; the first second of it is left out."""
    with _Topic(one.settings) as topic:
        part = Stream(f"load-{first}", stream.lines[first : first + count])
        filling = on.filling(one.settings.topics.events, part, rate)
        assert filling.stdout is not None
        sent = Sent(first, float(filling.stdout.readline()), rate)
        filling.wait()
        one.until_idle()
        time.sleep(1)
    wanted = range(first + int(min(rate, count / 2)), first + count)
    ready = asyncio.run(_ready(one.settings, wanted))
    seen = {subject: at for subject, at in topic.seen.items() if _number(subject) in wanted}
    return {
        "events_a_second": rate,
        "claimable": _quantiles([at - sent.due(subject) for subject, at in ready.items()]),
        "on_topic": _quantiles([at - sent.due(subject) for subject, at in seen.items()]),
    }


async def _ready(settings: Settings, wanted: range) -> dict[str, float]:
    """By subject, when its action became ready (epoch s, Redis' clock: the same machine's)."""
    async with connect(settings.redis) as client:
        actions = await ActionQueue(client, settings.store_prefix).list("ready", 1_000_000)
    return {
        action.alert.subject: action.work.since / 1000
        for action in actions
        if action.alert.subject is not None and action.work.since and _number(action.alert.subject) in wanted
    }


class _Topic:
    """Reads the alerts as they are committed, and keeps when it first saw each subject raised."""

    def __init__(self, settings: Settings) -> None:
        self.seen: dict[str, float] = {}
        self._settings = settings
        self._ended = threading.Event()
        self._placed = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "_Topic":
        self._thread.start()
        self._placed.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)

    def _read(self) -> None:
        with consumer(self._settings, wait_ms=5) as client:
            places = places_of(client, self._settings.topics.alerts)
            client.assign(places)
            for place, end in client.end_offsets(places).items():
                client.seek(place, end)
            self._placed.set()
            while not self._ended.is_set():
                for records in client.poll(20).values():
                    self._saw([record.value for record in records])

    def _saw(self, values: list[bytes]) -> None:
        now = time.time()
        for alert in map(decode_alert, values):
            if alert.state == "raised" and alert.subject is not None:
                self.seen.setdefault(alert.subject, now)


def _number(subject: str) -> int:
    return int(subject.removeprefix("o-"))


def _quantiles(seconds: list[float]) -> dict[str, float]:
    found = {name: float(np.quantile(seconds, q)) * 1000 for name, q in QUANTILES.items()} if seconds else {}
    return {"alerts": len(seconds), **found}
