"""The whole job: Forestall's own worker on real Kafka and Redis.

Its journal is filled twice: with the stream's first half, from which it learns its models (a model's notice stands in
the journal behind what was there before it), then with the rest, far faster than it reads, and that is measured.
It is measured in one process, or with each processor in a process of its own, which tells what each of them costs.
"""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import redis

from forestall.agents.child import Child, free_port
from forestall.agents.configuration import apply_configuration
from forestall.agents.kafka_clients import consumer
from forestall.agents.lag import lag_meter
from forestall.agents.log_ends import ends_of, places_of
from forestall.agents.settings import Settings
from forestall.agents.topics import apply_topics
from forestall.pipeline.errors import ServerFailed
from forestall.pipeline.store.keys import PartitionKeys
from forestall.schemas.catalogue import CatalogueFile
from tests.bench.clocks import Clock
from tests.bench.metering import WARM, Measured, measured, take
from tests.bench.samples import SALT
from tests.bench.servers import Servers
from tests.bench.streams import CATALOGUE, Stream

ROOT = Path(__file__).parents[2]
PATIENCE = 900
WHOLE = ("foresee", "learn")
LEAST_POLL = 0.005


def whole(stream: Stream, on: Servers, profile: Path | None = None, *, ahead: bool = False) -> Measured:
    """Foresee, learn and relays in one process; `profile` is where a profile of its main thread goes, if anywhere."""
    with installation(on) as one:
        worker = one.start(*WHOLE, options=() if profile is None else ("--profile", str(profile)))
        found = one.work_off(stream, {"worker": worker.pid}, ahead=ahead)
        worker.stop(grace=20)
        return found


def split(stream: Stream, on: Servers) -> Measured:
    """Foresee with its relays in one process, learn with its own in another."""
    with installation(on) as one:
        return one.work_off(stream, {name: one.start(name).pid for name in WHOLE})


