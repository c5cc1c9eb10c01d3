"""The stage: Kafka, Redis, workers, a paced stream of a sample's events, and support that works the queue."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from forestall.agents.child import Child
from forestall.agents.configuration import apply_configuration
from forestall.agents.settings import Settings
from forestall.agents.topics import apply_topics
from forestall.schemas.catalogue import CatalogueFile
from tests.chaos.feed import Feed, sample_for
from tests.chaos.support import Support
from tests.chaos.workers import Workers
from tests.live import boosted, trainer
from tests.scenarios.samples import CATALOGUES
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis

WORKER = "tests.chaos.worker"
#: Events a second.
RATE = 250.0


class Stage:
    """`with Stage(folder, seed, seconds) as stage`: all is up, and events flow for about `seconds`. With trainers,
    trees join the first problem."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        seconds: float,
        *,
        workers: int = 3,
        trainers: int = 0,
        breaks: Sequence[str] = (),
    ) -> None:
        for name in ("kafka", "redis", "workers"):
            (folder / name).mkdir(parents=True)
        self.folder = folder
        self.kafka = Kafka(folder / "kafka")
        self.redis = Redis(folder / "redis", durability="everysec")
        self.events = int(RATE * seconds)
        self.trainers: list[Child] = []
        self._first, self._seed, self._module = workers, seed, (WORKER, *breaks)
        self._trainers = trainers

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
        for each in self.trainers:
            each.kill()
        self.redis.kill()
        self.kafka.kill()

    def _open(self) -> None:
        sample = sample_for(self.events)
        self.settings = Settings(
            kafka=self.kafka.bootstrap, redis=self.redis.url, prefix=f"chaos-{uuid.uuid4().hex[:6]}",
            partitions=4, answers_partitions=2, session_timeout=2.0, chunk_limit=100, outbox_seconds=3.0,
        )  # fmt: skip
        apply_topics(self.settings)
        catalogue = CATALOGUES / f"{sample}.toml"
        if self._trainers:
            catalogue = boosted(catalogue, self.folder)
        apply_configuration([CatalogueFile(catalogue.name, catalogue.read_text())], "salt", self.settings)
        self.workers = Workers(self.settings, self.redis.port, self.folder / "workers", self._module)
        for _ in range(self._first):
            self.workers.add()
        for number in range(self._trainers):
            self.trainers.append(trainer(self.settings, self.folder / "workers", f"trainer-{number + 1}"))
            self.trainers[-1].start()
        self.feed = Feed(self.folder, sample, self.events, self.settings, RATE)
        self.feed.start()
        self.support = Support(self.settings, self._seed)
        self.support.start()
