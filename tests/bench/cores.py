"""The bare cores, in process: CPU an event of foresee alone and an answer of learn alone, changes encoded."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from forestall.pipeline.core.effects import Effect, Record
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.core.learn import Learn
from forestall.pipeline.core.protocol import Core
from forestall.schemas.catalogue import CatalogueFile, Configuration
from forestall.schemas.event import encode
from tests.bench.streams import CATALOGUE, Stream

CHUNK = 500
BUDGET = 2_000
CACHE = 200_000


class CoreFigures(NamedTuple):
    """CPU µs of each core, and how much there was to do for an event."""

    events: int
    foresee_us: float
    learn_us_an_answer: float
    learn_us: float
    questions_an_event: float
    effects_an_event: float


def configuration() -> Record:
    """The catalogue of the benchmarks, as the journal's first record."""
    files = [CatalogueFile(CATALOGUE.name, CATALOGUE.read_text())]
    event = {
        "specversion": "1.0",
        "id": "catalogue:0",
        "source": "forestall/catalogue",
        "type": "forestall.catalogue",
        "time": "2000-01-01T00:00:00Z",
        "data": Configuration(version=0, files=files, salt="bench"),
    }
    return Record(0, 0, None, encode(event))


class _Run:
    """One core over one log: chunks in, effects out. Reading and writing documents is a dictionary's."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.cpu = 0.0
        self.asked = 0
        self._documents: dict[str, bytes] = {}
        self._due: dict[str, int] = {}

    def feed(self, records: Sequence[Record]) -> list[Effect]:
        """Runs a chunk and commits; returns its effects."""
        effects: list[Effect] = []
        began, done = time.process_time(), 0
        while done < len(records):
            progress = self.core.run(records, done, BUDGET)
            done = progress.consumed
            if progress.missing:
                self.core.admit({key: self._documents.get(key) for key in progress.missing})
            elif progress.due_missing:
                self.core.admit_due(sorted((ms, key) for key, ms in self._due.items()), complete=True)
            else:
                effects += self._commit()
        self.cpu += time.process_time() - began
        return effects

    def _commit(self) -> list[Effect]:
        changes = self.core.take_changes()
        for key, document in changes.documents.items():
            if document is not None:
                self._documents[key] = document
        for key, ms in changes.due.items():
            if ms is not None:
                self._due[key] = ms
        self.asked += sum(n for key, n in changes.counts.items() if key[0] == "questions_asked")
        self.core.committed(CACHE)
        return changes.effects


def measure(stream: Stream, warm: float = 0.2) -> CoreFigures:
    """Runs the stream; the first `warm` share of it is not counted."""
    foresee, learn = _Run(Foresee(0, 1)), _Run(Learn(0))
    foresee.feed([configuration()])
    records = stream.records()
    first = int(len(records) * warm) // CHUNK * CHUNK
    effects = answers = 0
    for start in range(0, len(records), CHUNK):
        if start == first:
            foresee.cpu = learn.cpu = 0.0
            foresee.asked = effects = answers = 0
        chunk = records[start : start + CHUNK]
        made = foresee.feed(chunk)
        effects += len(made)
        asked = [e for e in made if e.destination.startswith("answers/")]
        answers += len(asked)
        notices = learn.feed([Record(e.sequence, chunk[-1].ms, e.key, e.payload) for e in asked])
        if notices:
            foresee.feed([Record(-1, chunk[-1].ms, None, e.payload) for e in notices])
    counted = len(records) - first
    return CoreFigures(
        events=counted,
        foresee_us=foresee.cpu / counted * 1e6,
        learn_us_an_answer=learn.cpu / max(1, answers) * 1e6,
        learn_us=learn.cpu / counted * 1e6,
        questions_an_event=foresee.asked / counted,
        effects_an_event=effects / counted,
    )
