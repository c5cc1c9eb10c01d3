"""Chunks are joined while they wait, in order, and never lost or doubled while the partition is ours."""

import asyncio

import pytest

from forestall.agents.chunk import Chunk
from forestall.agents.gathering import Gathering
from forestall.pipeline.core.effects import Record
from tests.builders.simulated_time import run

MOMENT = 0.02


def chunk(start: int, end: int, epoch: str = "mine") -> Chunk:
    """A chunk with a record at each offset."""
    records = [Record(offset, 0, None, b"") for offset in range(start, end)]
    return Chunk("answers", 0, records, start, end, epoch, end)


class Seen:
    """A processor that notes what it is given, or raises."""

    def __init__(self, raises: Exception | None = None) -> None:
        self.spans: list[tuple[int, int]] = []
        self.failures: list[BaseException] = []
        self._raises = raises

    async def process(self, one: Chunk) -> None:
        """Notes the chunk's span and that its records fill it; takes its time."""
        await asyncio.sleep(MOMENT / 4)
        if self._raises is not None:
            raise self._raises
        assert [record.offset for record in one.records] == list(range(one.start, one.end))
        self.spans.append((one.start, one.end))

    def gathering(self, most: int = 100, seconds: float = MOMENT) -> Gathering:
        """A gathering that hands on to this."""
        return Gathering(self.process, self.failures.append, seconds, most)


def test_small_chunks_become_one() -> None:
    """Three chunks within a moment are processed once, as one."""
    seen = Seen()

    async def scenario() -> None:
        gathering = seen.gathering()
        for start in (0, 3, 6):
            await gathering.take(chunk(start, start + 3))
        assert seen.spans == []
        await asyncio.sleep(MOMENT * 3)

    run(scenario)
    assert seen.spans == [(0, 9)]


def test_enough_records_do_not_wait() -> None:
    """At the limit they are processed at once, and what comes later waits its own moment."""
    seen = Seen()

    async def scenario() -> None:
        gathering = seen.gathering(most=6)
        await gathering.take(chunk(0, 3))
        await gathering.take(chunk(3, 6))
        await asyncio.sleep(MOMENT / 2)
        assert seen.spans == [(0, 6)]
        await gathering.take(chunk(6, 7))
        await asyncio.sleep(MOMENT * 3)

    run(scenario)
    assert seen.spans == [(0, 6), (6, 7)]


def test_nothing_waits_that_need_not() -> None:
    """Without a moment to wait, a chunk is processed when it comes, and what comes meanwhile when that is done."""
    seen = Seen()

    async def scenario() -> None:
        gathering = seen.gathering(seconds=0)
        for start in (0, 3, 6):
            await gathering.take(chunk(start, start + 3))
            await asyncio.sleep(0)
        assert seen.spans == []
        await asyncio.sleep(MOMENT)

    run(scenario)
    assert seen.spans == [(0, 3), (3, 9)]


def test_no_more_is_held_than_the_limit() -> None:
    """Who brings more waits until what is held is taken: that is what bounds memory."""
    seen = Seen()

    async def scenario() -> None:
        gathering = seen.gathering(most=4, seconds=0)
        for start in (0, 3, 6):
            await gathering.take(chunk(start, start + 3))
        assert seen.spans == [(0, 3)]
        await asyncio.sleep(MOMENT)

    run(scenario)
    assert seen.spans == [(0, 3), (3, 6), (6, 9)]


def test_what_comes_while_others_are_processed_waits_its_own_moment() -> None:
    """The last chunk of a log is processed too, whenever it came."""
    seen = Seen()

    async def scenario() -> None:
        gathering = seen.gathering()
        await gathering.take(chunk(0, 3))
        await asyncio.sleep(MOMENT + MOMENT / 8)
        await gathering.take(chunk(3, 5))
        await asyncio.sleep(MOMENT * 4)

    run(scenario)
    assert seen.spans == [(0, 3), (3, 5)]


@pytest.mark.parametrize("second", [chunk(5, 7), chunk(3, 5, epoch="newer")])
def test_what_does_not_follow_is_not_joined(second: Chunk) -> None:
    """A gap or another assignment: the first goes on by itself, and the processor judges both."""
    seen = Seen()

    async def scenario() -> None:
        gathering = seen.gathering()
        await gathering.take(chunk(0, 3))
        await gathering.take(second)
        await asyncio.sleep(MOMENT * 3)

    run(scenario)
    assert seen.spans == [(0, 3), (second.start, second.end)]


def test_what_is_dropped_is_not_processed() -> None:
    """After a revocation nothing of it is processed here, and a later assignment gathers anew."""
    seen = Seen()

    async def scenario() -> None:
        gathering = seen.gathering()
        await gathering.take(chunk(0, 3))
        gathering.drop()
        await gathering.take(chunk(0, 2))
        await asyncio.sleep(MOMENT * 3)

    run(scenario)
    assert seen.spans == [(0, 2)]


def test_who_waits_for_room_is_let_go_when_the_partition_is() -> None:
    """What he brings is of the old assignment, which the processor drops."""
    seen = Seen()

    async def scenario() -> None:
        gathering = seen.gathering(most=3)
        await gathering.take(chunk(0, 2))
        waiting = asyncio.create_task(gathering.take(chunk(2, 4)))
        await asyncio.sleep(0)
        gathering.drop()
        async with asyncio.timeout(1):
            await waiting
        await asyncio.sleep(MOMENT * 3)

    run(scenario)
    assert seen.spans == [(2, 4)]


def test_a_failure_is_told() -> None:
    """What the processor raises ends the process."""
    error = RuntimeError("refused")
    seen = Seen(raises=error)

    async def scenario() -> None:
        await seen.gathering().take(chunk(0, 3))
        await asyncio.sleep(MOMENT * 3)

    run(scenario)
    assert seen.failures == [error]
