"""One partition's processor over a store in memory: every way in which a chunk can be out of place."""

import asyncio
import copy
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from forestall.agents.chunk import Chunk, Chunked, Place
from forestall.agents.processor import Committed, Limits, Processor
from forestall.pipeline.core.effects import ALERTS, DEAD_LETTERS, Progress, Record
from forestall.pipeline.errors import SequenceGap, StaleEpoch
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.values import Held
from forestall.schemas.deadletter import decode_dead_letter
from tests.commits import commit_from
from tests.counting import POISON, CountingCore

PLACE = ("events", 0)


class Log:
    """A log and the consumer over it: gives the chunk that a fetch would bring, and takes seeks."""

    def __init__(self, *values: bytes, begins: int = 0) -> None:
        self.records = [Record(begins + n, 1000 + n, b"k%d" % (n % 3), v) for n, v in enumerate(values)]
        self.begins = begins
        self.position = begins
        self.seeks: list[int] = []

    async def seek_held(self, held: Mapping[Place, int | None]) -> Mapping[Place, int]:
        """Seeks, as ChunkConsumer does."""
        position = held[PLACE]
        self.position = self.begins if position is None else position
        self.seeks.append(self.position)
        return {PLACE: self.position}

    def fetch(self, epoch: str, count: int = 100) -> Chunk:
        """The next chunk of at most `count` records."""
        records = [record for record in self.records if record.offset >= self.position][:count]
        start, self.position = self.position, records[-1].offset + 1 if records else self.position
        return Chunk(*PLACE, records, start, self.position, epoch, len(self.records))


class Bench:
    """A processor with all that it needs."""

    def __init__(self, log: Log, store: MemoryStore | None = None, **limits: int) -> None:
        self.log = log
        self.store = store if store is not None else MemoryStore()
        self.chunked = Chunked(frozenset({"events"}), positions=self._nowhere, failed=print)
        self.chunked.beginnings[PLACE] = log.begins
        self.ours: set[str] = set()
        self.commits: list[Committed] = []
        self.processor = Processor(
            CountingCore("foresee", 0, 1),
            self.store,
            PLACE,
            self.chunked,
            lambda: log,
            ours=self.ours,
            committed=self._committed,
            limits=Limits(**limits),
        )

    async def open(self) -> "Bench":
        """As an assignment does, with the seek that follows it."""
        await self.processor.open()
        await self.log.seek_held({PLACE: await self.processor.held()})
        self.log.seeks.clear()
        return self

    async def step(self, count: int = 100) -> None:
        """Fetches a chunk and processes it."""
        await self.processor.process(self.log.fetch(self.chunked.epochs[PLACE], count))

    async def counts(self) -> dict[str, int]:
        """What the store says has been counted."""
        documents = (await self.store.dump()).documents
        return {key: int(value) for key, value in documents.items() if key.startswith("c/")}

    async def _committed(self, did: Committed) -> None:
        self.commits.append(did)

    async def _nowhere(self, _places: Any) -> Mapping[Place, int | None]:
        return {}


async def test_a_chunk_is_counted_once_and_moves_the_position() -> None:
    """The plain case."""
    bench = await Bench(Log(*[b"v"] * 9)).open()
    await bench.step()
    assert await bench.counts() == {"c/k0": 3, "c/k1": 3, "c/k2": 3}
    assert (await bench.store.held()).position == 9


async def test_others_compute_between_the_turns_of_a_chunk() -> None:
    """It is one commit all the same."""
    bench = await Bench(Log(*[b"v"] * 9), turn=2).open()
    await bench.step(3)  # everybody is loaded, and nothing has to be waited for
    seen: list[int] = []

    async def other() -> None:
        while True:
            seen.append(sum(bench.processor.core.counts.values()))  # type: ignore[attr-defined]
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await asyncio.sleep(0)
    await bench.step()
    task.cancel()
    assert seen == [3, 5, 7]
    assert [len(commit.records) for commit in bench.commits] == [3, 6]
    assert (await bench.store.held()).position == 9


