"""The whole job: one real worker on real Kafka and Redis, over a journal that is already full."""

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from forestall.agents.lag import lag_meter
from forestall.agents.replay import replay
from forestall.agents.settings import Settings
from tests.bench.streams import CATALOGUE, Stream
from tests.live import Live, live
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis

#: The share of the events that warms up: kernels, caches, models.
WARM = 0.2
TICKS = os.sysconf("SC_CLK_TCK")


class JobFigures(NamedTuple):
    """Foresee, learn and relay together: CPU µs of the process and events a second (wall), warm-up excluded."""

    events: int
    cpu_us: float
    events_a_second: float


class Servers(NamedTuple):
    """What runs for the whole benchmark."""

    kafka: Kafka
    redis: Redis
    folder: Path


@contextmanager
def servers() -> Iterator[Servers]:
    """Kafka and Redis in a folder of their own, gone afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kafka, redis = Kafka(_made(folder / "kafka"), quick=False), Redis(_made(folder / "redis"))
        kafka.start()
        redis.start()
        try:
            yield Servers(kafka, redis, folder)
        finally:
            redis.stop()
            kafka.stop()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all of its threads included (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(stream: Stream, on: Servers, told: Callable[[str], None]) -> JobFigures:
    """Fills a journal with the stream, starts a worker, and measures it from the end of the warm-up to the end."""
    settings = Settings(
        kafka=on.kafka.bootstrap,
        redis=on.redis.url,
        prefix=f"bench-{uuid.uuid4().hex[:8]}",
        log_level="warning",
    )
    folder = _made(on.folder / settings.prefix)
    with live(settings, folder) as one:
        one.configure(CATALOGUE)
        told(f"{stream.name}: filling the journal with {len(stream.lines):,} events")
        replay(stream.write(folder / "events.jsonl"), settings)
        told(f"{stream.name}: a worker works it off")
        return _work_off(one, settings, len(stream.lines))


def _work_off(one: Live, settings: Settings, events: int) -> JobFigures:
    one.worker.start()
    pid = one.worker.pid
    with lag_meter(settings) as lag:
        one.until(lambda: lag().events < events * (1 - WARM), 120)
        first, cpu, began = lag().events, cpu_seconds(pid), time.perf_counter()
        one.until(lambda: sum(lag()) == 0, 600)
    cpu, seconds = cpu_seconds(pid) - cpu, time.perf_counter() - began
    return JobFigures(first, cpu / first * 1e6, first / seconds)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
