"""Ticks: where something is due and nothing comes, a live partition's worker appends the time to its journal.

A partition is live when it has been read to its end, and what last moved its watermark was dated within ten
minutes of its own broker time. A replay of history is not live and gets no ticks.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from aiokafka import AIOKafkaProducer

from forestall.agents.chunk import Place
from forestall.pipeline.core.effects import Record
from forestall.schemas.event import TICK, Event, encode

#: How far event time may lie behind broker time where a partition is live, in ms.
LIVE = 600_000


class Clocked(Protocol):
    """What ticks need of a core."""

    def next_due(self) -> int | None:
        """The earliest due time, epoch ms."""

    def watermark(self) -> int:
        """Event time reached, epoch ms."""


class Ticker:
    """Watches one journal partition. `read_to_end` says whether nothing in the log waits to be read."""

    def __init__(
        self, core: Clocked, place: Place, read_to_end: Callable[[], bool], producer: AIOKafkaProducer
    ) -> None:
        self._core = core
        self._topic, self._partition = place
        self._read_to_end = read_to_end
        self._producer = producer
        self._watermark = core.watermark()
        self._live = False
        self._skew = 0

    def saw(self, records: Sequence[Record]) -> None:
        """These records were committed: did they move the watermark, and when did the broker take them?"""
        watermark = self._core.watermark()
        if records and watermark > self._watermark:
            self._watermark = watermark
            self._live = watermark >= records[-1].ms - LIVE

    async def tick(self) -> bool:
        """Appends a tick if one is called for; says whether it did."""
        now = round(time.time() * 1000) + self._skew
        due = self._core.next_due()
        if not self._live or due is None or due > now or not self._read_to_end():
            return False
        taken = await self._producer.send_and_wait(
            self._topic, encode(_event(now)), partition=self._partition, timestamp_ms=now
        )
        self._skew += taken.timestamp - now  # the broker's clock, where the broker stamps records
        return True


def _event(now: int) -> Event:
    moment = datetime.fromtimestamp(now / 1000, UTC)
    return Event(id=uuid.uuid4().hex, source="forestall/worker", type=TICK, time=moment, specversion="1.0")
