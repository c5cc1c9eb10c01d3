"""The bare cores, in process: CPU an event of foresee alone and of learn alone, without any server.

What a core does for a commit (encoding what changed) is counted; reading and writing it is not.
"""

import gc
import heapq
import time
from collections.abc import Sequence
from typing import TypeVar

from kafka.partitioner import murmur2

from forestall.agents.collecting import COLLECTOR_PACE
from forestall.agents.own_events import answers_copy, journal_copy
from forestall.pipeline.core.effects import Effect, Record
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.core.learn import Learn
from forestall.pipeline.core.protocol import Core
from forestall.schemas.catalogue import CatalogueFile, Configuration
from tests.bench.metering import WARM, Measured
from tests.bench.streams import CATALOGUE, Stream

#: As a worker has them that works off a journal.
PARTITIONS = 8
CHUNK = 2_000
BUDGET = 2_000
WINDOW = 20_000
CACHE = 50_000

_CONFIGURATION = Configuration(
    version=0, files=[CatalogueFile(CATALOGUE.name, CATALOGUE.read_text())], salt="bench"
)
Value = TypeVar("Value")


def configuration() -> Record:
    """The benchmarks' catalogue as it comes in a journal."""
    return Record(0, 0, None, journal_copy(_CONFIGURATION, 0))


def measure(stream: Stream) -> Measured:
    """Runs the stream over as many cores as the journal has partitions, and one that learns."""
    gc.collect()
    gc.freeze()  # as a worker does
    gc.set_threshold(*COLLECTOR_PACE)
    foresee = [Run(Foresee(partition, 1)) for partition in range(PARTITIONS)]
    learn = Run(Learn(0))
    learn.feed([Record(0, 0, None, answers_copy(_CONFIGURATION))])
    for run in foresee:
        run.feed([configuration()])
    done = warm = answers = effects = 0
    for partition, chunk in _chunks(stream):
        if not warm and done >= len(stream.lines) * WARM:
            warm, answers, effects = done, 0, 0
            for run in (*foresee, learn):
                run.cpu = 0.0
        made = foresee[partition].feed(chunk)
        asked = [effect for effect in made if effect.destination.startswith("answers/")]
        done, answers, effects = done + len(chunk), answers + len(asked), effects + len(made)
        notices = learn.feed([_delivered(effect, chunk[-1].ms) for effect in asked])
        for run in foresee if notices else ():
            run.feed([_delivered(notice, chunk[-1].ms) for notice in notices])
    events = done - warm
    each = {"foresee_us": sum(run.cpu for run in foresee), "learn_us": learn.cpu}
    by_event = {name: seconds / events * 1e6 for name, seconds in each.items()}
    return Measured(
        events=events,
        cpu_us=sum(by_event.values()),
        others={
            **by_event,
            "learn_us_an_answer": learn.cpu / max(1, answers) * 1e6,
            "answers_an_event": answers / events,
            "effects_an_event": effects / events,
        },
    )


class Run:
    """One core over one log, its documents in a dictionary. `cpu` counts the core's own seconds."""

    def __init__(self, core: Core) -> None:
        self.cpu = 0.0
        self._core = core
        self.documents: dict[str, bytes] = {}
        self._due: dict[str, int] = {}

    def feed(self, records: Sequence[Record]) -> list[Effect]:
        """Runs a chunk, with as many commits as it takes; returns its effects."""
        effects: list[Effect] = []
        done = 0
        while done < len(records):
            began = time.process_time()
            progress = self._core.run(records, done, BUDGET)
            self.cpu += time.process_time() - began
            done = progress.consumed
            if progress.missing:
                found = {key: self.documents.get(key) for key in progress.missing}
                began = time.process_time()
                self._core.admit(found)
                self.cpu += time.process_time() - began
            elif progress.due_missing:
                window = heapq.nsmallest(WINDOW, ((ms, key) for key, ms in self._due.items()))
                self._core.admit_due(window, len(self._due) <= WINDOW)
            else:
                effects += self._commit()
        return effects

    def _commit(self) -> list[Effect]:
        began = time.process_time()
        changes = self._core.take_changes()
        self.cpu += time.process_time() - began
        _write(self.documents, changes.documents)
        _write(self._due, changes.due)
        began = time.process_time()
        self._core.committed(CACHE)
        self.cpu += time.process_time() - began
        return changes.effects


def _write(table: dict[str, Value], changes: dict[str, Value | None]) -> None:
    for key, value in changes.items():
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value


def _delivered(effect: Effect, ms: int) -> Record:
    return Record(effect.sequence, ms, effect.key, effect.payload)


def _chunks(stream: Stream) -> list[tuple[int, list[Record]]]:
    """The stream by partition, in chunks that take turns."""
    logs: list[list[Record]] = [[] for _ in range(PARTITIONS)]
    for record in stream.records():
        assert record.key is not None
        log = logs[murmur2(record.key) % 0x80000000 % PARTITIONS]
        log.append(record._replace(offset=len(log) + 1))
    starts = [(start, k) for k, log in enumerate(logs) for start in range(0, len(log), CHUNK)]
    return [(k, logs[k][start : start + CHUNK]) for start, k in sorted(starts)]