async def test_an_empty_chunk_moves_the_position_too() -> None:
    """Transaction markers leave nothing but a new position."""
    bench = await Bench(Log()).open()
    await bench.processor.process(Chunk(*PLACE, [], 0, 4, bench.chunked.epochs[PLACE], 4))
    assert (await bench.store.held()).position == 4


async def test_a_new_state_starts_where_the_log_begins() -> None:
    """Retention may have passed offset 0 before there was any state."""
    bench = await Bench(Log(b"a", b"b", begins=50)).open()
    await bench.step()
    assert (await bench.store.held()).position == 52


async def test_a_state_that_became_new_after_the_seek_starts_where_the_log_begins() -> None:
    """The store may fall back to nothing at an assignment: where the lost state stood is not its beginning."""
    bench = await Bench(Log(*[b"v"] * 6)).open()
    await bench.step(3)
    held = await bench.processor.held()
    bench.chunked.sought({PLACE: held}, await bench.log.seek_held({PLACE: held}))
    bench.store.__dict__.update(MemoryStore().__dict__)
    await bench.processor.open()
    await bench.step()
    await bench.step()
    assert sum((await bench.counts()).values()) == 6


async def test_a_chunk_of_an_older_assignment_is_dropped() -> None:
    """It will be fetched again under the new one."""
    bench = await Bench(Log(*[b"v"] * 6)).open()
    old = bench.log.fetch(bench.chunked.epochs[PLACE])
    await bench.open()
    await bench.processor.process(old)
    assert await bench.counts() == {}
    await bench.step()
    assert sum((await bench.counts()).values()) == 6


async def test_a_chunk_that_starts_elsewhere_makes_us_seek_and_drops_those_behind_it() -> None:
    """One seek however many stale chunks wait."""
    bench = await Bench(Log(*[b"v"] * 9)).open()
    epoch = bench.chunked.epochs[PLACE]
    bench.log.fetch(epoch, 3)
    stale = [bench.log.fetch(epoch, 3), bench.log.fetch(epoch, 3)]
    for chunk in stale:
        await bench.processor.process(chunk)
    assert bench.log.seeks == [0]
    await bench.step()
    assert sum((await bench.counts()).values()) == 9


async def test_a_store_that_fell_back_is_replayed_to_the_same_bytes() -> None:
    """Redis lost its last second: the commit is refused, and what was lost is read again."""
    bench = await Bench(Log(*[b"v%d" % n for n in range(9)])).open()
    await bench.step(3)
    earlier = copy.deepcopy(bench.store.__dict__)
    await bench.step(3)
    before = await bench.store.dump()
    bench.store.__dict__.update(copy.deepcopy(earlier))
    await bench.step(3)
    assert bench.log.seeks == [3]
    await bench.step(3)
    assert await bench.store.dump() == before


async def test_an_idle_partition_notices_that_the_store_fell_back() -> None:
    """Nothing is committed that could be refused, so the positions are compared now and then."""
    bench = await Bench(Log(*[b"v"] * 6)).open()
    await bench.step(3)
    earlier = copy.deepcopy(bench.store.__dict__)
    await bench.step(3)
    bench.store.__dict__.update(earlier)
    await bench.processor.compare()
    assert bench.log.seeks == [3]


async def test_another_workers_newer_assignment_ends_us() -> None:
    """A zombie cannot write."""
    bench = await Bench(Log(*[b"v"] * 6)).open()
    await bench.store.acquire("another worker's")
    with pytest.raises(StaleEpoch):
        await bench.step()
    assert await bench.counts() == {}


async def test_our_own_newer_assignment_only_drops_the_chunk() -> None:
    """It is being read under that one."""
    bench = await Bench(Log(*[b"v"] * 6)).open()
    bench.ours.add("newer")
    await bench.store.acquire("newer")
    await bench.step()
    assert await bench.counts() == {}


async def test_a_partition_that_was_taken_from_us_in_order_ends_nobody() -> None:
    """The chunk in hand is dropped: its new owner reads it."""
    bench = await Bench(Log(*[b"v"] * 6)).open()

    async def load(keys: Sequence[str], at: str | None = None) -> dict[str, bytes | None]:
        bench.processor.close()
        await bench.store.acquire("another worker's")
        return await MemoryStore.load(bench.store, keys, at)

    bench.store.load = load  # type: ignore[method-assign]  # a rebalance in the middle
    await bench.step()
    assert await bench.counts() == {}


