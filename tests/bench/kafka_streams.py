"""The peer that many know: Kafka Streams counting records by key, at least once and exactly once."""

import subprocess
import time
import uuid
from pathlib import Path
from typing import Literal

from forestall.agents.child import Child
from forestall.agents.replay import replay
from forestall.agents.settings import Settings
from forestall.agents.topics import apply_topics
from forestall.pipeline.errors import ServerFailed
from tests.bench.streams import Stream
from tests.bench.worker import WARM, JobFigures, Servers, cpu_seconds

PEERS = Path(__file__).parent / "peers"
BUILD = Path(__file__).parents[2] / "build" / "bench" / "kafka-streams"
Guarantee = Literal["at_least_once", "exactly_once_v2"]
GUARANTEES: tuple[Guarantee, ...] = ("at_least_once", "exactly_once_v2")
JAVA = ("java", "-Xms256m", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error")


def measure(stream: Stream, on: Servers, guarantee: Guarantee) -> JobFigures:
    """Fills a topic with the stream, and measures the count from the end of the warm-up to the end."""
    build()
    settings = Settings(kafka=on.kafka.bootstrap, prefix=f"peer-{uuid.uuid4().hex[:8]}")
    apply_topics(settings)
    folder = on.folder / settings.prefix
    folder.mkdir()
    replay(stream.write(folder / "events.jsonl"), settings)
    events = len(stream.lines)
    warm = int(events * WARM)
    arguments = (
        settings.kafka,
        settings.topics.events,
        guarantee,
        str(folder / "state"),
        str(warm),
        str(events),
    )
    command = [*JAVA, "-cp", f"{BUILD}/classes:{BUILD}/libs/*", "KeyedCount", *arguments]
    child = Child("count", command, folder)
    child.start()
    try:
        began, cpu = _until(child, "WARM")
        ended, cpu_then = _until(child, "DONE")
    finally:
        child.kill()
    return JobFigures(
        events - warm, (cpu_then - cpu) / (events - warm) * 1e6, (events - warm) / (ended - began)
    )


def build() -> None:
    """Fetches Kafka Streams by Maven and compiles the count, once."""
    if (BUILD / "classes" / "KeyedCount.class").exists():
        return
    (BUILD / "classes").mkdir(parents=True, exist_ok=True)
    libs = BUILD / "libs"
    pom = str(PEERS / "pom.xml")
    for command in (
        ["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={libs}"],
        ["javac", "-cp", f"{libs}/*", "-d", str(BUILD / "classes"), str(PEERS / "KeyedCount.java")],
    ):
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise ServerFailed(
                f"{command[0]} failed; it is needed for Kafka Streams:\n{ran.stdout}{ran.stderr}"
            )


def _until(child: Child, word: str) -> tuple[float, float]:
    """When the count says `word`: the time, and its CPU seconds by then."""
    deadline = time.monotonic() + 300
    while word not in child.log.read_text():
        if not child.alive or time.monotonic() > deadline:
            raise ServerFailed(f"Kafka Streams did not come to {word}:\n{child.log.read_text()[-2000:]}")
        time.sleep(0.01)
    return time.perf_counter(), cpu_seconds(child.pid)
