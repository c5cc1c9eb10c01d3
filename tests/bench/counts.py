"""What others need for a count: decode an event, count by customer, sum, keep the last; the state durable.

Each is a program of its own in `peers`, as its documentation shows it, over the same filled topic.
"""

import math
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
from kafka import KafkaAdminClient

from forestall.agents.child import Child
from forestall.pipeline.errors import ServerFailed
from tests.bench.metering import WARM, Measured, Taken, measured, take
from tests.bench.peers_environment import PEERS, python
from tests.bench.servers import Servers
from tests.bench.streams import Stream

BUILD = Path(__file__).parents[2] / "build" / "bench" / "kafka-streams"
JAVA = ("java", "-Xms256m", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
PARTITIONS = 8
PATIENCE = 600


class Peer(NamedTuple):
    """A program that counts. `share` of the stream is what it is given: more than one where a compiler takes long
    to warm up (then the stream comes again), less where the program is slow."""

    name: str
    title: str
    program: str
    arguments: tuple[str, ...] = ()
    share: float = 1.0


PEERS_TABLE = (
    Peer(
        "kafka_streams_exactly_once_v2",
        "Kafka Streams, exactly once",
        "KeyedCount",
        ("exactly_once_v2",),
        3,
    ),
    Peer(
        "kafka_streams_at_least_once",
        "Kafka Streams, at least once",
        "KeyedCount",
        ("at_least_once",),
        3,
    ),
    Peer("confluent_loop", "confluent-kafka loop", "confluent_loop.py"),
    Peer("bytewax", "Bytewax, recovery", "bytewax_flow.py"),
    Peer("quix_streams", "Quix Streams, state", "quix_table.py", share=0.4),
    Peer("faust_table", "Faust, a Table", "faust_table.py", share=0.2),
)


def measure(peer: Peer, stream: Stream, on: Servers) -> Measured:
    """Fills a topic, and measures the count from the end of the warm-up until all is durable; and, from the start of
    the process, the first time that it sees the stream."""
    lines = stream.lines * math.ceil(peer.share)
    some = Stream(f"{stream.name}-{peer.name}", lines[: int(len(stream.lines) * peer.share)])
    topic = _topic(peer.name, on)
    on.fill(topic, some)
    events, warm, once = len(some.lines), int(len(some.lines) * WARM), min(len(some.lines), len(stream.lines))
    folder = on.made(topic)
    counts = {"EVENTS": events, "WARM": warm, "ONCE": once}
    told = {"BROKERS": on.kafka.bootstrap, "TOPIC": topic, "FOLDER": folder, **counts}
    environment = {f"BENCH_{name}": str(value) for name, value in told.items()}
    child = Child(peer.name, [*_command(peer), *peer.arguments], folder, environment=environment)
    child.start()
    processes = {peer.name: child.pid, "kafka": on.kafka.child.pid}
    try:
        with on.console.status(f"{peer.title}: {events:,} events"):
            readings = {word: _until(child, word, processes) for word in _words(once, warm)}
    finally:
        child.kill()
    cold = readings["ONCE" if once < events else "DONE"].cpu[peer.name]
    found = measured(events - warm, readings["WARM"], readings["DONE"], (peer.name,))
    return msgspec.structs.replace(found, whole_us=cold / once * 1e6)


def _words(once: int, warm: int) -> list[str]:
    """What the program says, in its order."""
    return ["ONCE", "WARM", "DONE"] if once < warm else ["WARM", "ONCE", "DONE"]


def _topic(name: str, on: Servers) -> str:
    topic = f"bench-{name.replace('_', '-')}-{time.time_ns() // 1_000_000}"
    with KafkaAdminClient(bootstrap_servers=on.kafka.bootstrap) as admin:
        options = {"num_partitions": PARTITIONS, "replication_factor": 1, "configs": {}}
        changelog = {**options, "configs": {"cleanup.policy": "compact"}}
        admin.create_topics({topic: options, f"{topic}-confluent-changelog": changelog})
        admin.wait_for_topics([topic])
    return topic


def _command(peer: Peer) -> list[str]:
    if peer.program.endswith(".py"):
        return [str(python()), str(PEERS / peer.program)]
    _compile()
    return [*JAVA, "-cp", f"{BUILD}/classes:{BUILD}/libs/*", peer.program]


def _compile() -> None:
    """Fetches Kafka Streams by Maven and compiles the count, unless that is done."""
    source, pom = PEERS / "kafka_streams" / "KeyedCount.java", PEERS / "kafka_streams" / "pom.xml"
    made, libs = BUILD / "classes" / "KeyedCount.class", BUILD / "libs"
    if made.exists() and made.stat().st_mtime > max(source.stat().st_mtime, pom.stat().st_mtime):
        return
    made.parent.mkdir(parents=True, exist_ok=True)
    for command in (
        [
            "mvn",
            "-q",
            "-B",
            "-ntp",
            "-f",
            str(pom),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={libs}",
        ],
        ["javac", "-cp", f"{libs}/*", "-d", str(made.parent), str(source)],
    ):
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise ServerFailed(f"{command[0]} failed:\n{ran.stdout}{ran.stderr}")


def _until(child: Child, word: str, processes: dict[str, int]) -> Taken:
    """The readings when the program says this word."""
    deadline = time.monotonic() + PATIENCE
    while word not in child.log.read_text(errors="replace"):
        if not child.alive or time.monotonic() > deadline:
            raise ServerFailed(f"it did not come to {word}:\n{child.log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.005)
    return take(processes)
