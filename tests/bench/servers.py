"""Apache Kafka and Redis for one benchmark, and topics that are filled before anything is measured."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import rich.console

from forestall.pipeline.errors import ServerFailed
from tests.bench.peers_environment import python
from tests.bench.streams import Stream
from tests.servers.kafka import Kafka
from tests.servers.redis import Durability, Redis

FILL = Path(__file__).parent / "peers" / "fill.py"


class Servers(NamedTuple):
    """What runs for the whole benchmark. `folder` goes when it ends."""

    kafka: Kafka
    redis: Redis
    folder: Path
    console: rich.console.Console

    def fill(self, topic: str, stream: Stream) -> None:
        """Appends the stream to a topic, keyed by customer, partitioned as Kafka's own default does."""
        if self.filling(topic, stream).wait():
            raise ServerFailed(f"{topic} could not be filled")

    def filling(self, topic: str, stream: Stream, rate: float | None = None) -> subprocess.Popen[str]:
        """The same in the background, at so many events a second if given: the process that does it."""
        command = [str(python()), str(FILL), self.kafka.bootstrap, topic, str(self.file(stream))]
        return subprocess.Popen(
            [*command, *([] if rate is None else [str(rate)])], stdout=subprocess.PIPE, text=True
        )

    def file(self, stream: Stream) -> Path:
        """The stream as a file, written once."""
        file = self.folder / f"{stream.name}-{len(stream.lines)}.jsonl"
        if not file.exists():
            with file.open("wb") as lines:
                lines.writelines(line + b"\n" for line in stream.lines)
        return file

    def made(self, name: str) -> Path:
        """A new folder."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder


@contextmanager
def servers(console: rich.console.Console, durability: Durability = "everysec") -> Iterator[Servers]:
    """Kafka with a full compiler and room to work in, Redis with its append-only file: as they would be run."""
    with tempfile.TemporaryDirectory(prefix="forestall-bench-") as name:
        folder = Path(name)
        for each in ("kafka", "redis"):
            (folder / each).mkdir()
        kafka = Kafka(folder / "kafka", quick=False)
        redis = Redis(folder / "redis", durability=durability)
        try:
            with console.status("starting Kafka and Redis"):
                kafka.start()
                redis.start()
            yield Servers(kafka, redis, folder, console)
        finally:
            redis.kill()
            kafka.kill()
