"""Ticks: only where a partition is live, something is due, and nothing comes."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from forestall.agents import ticks
from forestall.agents.ticks import Ticker
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.core.head import CONFIGURATION, HEAD
from forestall.schemas.event import TICK, decode_event
from tests.builders.scene import Scene
from tests.unit.test_journal_rules import RETURN

NOW = 1_700_000_000_000


class Core:
    """What ticks ask of a core, as the test sets it."""

    def __init__(self) -> None:
        self.due: int | None = NOW - 1
        self.late: int | None = None

    def next_due(self) -> int | None:
        """See Clocked."""
        return self.due

    def behind(self) -> int | None:
        """See Clocked."""
        return self.late


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
        broker: Any = self.broker
        self.ticker = Ticker(self.core, ("events", 3), lambda: self.at_end, broker)

    def event(self, behind: int, offset: int = 1) -> None:
        """An event was committed that moved the watermark, dated `behind` ms before its broker time."""
        self.core.late = behind
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


def test_how_far_behind_a_partition_is_counts_from_what_moved_its_watermark() -> None:
    """A late event moves nothing; what is not dated in order says nothing of the stream."""
    scene = Scene(RETURN)
    assert scene.core.behind() is None
    scene.at("1d").event("order.placed", broker="1d2m")
    assert scene.core.behind() == 120_000
    scene.at("12h").event("order.placed", broker="1d3m")
    assert scene.core.behind() == 120_000
    scene.at("1d").after("1m").tick()
    assert scene.core.behind() == 0


def test_a_new_owner_knows_whether_the_partition_is_live() -> None:
    """However many records that move no time came since: it is in the state."""
    scene = Scene(RETURN)
    scene.at("1d").event("order.placed", broker="1d2m")
    head = scene.core.take_changes().documents[HEAD]
    successor = Foresee(0, answers_partitions=1)
    assert successor.behind() is None
    successor.admit({HEAD: head, CONFIGURATION: None})
    assert successor.behind() == 120_000
