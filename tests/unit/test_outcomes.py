"""The relay of the queue's outbox over lists: everything is told, also what took the numbers of what was lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from forestall.agents import outcomes
from forestall.agents.outcomes import OutcomeRelay
from forestall.agents.settings import Settings
from forestall.pipeline.store.values import OutboxRecord


class Queue:
    """An outbox that can lose its end."""

    def __init__(self) -> None:
        self.records: list[OutboxRecord] = []
        self.top = 0

    def add(self, *payloads: bytes) -> None:
        """More happened."""
        for payload in payloads:
            self.top += 1
            self.records.append(OutboxRecord(self.top, b"k", payload))

    def roll_back(self, to: int) -> None:
        """Its shard has lost the records above the number, and goes on from there."""
        self.records = [one for one in self.records if one.sequence <= to]
        self.top = to

    async def outbox(self, after: int, limit: int) -> list[OutboxRecord]:
        """See Outbox."""
        return [one for one in self.records if one.sequence > after][:limit]

    async def trim(self, through: OutboxRecord) -> None:
        """See Outbox."""
        if through in self.records:
            self.records = [one for one in self.records if one.sequence > through.sequence]


class Producer:
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    async def send(self, _topic: str, value: bytes, _key: bytes) -> "asyncio.Future[None]":
        """Acknowledged at once."""
        self.sent.append(value)
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        acknowledged.set_result(None)
        return acknowledged


class Bench:
    """A queue, a producer, and the relay between them; `ours` may be set."""

    def __init__(self, keep: float) -> None:
        self.queue, self.producer = Queue(), Producer()
        self.ours = True
        settings = Settings(outbox_seconds=keep)
        self.relay = OutcomeRelay(self.queue, self.producer, settings, lambda: self.ours)  # type: ignore[arg-type]  # enough of a producer

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for it."""
        async with asyncio.timeout(3):
            while not condition():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(keep: float = 30.0) -> AsyncIterator[Bench]:
    """A relay that runs."""
    bench = Bench(keep)
    task = asyncio.create_task(bench.relay.run())
    try:
        yield bench
    finally:
        task.cancel()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks often, in small steps."""
    monkeypatch.setattr(outcomes, "EVERY", 0.01)
    monkeypatch.setattr(outcomes, "BATCH", 3)


async def test_everything_is_told_once_and_in_order() -> None:
    """In as many steps as it takes."""
    async with running() as bench:
        bench.queue.add(*[b"%d" % n for n in range(10)])
        await bench.until(lambda: len(bench.producer.sent) == 10)
        bench.queue.add(b"x")
        await bench.until(lambda: bench.producer.sent[-1] == b"x")
        await asyncio.sleep(0.05)
        assert bench.producer.sent == [*[b"%d" % n for n in range(10)], b"x"]


@pytest.mark.parametrize("more", [1, 4, 9])
async def test_what_takes_the_numbers_of_what_was_lost_is_told_too(more: int) -> None:
    """Redis may lose its last second, and counts on from there; what is still there is not told again."""
    async with running() as bench:
        bench.queue.add(*[b"%d" % n for n in range(8)])
        await bench.until(lambda: len(bench.producer.sent) == 8)
        bench.queue.roll_back(4)
        bench.queue.add(*[b"new %d" % n for n in range(more)])
        await bench.until(lambda: len(bench.producer.sent) == 8 + more)
        assert bench.producer.sent[8:] == [b"new %d" % n for n in range(more)]


async def test_what_was_told_is_dropped_after_a_while_also_when_its_end_was_lost() -> None:
    """And only that: a record that took the number of another has not been told."""
    async with running(keep=0.1) as bench:
        bench.queue.add(b"a", b"b", b"c")
        await bench.until(lambda: len(bench.producer.sent) == 3)
        bench.queue.roll_back(2)
        await bench.until(lambda: not bench.queue.records)
        assert bench.producer.sent == [b"a", b"b", b"c"]


async def test_another_owner_sends_what_is_left_again() -> None:
    """Its random id counts once."""
    async with running() as bench:
        bench.queue.add(b"a")
        await bench.until(lambda: bench.producer.sent == [b"a"])
        bench.ours = False
        await asyncio.sleep(0.05)
        bench.ours = True
        await bench.until(lambda: bench.producer.sent == [b"a", b"a"])
