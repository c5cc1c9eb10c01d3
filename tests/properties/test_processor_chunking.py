"""How a log falls into chunks, commits and caches changes nothing."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from forestall.pipeline.core.effects import ALERTS
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.values import OutboxRecord, StoredState
from tests.counting import POISON
from tests.unit.test_processor import Bench, Log

VALUES = st.lists(st.sampled_from([b"a", b"b", POISON]), max_size=25)


@settings(deadline=None, max_examples=60)
@given(VALUES, st.integers(1, 30), st.integers(1, 5), st.integers(0, 4))
def test_state_and_effects_do_not_depend_on_chunking(
    values: list[bytes], size: int, budget: int, cached: int
) -> None:
    """One chunk and no limit, against any chunk size, budget and cache."""
    plain = asyncio.run(run(values, 100, 100, 100))
    assert asyncio.run(run(values, size, budget, cached)) == plain


async def run(
    values: list[bytes], size: int, budget: int, cached: int
) -> tuple[StoredState, list[OutboxRecord]]:
    """The state and the alerts after all of the log."""
    store = MemoryStore()
    bench = await Bench(Log(*values), store, budget=budget, cached=cached).open()
    while bench.log.position < len(values):
        await bench.step(size)
    return await store.dump(), await store.outbox(ALERTS, 0, 100)
