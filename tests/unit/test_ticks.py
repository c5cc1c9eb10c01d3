"""Ticks: only where a partition is live, something is due, and nothing comes."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from forestall.agents import ticks
from forestall.agents.own_events import tick
from forestall.agents.ticks import Ticker
from forestall.pipeline.core.effects import Record
from forestall.schemas.event import TICK, decode_event

NOW = 1_700_000_000_000


class Core:
    """What ticks ask of a core, as the test sets it."""

    def __init__(self) -> None:
        self.due: int | None = NOW - 1
        self.reached = 0

    def next_due(self) -> int | None:
        """See Clocked."""
        return self.due

    def watermark(self) -> int:
        """See Clocked."""
        return self.reached


class Broker:
    """A producer whose broker stamps records by a clock `ahead` of ours."""

    def __init__(self, ahead: int = 0) -> None:
        self.sent: list[Any] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self._ahead = ahead

    async def send_and_wait(self, topic: str, value: bytes, *, partition: int, timestamp_ms: int) -> Any:
        """See AIOKafkaProducer."""
        self.sent.append((topic, partition, decode_event(value)))
        self.meanwhile()
        return SimpleNamespace(offset=100, timestamp=NOW + self._ahead)


class Bench:
    """A ticker with its surroundings."""

    def __init__(self, ahead: int = 0) -> None:
        self.core, self.broker, self.at_end = Core(), Broker(ahead), True
        self.tail: list[Record] = []
        self.while_reading: Callable[[], None] = lambda: None
        self.ticker = self.take_over()

    def take_over(self) -> Ticker:
        """The ticker of a new owner, who has seen no event."""
        broker: Any = self.broker
        return Ticker(self.core, ("events", 3), lambda: self.at_end, self._tail, broker)

    async def _tail(self, count: int) -> list[Record]:
        tail = self.tail[-count:]
        self.while_reading()
        return tail

    def event(self, behind: int, offset: int = 1) -> None:
        """An event was committed that moved the watermark, dated `behind` ms before its broker time."""
        self.core.reached += 1
        self.core.reached = max(self.core.reached, NOW - behind)
        self.ticker.saw([Record(offset, NOW, b"k", b"")])


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticks, "time", SimpleNamespace(time=lambda: NOW / 1000))


async def test_a_live_partition_where_something_is_due_gets_a_tick() -> None:
    """Of the partition's own, dated now."""
    bench = Bench()
    bench.event(behind=1_000)
    assert await bench.ticker.tick()
    ((topic, partition, event),) = bench.broker.sent
    assert (topic, partition, event.type) == ("events", 3, TICK)
    assert round(event.time.timestamp() * 1000) == NOW


@pytest.mark.parametrize("why", ["history", "behind", "nothing due", "not yet due", "nothing seen"])
async def test_otherwise_there_is_none(why: str) -> None:
    """A replay of history, a backlog, and calm need no ticks."""
    bench = Bench()
    if why != "nothing seen":
        bench.event(behind=86_400_000 if why == "history" else 1_000)
    bench.at_end = why != "behind"
    bench.core.due = {"nothing due": None, "not yet due": NOW + 1}.get(why, NOW - 1)
    assert not await bench.ticker.tick()
    assert bench.broker.sent == []


async def test_there_is_no_second_tick_before_the_first_was_read() -> None:
    """What the log's end is known to be may be older than the tick."""
    bench = Bench()
    bench.event(behind=1_000)
    assert await bench.ticker.tick()
    assert not await bench.ticker.tick()
    bench.event(behind=0, offset=100)
    assert await bench.ticker.tick()


async def test_a_tick_that_is_read_before_its_receipt_comes_holds_up_no_other() -> None:
    """An acknowledgement may be slow, or be lost and asked for again."""
    bench = Bench()
    bench.event(behind=1_000)
    bench.broker.meanwhile = lambda: bench.event(behind=0, offset=100)
    assert await bench.ticker.tick()
    assert await bench.ticker.tick()


async def test_the_brokers_clock_counts() -> None:
    """A worker whose clock is behind learns the difference from its first tick."""
    bench = Bench(ahead=5_000)
    bench.event(behind=1_000)
    assert await bench.ticker.tick()
    bench.event(behind=0, offset=100)
    bench.core.due = NOW + 4_000
    assert await bench.ticker.tick()


@pytest.mark.parametrize(("dated", "live"), [(NOW - 60_000, True), (NOW - 86_400_000, False)])
async def test_a_new_owner_learns_from_the_log_whether_the_partition_is_live(dated: int, live: bool) -> None:
    """The record that brought the watermark where it stands says so, whatever came after it."""
    bench = Bench()
    bench.core.reached = dated
    broken = Record(7, NOW, b"k", b"not json")
    bench.tail = [Record(6, NOW, None, tick(dated, 3, "test")), broken]
    assert await bench.take_over().tick() is live


async def test_what_comes_while_a_new_owner_reads_the_log_counts_more() -> None:
    """The log as it was read says nothing of an event that has moved the watermark since: it may be the last."""
    bench = Bench()
    bench.while_reading = lambda: bench.event(behind=1_000)
    assert await bench.ticker.tick()