async def test_a_partition_that_was_taken_from_us_in_order_is_not_sought_where_its_new_owner_stands() -> None:
    """What it reads for the chunk in hand is of a later state by then."""
    bench = await Bench(Log(*[b"v"] * 6)).open()

    async def load(keys: Sequence[str], at: str | None = None) -> dict[str, bytes | None]:
        del bench.store.load
        bench.processor.close()
        held = await bench.store.acquire("another worker's")
        await bench.store.commit(commit_from(held))
        return await MemoryStore.load(bench.store, keys, at)

    bench.store.load = load  # type: ignore[method-assign]  # a rebalance in the middle
    await bench.step()
    assert bench.log.seeks == []
    assert bench.chunked.epochs == {}


async def test_a_partition_that_comes_back_is_fetched_whatever_its_earlier_processor_still_hears(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That one waited for the store while the partition went and came back, with a processor of its own."""
    bench = await Bench(Log(*[b"v"] * 6)).open()
    again = Bench(bench.log, bench.store)
    again.processor._chunked = bench.chunked
    again.processor._ours = bench.ours

    async def load(keys: Sequence[str], at: str | None = None) -> dict[str, bytes | None]:
        monkeypatch.undo()
        bench.processor.close()
        await bench.store.acquire("another worker's")
        await bench.store.commit(commit_from(await bench.store.held()))
        await again.processor.open()
        return await MemoryStore.load(bench.store, keys, at)

    monkeypatch.setattr(bench.store, "load", load)  # two rebalances in the middle
    await bench.step()
    assert list(bench.chunked.epochs) == [PLACE]


async def test_who_asks_where_the_store_stands_while_it_is_taken_from_us_takes_nothing_back() -> None:
    """The new owner keeps its epoch."""
    bench = await Bench(Log(*[b"v"] * 6)).open()
    held = bench.store.held

    async def slowly() -> Held:
        found = await held()
        bench.processor.close()
        await bench.store.acquire("another worker's")
        return found

    bench.store.held = slowly  # type: ignore[method-assign]  # a rebalance in the middle
    await bench.processor.compare()
    assert (await held()).epoch == "another worker's"


async def test_a_relay_that_is_being_stopped_ends_nobody_and_a_zombies_ends_its_process() -> None:
    """Also where the store fell back to an earlier assignment of ours, it is ours."""
    bench = await Bench(Log()).open()
    earlier = bench.processor.token
    await bench.open()
    await bench.store.acquire(earlier)
    await bench.processor.still_ours()
    await bench.store.acquire("another worker's")
    with pytest.raises(StaleEpoch):
        await bench.processor.still_ours()
    bench.processor.close()
    with pytest.raises(asyncio.CancelledError):
        await bench.processor.still_ours()


async def test_a_store_that_fell_back_to_our_earlier_assignment_is_taken_again() -> None:
    """Its epoch fell back too: every commit would be refused, and nobody else would ever read on."""
    bench = await Bench(Log(*[b"v"] * 6)).open()
    await bench.step(3)
    earlier = copy.deepcopy(bench.store.__dict__)
    await bench.open()
    bench.store.__dict__.update(earlier)
    await bench.step()
    assert await bench.counts() == {"c/k0": 1, "c/k1": 1, "c/k2": 1}
    await bench.step()
    assert sum((await bench.counts()).values()) == 6


async def test_an_idle_partition_whose_epoch_fell_back_is_taken_again() -> None:
    """Position and commit may be the same."""
    bench = await Bench(Log(*[b"v"] * 3)).open()
    await bench.step()
    earlier = bench.processor.token
    await bench.open()
    await bench.store.acquire(earlier)
    await bench.processor.compare()
    assert (await bench.store.held()).epoch == bench.processor.token


class Gap(CountingCore):
    """A core that finds a gap, as where its head was read from another state than that of its position."""

    def run(self, records: Sequence[Record], start: int, budget: int) -> Progress:
        if records:
            raise SequenceGap("something is missing")
        return super().run(records, start, budget)


async def test_a_gap_that_came_of_a_store_falling_back_while_we_read_ends_nobody() -> None:
    """All is loaded anew, from where the state stands."""
    bench = await Bench(Log(*[b"v"] * 6)).open()
    await bench.step(3)
    earlier = copy.deepcopy(bench.store.__dict__)
    await bench.step(1)
    bench.store.__dict__.update(earlier)
    good, bench.processor.core = bench.processor.core, Gap("foresee", 0, 1)
    await bench.step(1)
    assert bench.log.seeks == [3]
    bench.processor.core = good
    good.forget()
    await bench.step()
    assert sum((await bench.counts()).values()) == 6


async def test_what_is_read_of_a_later_state_never_meets_an_earlier_one() -> None:
    """A zombie reads what its successor wrote, and then the store falls back to where the zombie stands."""
    bench = await Bench(Log(*[b"v"] * 6)).open()
    await bench.step(3)
    earlier = copy.deepcopy(bench.store.__dict__)
    await bench.step()
    later = copy.deepcopy(bench.store.__dict__)
    bench.store.__dict__.update(copy.deepcopy(earlier))
    await bench.open()
    ours = copy.deepcopy(bench.store.__dict__)

    async def load(keys: Sequence[str], at: str | None = None) -> dict[str, bytes | None]:
        del bench.store.load
        bench.store.__dict__.update(copy.deepcopy(later))
        try:
            return await MemoryStore.load(bench.store, keys, at)
        finally:
            bench.store.__dict__.update(copy.deepcopy(ours))

    bench.store.load = load  # type: ignore[method-assign]  # once
    await bench.step()
    await bench.step()
    assert await bench.counts() == {"c/k0": 2, "c/k1": 2, "c/k2": 2}


async def test_any_other_gap_ends_the_worker() -> None:
    """Something was lost, and going on would hide it."""
    bench = await Bench(Log(*[b"v"] * 3)).open()
    bench.processor.core = Gap("foresee", 0, 1)
    with pytest.raises(SequenceGap):
        await bench.step()


async def test_an_event_on_which_the_core_raises_is_dead_lettered_alone() -> None:
    """All others of its chunk count, once."""
    bench = await Bench(Log(b"a", b"b", POISON, b"c", POISON, b"d")).open()
    await bench.step()
    letters = [decode_dead_letter(r.payload) for r in await bench.store.outbox(DEAD_LETTERS, 0, 10)]
    assert [(letter.offset, letter.value, letter.cause) for letter in letters] == [
        (2, POISON, "core_failure"),
        (4, POISON, "core_failure"),
    ]
    assert sum((await bench.counts()).values()) == 4
    assert (await bench.store.held()).position == 6


async def test_a_budget_makes_several_commits_of_a_chunk() -> None:
    """Each leaves the state at a position from which the rest can be read."""
    bench = await Bench(Log(*[b"v"] * 9), budget=2).open()
    await bench.step()
    assert [len(did.records) for did in bench.commits] == [2] * 4 + [1]
    assert sum((await bench.counts()).values()) == 9


async def test_a_successor_goes_on_between_the_commits_of_a_chunk() -> None:
    """As after a kill in the middle of a chunk."""
    log, store = Log(*[b"v"] * 9), MemoryStore()
    first = await Bench(log, store, budget=2).open()
    store.commit = refusing(store.commit, after=2)  # type: ignore[method-assign]  # the wire is cut
    with pytest.raises(ConnectionError):
        await first.step()
    del store.commit
    assert 0 < (await store.held()).position < 9
    second = await Bench(log, store).open()
    await second.step()
    assert sum((await second.counts()).values()) == 9
    assert [r.sequence for r in await store.outbox(ALERTS, 0, 20)] == list(range(1, 10))


def refusing(commit: Any, after: int) -> Any:
    """A commit whose connection breaks after so many."""
    left = [after]

    async def broken(one: Any) -> None:
        if left[0] == 0:
            raise ConnectionError
        left[0] -= 1
        await commit(one)

    return broken