class Installation:
    """Topics and a state of its own, and its workers."""

    def __init__(self, settings: Settings, on: Servers, folder: Path) -> None:
        self.settings = settings
        self._on = on
        self._folder = folder
        self._workers: list[Child] = []
        self._filling: subprocess.Popen[str] | None = None
        self._store = redis.Redis.from_url(settings.redis)

    def start(self, *processors: str, options: Sequence[str] = ()) -> Child:
        """Starts a worker with these processors."""
        given = msgspec.structs.asdict(self.settings).items()
        environment = {f"FORESTALL_{name.upper()}": str(value) for name, value in given}
        environment["FORESTALL_WEB_PORT"] = str(free_port())
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        command = [
            sys.executable,
            "-m",
            "tests.bench.job",
            *processors,
            "--clocks",
            str(self._folder),
            *options,
        ]
        worker = Child("-".join(processors), command, self._folder, environment=environment)
        worker.start()
        self._workers.append(worker)
        return worker

    def end(self) -> None:
        """Kills every worker, and deletes the state."""
        for worker in self._workers:
            worker.kill()
        for key in self._store.scan_iter(f"{self.settings.store_prefix}*", count=1000):
            self._store.delete(key)
        self._store.close()

    def work_off(
        self, stream: Stream, processes: dict[str, int], warm: int | None = None, *, ahead: bool = False
    ) -> Measured:
        """Works through the warm-up, of `warm` events if given, then measures until all is done and delivered."""
        warm = int(len(stream.lines) * WARM) if warm is None else warm
        parts = {"first": stream.lines[:warm], "rest": stream.lines[warm:]}
        return self.measured(
            *(Stream(f"{stream.name}-{name}", lines) for name, lines in parts.items()), processes, ahead=ahead
        )

    def measured(
        self, first: Stream, rest: Stream, processes: dict[str, int], *, ahead: bool = False
    ) -> Measured:
        """The same of a warm-up and what is measured. With `ahead` all that is measured lies in the journal before the
        worker sees any of it: it is stopped meanwhile."""
        every = {**processes, "redis": self._on.redis.child.pid, "kafka": self._on.kafka.child.pid}
        with self._on.console.status("warming up") as status:
            self.fill(first)
            self.until_idle()
            self._on.file(rest)
            status.update("measuring")
            before, asked, computed = take(every), self._asked(), self._computed()
            began = self._fill_ahead(rest) if ahead else self._fill_behind(rest)
            processed = self._until_processed()
            self.until_idle()
            after = take(every)
        events = len(rest.lines)
        found = measured(events, before, after, tuple(processes), **self._since(asked, computed, events))
        cores = sum(found.others[f"{name}_core_us"] for name in WHOLE)
        own = {"spine_us": found.cpu_us - cores, "drain_seconds": after.at - processed}
        cold = {name: after.cpu[name] / (len(first.lines) + events) * 1e6 for name in processes}
        apart = {f"{name}_whole_us": us for name, us in cold.items()} if len(cold) > 1 else {}
        return msgspec.structs.replace(
            found,
            events_a_second=events / (processed - began),
            whole_us=sum(cold.values()),
            others={**found.others, **own, **apart},
        )

    def _since(self, asked: dict[str, int], computed: list[float], events: int) -> dict[str, float]:
        """By event, since then: what there was to do, and what the cores computed."""
        effects = {f"{kind}_an_event": (top - asked[kind]) / events for kind, top in self._asked().items()}
        seconds = zip(WHOLE, computed, self._computed(), strict=True)
        return {f"{name}_core_us": (now - then) / events * 1e6 for name, then, now in seconds} | effects

    def fill(self, stream: Stream, *, wait: bool = True) -> None:
        """Appends to the journal, far faster than any worker reads it; without `wait` in the background."""
        self._filling = self._on.filling(self.settings.topics.events, stream)
        if wait:
            self._filled()

    def _fill_behind(self, stream: Stream) -> float:
        """Fills while the worker works; returns when it began."""
        self.fill(stream, wait=False)
        return self._until_moved()

    def _fill_ahead(self, stream: Stream) -> float:
        """Fills while the worker is stopped; returns when it went on."""
        for worker in self._workers:
            worker.pause()
        try:
            self.fill(stream)
        finally:
            for worker in self._workers:
                worker.resume()
        return time.perf_counter()

    def until_idle(self) -> None:
        """Waits until all that was filled is processed and learned from, and every effect delivered."""
        self._filled()
        with lag_meter(self.settings) as lag:
            deadline = time.monotonic() + PATIENCE
            while sum(lag()) or not self.delivered():
                self._look(deadline)

    def processed_any(self) -> bool:
        """Whether the worker has its partitions, and the configuration is processed in each."""
        return all(self._positions())

    def delivered(self) -> bool:
        """Whether no effect waits in an outbox."""
        for processor, count in (
            ("foresee", self.settings.partitions),
            ("learn", self.settings.answers_partitions),
        ):
            for keys in self._keys(processor, count):
                sent = self._store.hgetall(keys.sent)
                for name, top in self._store.hgetall(keys.tops).items():
                    lanes = [n for lane, n in sent.items() if lane == name or lane.startswith(name + b"/")]
                    if not lanes or min(map(int, lanes)) < int(top):
                        return False
        return True

    def _until_moved(self) -> float:
        deadline, before = time.monotonic() + PATIENCE, self._positions()
        while self._positions() == before:
            self._look(deadline)
        return time.perf_counter()

    def _until_processed(self) -> float:
        self._filled()
        with consumer(self.settings) as client:
            ends = ends_of(client, places_of(client, self.settings.topics.events))
        by_partition = [end for _, end in sorted(ends.items())]
        deadline = time.monotonic() + PATIENCE
        while any(at < end for at, end in zip(self._positions(), by_partition, strict=True)):
            self._look(deadline)
        return time.perf_counter()

    def _filled(self) -> None:
        if self._filling is not None and self._filling.wait():
            raise ServerFailed("the journal could not be filled")

    def _look(self, deadline: float) -> None:
        for worker in self._workers:
            if not worker.alive or time.monotonic() > deadline:
                raise ServerFailed(f"the worker did not finish:\n{worker.log.read_text()[-3000:]}")
        time.sleep(LEAST_POLL)

    def _asked(self) -> dict[str, int]:
        """What there was to do: questions that ended, decisions and alerts so far, by the numbers of the effects."""
        counts = dict.fromkeys(("answers", "ledger", "alerts"), 0)
        for keys in self._keys("foresee", self.settings.partitions):
            for name, top in self._store.hgetall(keys.tops).items():
                kind = name.decode().partition("/")[0]
                if kind in counts:
                    counts[kind] += int(top)
        return counts

    def _computed(self) -> list[float]:
        """CPU seconds of the cores so far, by processor."""
        return [Clock(self._folder / f"{name}.clock").read() for name in WHOLE]

    def _positions(self) -> list[int]:
        pipeline = self._store.pipeline(transaction=False)
        for keys in self._keys("foresee", self.settings.partitions):
            pipeline.hget(keys.meta, "position")
        return [int(position or 0) for position in pipeline.execute()]

    def _keys(self, processor: str, count: int) -> list[PartitionKeys]:
        return [PartitionKeys(self.settings.store_prefix, processor, k) for k in range(count)]


@contextmanager
def installation(on: Servers, catalogue: Path = CATALOGUE, **given: Any) -> Iterator[Installation]:
    """Topics with a catalogue, and the settings as `given` beside the usual; no worker and no event yet."""
    settings = Settings(
        kafka=on.kafka.bootstrap,
        redis=on.redis.url,
        prefix=f"bench-{uuid.uuid4().hex[:8]}",
        log_level="warning",
        session_timeout=60,  # a worker that is stopped while its journal is filled stays in its group
        **given,
    )
    apply_topics(settings)
    apply_configuration([CatalogueFile(catalogue.name, catalogue.read_text())], SALT, settings)
    one = Installation(settings, on, on.made(settings.prefix))
    try:
        yield one
    finally:
        one.end()
