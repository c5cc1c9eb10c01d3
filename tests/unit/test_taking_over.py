"""A newer core takes a partition over only once all that the earlier one emitted is delivered, and records where."""

import asyncio
from pathlib import Path

import pytest

from forestall.agents.settings import Settings
from forestall.agents.taking_over import TakeOver
from forestall.pipeline.core.head import HEAD, Written
from forestall.pipeline.core.versions import STATE_VERSION
from forestall.pipeline.errors import StaleEpoch
from forestall.pipeline.sources.recording import Recording
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.values import Origin
from forestall.pipeline.verification.state_file import read_states
from tests.commits import commit_from, effects_to
from tests.state_samples import FOLDER

LEFT = Written(version=1, fingerprint="ab")


async def left_behind(waiting: int) -> MemoryStore:
    """A partition that an earlier core left at 10, with so many effects not delivered."""
    snapshot = Recording(FOLDER / "1").snapshot("foresee", 0)
    assert snapshot is not None
    store = MemoryStore()
    held = await store.acquire("mine")
    head = {HEAD: snapshot.state.documents[HEAD]}
    await store.commit(
        commit_from(
            held, commit_id="last", documents=head, effects=effects_to("queue", *range(1, waiting + 1))
        )
    )
    return store


def taking(store: MemoryStore, snapshots: Path | None = None) -> TakeOver:
    """Of foresee's partition 0."""
    return TakeOver(Settings(prefix="shop", snapshots=str(snapshots or "")), store, "foresee", 0)


async def test_it_waits_for_the_last_effect_and_then_records_where_the_state_stood(tmp_path: Path) -> None:
    """And what the state was, where the settings name a folder."""
    store = await left_behind(waiting=3)
    begun = asyncio.create_task(taking(store, tmp_path).begin(LEFT, "mine", lambda: True))
    for through in (1, 2):
        await store.trim("queue", through)
        await asyncio.sleep(0.3)
        assert not begun.done()
        assert await store.origin() is None
    await store.trim("queue", 3)
    assert await asyncio.wait_for(begun, 2)
    there = Origin(position=10, commit="last", version=1, fingerprint="ab", by=STATE_VERSION)
    assert await store.origin() == there
    [kept] = read_states(tmp_path / f"shop-before-{STATE_VERSION}")
    assert kept.state == await store.dump()
    assert (kept.stand.position, kept.stand.commit, kept.stand.version) == (10, "last", 1)


async def test_it_is_recorded_once(tmp_path: Path) -> None:
    """A second chunk before the first commit writes nothing anew."""
    store = await left_behind(waiting=0)
    assert await taking(store, tmp_path).begin(LEFT, "mine", lambda: True)
    for file in (folder := tmp_path / f"shop-before-{STATE_VERSION}").iterdir():
        file.unlink()
    assert await taking(store, tmp_path).begin(LEFT, "mine", lambda: True)
    assert list(folder.iterdir()) == []


async def test_who_loses_the_partition_meanwhile_takes_nothing_over() -> None:
    """Neither while it waits, nor where the store says that another has it."""
    waiting = await left_behind(waiting=1)
    assert not await taking(waiting).begin(LEFT, "mine", lambda: False)
    delivered = await left_behind(waiting=0)
    await delivered.acquire("another")
    with pytest.raises(StaleEpoch):
        await taking(delivered).begin(LEFT, "mine", lambda: True)
    assert await waiting.origin() is await delivered.origin() is None
