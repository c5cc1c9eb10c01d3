"""One tick may make everything due at once. Killed inside it, again and again, a worker leaves what one that was never
killed leaves, byte for byte, and emits the same.
"""

import asyncio
import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forestall.agents.chunk import Chunk, Chunked, Place
from forestall.agents.own_events import journal_copy, moment, tick
from forestall.agents.processor import Limits, Processor
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.values import Commit, StoredState
from forestall.schemas.catalogue import CatalogueFile, Configuration
from forestall.schemas.event import encode

PLACE = ("events", 0)
START_MS = 1_772_495_910_000
HOUR = 3_600_000

CATALOGUE = """
[history]
spans = ["1h"]
types = ["order.placed"]

[problem.refund]
title = "Will return the order"
ask = { on = "order.placed" }
happens = { on = "order.returned", within = "1h", same = "subject" }
grace = "0s"
"""
#: Beside it, a problem that asks after silence: what a tick makes due makes more due within the same tick.
SILENCE = """
[problem.lapse]
title = "Will not order again"
ask = { on = "order.placed", silence = "30m" }
happens = { on = "order.placed", within = "40m", not = true }
grace = "0s"
"""


class Killed(BaseException):
    """The process is gone."""


class Tallying(MemoryStore):
    """A store that sums up what was emitted rather than to keep it. It dies with its caller at the commits numbered
    in `deaths`: before they land, or after (True)."""

    def __init__(self, deaths: dict[int, bool] | None = None) -> None:
        super().__init__()
        self.deaths = deaths or {}
        self.commits = self.loads = 0
        self.emitted: defaultdict[str, Any] = defaultdict(hashlib.sha256)

    def with_state_of(self, other: MemoryStore) -> "Tallying":
        """Begins with a copy of the state of another."""
        self._held, self._tops = other._held, dict(other._tops)
        self._documents, self._due = dict(other._documents), dict(other._due)
        return self

    async def load(self, keys: Sequence[str], at: str | None = None) -> dict[str, bytes | None]:
        """See Store."""
        self.loads += 1
        return await super().load(keys, at)

    async def commit(self, commit: Commit) -> None:
        """See Store."""
        self.commits += 1
        lands = self.deaths.get(self.commits)
        if lands is not False:
            await super().commit(commit)
        if lands is not None:
            raise Killed

    def _write(self, commit: Commit) -> None:
        super()._write(commit)
        for destination, records in commit.outboxes.items():
            for record in records:
                self.emitted[destination].update(repr(record).encode())
        self._outboxes.clear()


class Worker:
    """As much of a worker as one partition needs: an owner that was just assigned, at the state's position."""

    def __init__(self, store: MemoryStore, limits: Limits) -> None:
        self.chunked = Chunked(frozenset({PLACE[0]}), positions=_nowhere, failed=print)
        self.processor = Processor(
            Foresee(0, 1, PLACE[0]),
            store,
            PLACE,
            self.chunked,
            lambda: self,
            ours=set(),
            committed=_unheard,
            limits=limits,
        )

    async def process(self, records: Sequence[Record]) -> None:
        """Takes the partition, then the records as one chunk."""
        await self.processor.open()
        start, end = records[0].offset, records[-1].offset + 1
        await self.processor.process(
            Chunk(*PLACE, list(records), start, end, self.chunked.epochs[PLACE], end)
        )

    async def seek_held(self, held: Any) -> Any:
        """Nothing here makes it seek."""
        raise AssertionError(held)


async def _nowhere(_places: Any) -> dict[Place, int | None]:
    return {}


async def _unheard(_did: object) -> None:
    return


def journal(customers: int, catalogue: str) -> Iterator[Record]:
    """The catalogue; then each customer places an order, all within ten minutes of event time, in no order."""
    configuration = Configuration(version=0, files=[CatalogueFile("c.toml", catalogue)], salt="s")
    yield Record(0, START_MS, None, journal_copy(configuration, START_MS))
    for number in range(customers):
        ms = START_MS + number * 7_919 % 600_000
        event = {
            "specversion": "1.0", "id": f"e{number}", "source": "shop", "type": "order.placed",
            "time": moment(ms), "customer": f"c{number}", "subject": f"o{number}",
        }  # fmt: skip
        yield Record(number + 1, ms, f"c{number}".encode(), encode(event))


async def waiting(customers: int, catalogue: str) -> Tallying:
    """A store where a question of every customer waits."""
    store = Tallying()
    worker, chunk = Worker(store, Limits()), list[Record]()
    for record in journal(customers, catalogue):
        chunk.append(record)
        if len(chunk) == 1_000 or record.offset == customers:
            await worker.process(chunk)
            chunk.clear()
    assert len(store._due) == customers
    return store


async def ticked(
    before: Tallying, customers: int, deaths: dict[int, bool], limits: Limits
) -> tuple[StoredState, dict[str, str], Tallying]:
    """Everything is due. What is left, what was emitted, and the store itself; each death is a new worker."""
    ms = START_MS + 24 * HOUR
    record = Record(customers + 1, ms, None, tick(ms, 0, "test"))
    store = Tallying(deaths).with_state_of(before)
    while (await store.held()).position <= record.offset:
        with suppress(Killed):
            await Worker(store, limits).process([record])
    assert store._due == {}
    return await store.dump(), {name: one.hexdigest() for name, one in store.emitted.items()}, store


@pytest.mark.parametrize(
    "catalogue", [CATALOGUE, CATALOGUE + SILENCE], ids=["horizons", "horizons and silence"]
)
def test_a_tick_that_is_killed_anywhere_leaves_and_emits_what_one_that_is_not_does(catalogue: str) -> None:
    """Sixty customers; any limits, any kills, before a commit lands or after."""
    before = asyncio.run(waiting(60, catalogue))
    state, emitted, _ = asyncio.run(ticked(before, 60, {}, Limits()))

    @settings(deadline=None, max_examples=30)
    @given(
        st.dictionaries(st.integers(1, 12), st.booleans(), max_size=6),
        st.integers(1, 30),
        st.integers(31, 90),
        st.integers(0, 70),
    )
    def killed(deaths: dict[int, bool], budget: int, window: int, cached: int) -> None:
        limits = Limits(budget, window, cached)
        assert asyncio.run(ticked(before, 60, deaths, limits))[:2] == (state, emitted)

    assert emitted["answers/0"]
    killed()


@pytest.mark.parametrize(
    "customers", [5_000, pytest.param(1_000_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
def test_a_million_due_times_of_one_tick_survive_kills_inside_it(customers: int) -> None:
    """With a worker's own limits; three kills at moments of their own, of which one took the commit with it."""
    before = asyncio.run(waiting(customers, CATALOGUE))
    state, emitted, store = asyncio.run(ticked(before, customers, {}, Limits()))
    assert store.commits >= customers // Limits().budget
    assert store.loads < 3 * store.commits, "a trip to the store for every few of them takes minutes"
    moments = random.Random(customers).sample(range(1, store.commits), min(3, store.commits - 1))
    deaths = dict(zip(moments, (True, False, True), strict=False))
    assert asyncio.run(ticked(before, customers, deaths, Limits()))[:2] == (state, emitted)
