"""An installation in memory: both processors over logs, their effects delivered, in an order drawn by chance.

What a real one records, `record` writes: the logs, and the states with what is still undelivered.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from random import Random

from kafka.partitioner import murmur2

from forestall.agents.own_events import answers_copy, journal_copy, tick
from forestall.pipeline.core.effects import DEAD_LETTERS, Changes, Effect, Record
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.core.learn import Learn
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.sources.recording import (
    Manifest,
    RecordedPartition,
    RecordedState,
    write_manifest,
    write_records,
    write_snapshot,
)
from forestall.pipeline.store.snapshot import Snapshot
from forestall.pipeline.store.values import OutboxRecord
from forestall.pipeline.verification.replaying import LIMITS, Limits, Replay
from forestall.pipeline.verification.verify import ProcessorUnderTest
from forestall.schemas.catalogue import CatalogueFile, Configuration

TOPIC = "test.events"
#: What the journal's topics are by destination; the queue has none.
ROLES = {"alerts": "alerts", "ledger": "decisions", DEAD_LETTERS: "deadletters"}
NOW = 1_790_000_000_000

PROCESSORS = (
    ProcessorUnderTest("foresee", "events", lambda p, answers: Foresee(p, answers, TOPIC)),
    ProcessorUnderTest("learn", "answers", lambda p, _answers: Learn(p)),
)


class Installation:
    """`partitions` of the journal and `answers` of the answers topic; `seed` draws what happens when."""

    def __init__(self, partitions: int = 2, answers: int = 2, seed: int = 0, limits: Limits = LIMITS) -> None:
        self.partitions, self.answers = partitions, answers
        self.logs: defaultdict[tuple[str, int], list[Record]] = defaultdict(list)
        self.versions = 0
        self._random = Random(seed)
        self._outboxes: dict[tuple[str, int], dict[str, list[Effect]]] = {}
        self._replays: dict[tuple[str, int], Replay] = {}
        self._loop = asyncio.new_event_loop()
        for processor, count in zip(PROCESSORS, (partitions, answers), strict=True):
            for partition in range(count):
                self._add(processor.name, partition, processor.core(partition, answers), limits)

    def configure(self, *files: CatalogueFile) -> None:
        """Appends one more version of the configuration to every log."""
        configuration = Configuration(version=self.versions, files=list(files), salt="test")
        self.versions += 1
        self._append("catalogue", 0, None, answers_copy(configuration))
        for partition in range(self.partitions):
            self._append("events", partition, None, journal_copy(configuration, NOW))
        for partition in range(self.answers):
            self._append("answers", partition, None, answers_copy(configuration))

    def send(self, customer: str, value: bytes) -> None:
        """Appends a customer's event to the journal."""
        key = customer.encode()
        self._append("events", murmur2(key) % 0x80000000 % self.partitions, key, value)

    def tick(self, ms: int) -> None:
        """Time has come so far everywhere."""
        for partition in range(self.partitions):
            self._append("events", partition, None, tick(ms, partition, "test"))

    def work(self, steps: int = 1_000_000) -> None:
        """So many steps, or until nothing is left to do: a chunk is processed, or some effects are delivered."""
        for _ in range(steps):
            busy = [place for place in self._replays if self._behind(place)]
            busy += [place for place, boxes in self._outboxes.items() if any(boxes.values())]
            if not busy:
                return
            place = self._random.choice(busy)
            if self._behind(place) and self._random.random() < 0.5:
                self._process(place)
            self._deliver(place)

    def record(self, folder: Path) -> None:
        """Writes the recording."""
        recorded = []
        for role in ("deadletters", "decisions", "alerts", "answers", "catalogue", "events"):
            count = {"catalogue": 1, "answers": self.answers}.get(role, self.partitions)
            for partition in range(count):
                log = self.logs[role, partition]
                file = f"{role}-{partition}.records.gz"
                write_records(folder / file, log)
                recorded.append(
                    RecordedPartition(role=role, topic=f"test.{role}", partition=partition, begin=0, end=len(log),
                                      records=len(log), file=file)
                )  # fmt: skip
        states = [self._record_state(folder, *place) for place in self._replays]
        write_manifest(
            folder,
            Manifest(prefix="test", partitions=self.partitions, answers_partitions=self.answers, recorded=recorded,
                     states=states),
        )  # fmt: skip

    def _record_state(self, folder: Path, processor: str, partition: int) -> RecordedState:
        state = self._loop.run_until_complete(self._replays[processor, partition].dump())
        boxes = self._outboxes[processor, partition]
        waiting = {name: [OutboxRecord(*effect[1:]) for effect in effects] for name, effects in boxes.items()}
        file = f"state-{processor}-{partition}.gz"
        write_snapshot(folder / file, Snapshot(state, waiting))
        return RecordedState(processor=processor, partition=partition, position=state.position, file=file)

    def _add(self, processor: str, partition: int, core: Core, limits: Limits) -> None:
        outboxes: dict[str, list[Effect]] = defaultdict(list)
        self._outboxes[processor, partition] = outboxes

        def committed(changes: Changes) -> None:
            for effect in changes.effects:
                outboxes[effect.destination].append(effect)

        self._replays[processor, partition] = Replay(core, TOPIC, committed, limits)

    def _log_of(self, place: tuple[str, int]) -> list[Record]:
        return self.logs["events" if place[0] == "foresee" else "answers", place[1]]

    def _behind(self, place: tuple[str, int]) -> bool:
        return self._replays[place].records < len(self._log_of(place))

    def _process(self, place: tuple[str, int]) -> None:
        replay, log = self._replays[place], self._log_of(place)
        some = log[replay.records :][: self._random.randrange(1, 120)]
        self._loop.run_until_complete(replay.run(some, replay.records + len(some)))

    def _deliver(self, place: tuple[str, int]) -> None:
        """Some of each outbox; now and then the last ones again."""
        for destination, effects in self._outboxes[place].items():
            some = effects[: self._random.randrange(0, 60)]
            self._land(place, destination, some)
            if self._random.random() < 0.1:
                self._land(place, destination, some[-3:])
            del effects[: len(some)]

    def _land(self, place: tuple[str, int], destination: str, effects: Iterable[Effect]) -> None:
        kind, _, number = destination.partition("/")
        for effect in effects:
            if kind == "notices":
                for partition in range(self.partitions):
                    self._append("events", partition, effect.key, effect.payload)
            elif kind == "answers":
                self._append("answers", int(number), effect.key, effect.payload)
            elif kind in ROLES:
                self._append(ROLES[kind], place[1], effect.key, effect.payload)

    def _append(self, role: str, partition: int, key: bytes | None, value: bytes) -> None:
        log = self.logs[role, partition]
        log.append(Record(len(log), NOW + len(log), key, value))
