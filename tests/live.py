"""A real worker with its real cores, as a process over topics of its own, and what it wrote."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from forestall.agents.child import Child, free_port
from forestall.agents.configuration import apply_configuration
from forestall.agents.kafka_clients import consumer
from forestall.agents.lag import lag_meter
from forestall.agents.log_ends import places_of
from forestall.agents.settings import Settings
from forestall.agents.topics import apply_topics
from forestall.schemas.catalogue import CatalogueFile

ROOT = Path(__file__).parents[1]
WORKER = ("forestall.agents.worker",)


class Live:
    """One worker, not started yet; the topics are there. `web` is where it serves /metrics and /health."""

    def __init__(
        self, settings: Settings, folder: Path, *, supervised: bool = False, module: Sequence[str] = WORKER
    ) -> None:
        port = free_port()
        self.settings = msgspec.structs.replace(settings, web_port=port)
        self.web = f"127.0.0.1:{port}"
        command = [sys.executable, "-m", *module, *([] if supervised else ["--alone"])]
        self.worker = Child("worker", command, folder, environment=environment(self.settings))
        apply_topics(self.settings)

    def configure(self, *catalogues: Path) -> None:
        """Applies these files as the configuration."""
        files = [CatalogueFile(file.name, file.read_text()) for file in catalogues]
        apply_configuration(files, "salt", self.settings)

    def read(self, topic: str) -> list[Any]:
        """All records of a topic, in the order of their partitions."""
        with consumer(self.settings, wait_ms=200) as client:
            places = places_of(client, topic)
            client.assign(places)
            client.seek_to_beginning()
            ends = client.end_offsets(places)
            found: list[Any] = []
            while any(client.position(place) < end for place, end in ends.items()):
                for records in client.poll(timeout_ms=500).values():
                    found += records
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Waits until it is so; fails with the worker's last words."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not so in {seconds} s\n{self.last_words()}"
            time.sleep(0.05)

    def last_words(self) -> str:
        """How the worker ended, if it has, and the end of its log."""
        ended = "it runs" if self.worker.alive else f"it ended with code {self.worker.code}"
        return f"the worker: {ended}. Its log ends:\n{self.worker.log.read_text(errors='replace')[-3000:]}"

    def until_processed(self, seconds: float = 60) -> None:
        """Waits until nothing in the logs waits to be processed."""
        with lag_meter(self.settings) as lag:
            self.until(lambda: sum(lag()) == 0, seconds)


def brisk(kafka: str, redis: str, prefix: str, **more: Any) -> Settings:
    """Small chunks, a short session and little outstanding, so that much happens in little time."""
    return Settings(
        kafka=kafka,
        redis=redis,
        prefix=prefix,
        session_timeout=2.0,
        chunk_limit=150,
        outbox_seconds=0.5,
        outstanding_events=400,
        outstanding_answers=200,
        **more,
    )


def environment(settings: Settings) -> dict[str, str]:
    """The settings, as variables of a process."""
    given = msgspec.structs.asdict(settings).items()
    variables = {f"FORESTALL_{name.upper()}": str(value) for name, value in given}
    return variables | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


def trainer(settings: Settings, folder: Path, name: str = "trainer") -> Child:
    """A trainer under its supervisor, not started yet."""
    code = "from forestall.agents.cli.main import main; main()"
    return Child(name, [sys.executable, "-c", code, "trainer"], folder, environment=environment(settings))


def boosted(catalogue: Path, folder: Path) -> Path:
    """A copy of a catalogue of one problem, which boosted trees are to join."""
    file = folder / f"boosted-{catalogue.name}"
    file.write_text(catalogue.read_text().replace("\nask =", '\nmodel = "boosted"\nask =', 1))
    return file


@contextmanager
def live(
    settings: Settings, folder: Path, *, supervised: bool = False, module: Sequence[str] = WORKER
) -> Iterator[Live]:
    """A worker that ends with the block."""
    one = Live(settings, folder, supervised=supervised, module=module)
    try:
        yield one
    finally:
        one.worker.kill()
