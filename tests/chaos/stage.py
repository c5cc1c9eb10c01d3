"""The stage: Kafka, Redis, workers, a paced stream of a sample's events, and support that works the queue."""

import gzip
import threading
import uuid
from itertools import islice
from pathlib import Path
from types import TracebackType

from forestall.agents.configuration import apply_configuration
from forestall.agents.replay import replay
from forestall.agents.settings import Settings
from forestall.agents.topics import apply_topics
from forestall.pipeline.errors import Unreachable
from forestall.schemas.catalogue import CatalogueFile
from tests.chaos.support import Support
from tests.chaos.workers import Workers
from tests.scenarios.samples import CATALOGUES, SAMPLES
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis

WORKER = ("forestall.agents.worker", "--alone")
#: The first run of a sample's events that is long enough is taken: (sample, events).
LENGTHS = (("helpdesk", 21_000), ("incidents", 141_000))
RATE = 250.0


class Stage:
    """`with Stage(folder, seed, seconds) as stage`: all is up, and events flow for about `seconds`."""

    def __init__(
        self, folder: Path, seed: int, seconds: float, *, workers: int = 3, module: tuple[str, ...] = WORKER
    ) -> None:
        for name in ("kafka", "redis", "workers"):
            (folder / name).mkdir(parents=True)
        self.folder = folder
        self.kafka = Kafka(folder / "kafka")
        self.redis = Redis(folder / "redis", durability="everysec")
        self.events = int(RATE * seconds)
        self._first, self._seed, self._module = workers, seed, module
        self.replayed = threading.Event()

    def __enter__(self) -> "Stage":
        try:
            self.kafka.start()
            self.redis.start()
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends everything at once."""
        if hasattr(self, "workers"):
            self.workers.kill()
        self.redis.kill()
        self.kafka.kill()

    def _open(self) -> None:
        sample = next((name for name, length in LENGTHS if length >= self.events), LENGTHS[-1][0])
        self.settings = Settings(
            kafka=self.kafka.bootstrap, redis=self.redis.url, prefix=f"chaos-{uuid.uuid4().hex[:6]}",
            partitions=4, answers_partitions=2, session_timeout=2.0, chunk_limit=100, outbox_seconds=3.0,
        )  # fmt: skip
        apply_topics(self.settings)
        catalogue = CATALOGUES / f"{sample}.toml"
        apply_configuration([CatalogueFile(catalogue.name, catalogue.read_text())], "salt", self.settings)
        self.workers = Workers(self.settings, self.redis.port, self.folder / "workers", self._module)
        for _ in range(self._first):
            self.workers.add()
        self._file = self.folder / "events.jsonl"
        with gzip.open(SAMPLES / f"{sample}.jsonl.gz") as lines:
            self._file.write_bytes(b"".join(islice(lines, self.events)))
        threading.Thread(target=self._replay, daemon=True).start()
        self.support = Support(self.settings, self._seed)
        self.support.start()

    def _replay(self) -> None:
        """Whatever the broker does: replaying the whole again is safe, and quick where it was there."""
        rate: float | None = RATE
        while not self.replayed.is_set():
            try:
                replay(self._file, self.settings, rate=rate)
                self.replayed.set()
            except Unreachable:
                rate = None
