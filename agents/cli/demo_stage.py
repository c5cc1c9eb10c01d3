"""The demo's stage: topics, catalogue and a worker on the embedded pair, and the sample to replay."""

import gzip
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import msgspec

import forestall.pipeline
from forestall.agents.child import Child, free_port
from forestall.agents.configuration import apply_configuration
from forestall.agents.settings import Settings
from forestall.agents.settings_sources import CONFIG
from forestall.agents.topics import apply_topics, plan
from forestall.pipeline.core.catalogue.declaration import Problem
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.errors import ConfigurationError
from forestall.schemas.catalogue import CatalogueFile

SALT = "demo"  # fixed: the same names of questions and alerts in every run
#: A worker's first start on a machine compiles the kernels.
PATIENCE = 180.0


class SampleSet(NamedTuple):
    """A shipped sample. `events` and `answers` are how many may be outstanding, so that learning keeps up."""

    name: str
    about: str
    events: int
    answers: int


SETS = {
    one.name: one
    for one in (
        SampleSet("retail", "a wholesaler's orders and returns of two years", 3_000, 300),
        SampleSet("incidents", "a company's IT incidents of a year", 8_000, 2_000),
        SampleSet("helpdesk", "a software company's tickets of four years", 1_000, 100),
    )
}


class Stage:
    """One demo's installation; its worker ends with the `with` block, the servers are others'."""

    def __init__(self, folder: Path, sample_set: SampleSet, kafka: str, redis: str, prefix: str) -> None:
        self.folder, self.set = folder, sample_set
        self.settings = Settings(
            kafka=kafka,
            redis=redis,
            prefix=prefix,
            partitions=2,
            answers_partitions=1,
            session_timeout=2.0,
            outstanding_events=sample_set.events,
            outstanding_answers=sample_set.answers,
            web_port=free_port(),
        )
        self.problems: dict[str, Problem] = {}
        self.customers: list[str] = []
        self.worker = self._worker()

    def __enter__(self) -> "Stage":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Ends the worker: the chunk in hand is committed, the group left."""
        self.worker.stop(grace=15)

    def set_up(self) -> Iterator[str]:
        """Makes everything ready, and tells each step that is done."""
        yield f"broker at {self.settings.kafka}, store at {self.settings.redis}"
        apply_topics(self.settings)
        yield f"{len(plan(self.settings))} topics"
        catalogue = _checkout("deploy", "catalogues", f"{self.set.name}.toml")
        files = [CatalogueFile(catalogue.name, catalogue.read_text(encoding="utf-8"))]
        self.problems = {problem.name: problem for problem in parse(files).problems}
        apply_configuration(files, SALT, self.settings)
        yield f"catalogue {catalogue.name} in force: {', '.join(self.problems)}"
        self.worker.start()
        self.worker.wait_until(self._is_ready, PATIENCE)
        yield f"worker ready (process {self.worker.pid})"

    def sample(self, events: int | None) -> tuple[Path, int]:
        """The file to replay, and how many events it has."""
        whole = Path(str(_package_file("sources", "samples", f"{self.set.name}.jsonl.gz")))
        with gzip.open(whole) as lines:
            if events is None:
                return whole, sum(1 for _ in lines)
            part = self.folder / f"first-{events}-of-{self.set.name}.jsonl"
            part.write_bytes(b"".join(islice(lines, events)))
        with part.open("rb") as kept:
            return part, sum(1 for _ in kept)

    def metrics(self) -> str:
        """What the worker exports, as text; nothing while it does not answer."""
        try:
            with urllib.request.urlopen(f"{self._web}/metrics", timeout=2) as answer:  # noqa: S310 - our own worker
                text: str = answer.read().decode()
                return text
        except OSError:
            return ""

    def a_customer(self) -> str:
        """A customer about whom something was foreseen, to look at."""
        return self.customers[-1] if self.customers else "ID"

    @property
    def _web(self) -> str:
        return f"http://{self.settings.web_host}:{self.settings.web_port}"

    def _worker(self) -> Child:
        """A supervised worker that sees these settings and no others, whatever its user has set."""
        values = msgspec.structs.asdict(self.settings).items()
        environment = {f"FORESTALL_{name.upper()}": str(value) for name, value in values}
        command = [sys.executable, "-m", "forestall.agents.worker"]
        return Child("worker", command, self.folder, environment={**environment, CONFIG: os.devnull})

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._web}/health", timeout=2) as answer:  # noqa: S310 - our own worker
                health = msgspec.json.decode(answer.read())
        except (OSError, urllib.error.URLError):
            return False
        parts = self.settings.partitions + self.settings.answers_partitions
        return bool(health["ready"]) and len(health["partitions"]) >= parts


def _package_file(*parts: str) -> Path:
    return Path(str(forestall.pipeline.__file__)).resolve().parent.joinpath(*parts)


def _checkout(*parts: str) -> Path:
    """A file beside the packages, which a checkout has and a wheel has not."""
    file = _package_file().parent.joinpath(*parts)
    if not file.is_file():
        raise ConfigurationError([f"{file} is missing: run the demo from a checkout, with `make demo`"])
    return file
