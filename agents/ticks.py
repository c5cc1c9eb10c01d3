"""Ticks: where something is due and nothing comes, a live partition's worker appends the time to its journal.

A partition is live when it has been read to its end, and what last moved its watermark was dated within ten
minutes of its own broker time. A replay of history is not live and gets no ticks.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from aiokafka import AIOKafkaProducer

from forestall.agents.chunk import Place
from forestall.agents.own_events import tick
from forestall.pipeline.core.effects import Record

#: How far event time may lie behind broker time where a partition is live, in ms.
LIVE = 600_000
SOURCE = "forestall/worker"


class Clocked(Protocol):
    """What ticks need of a core."""

    def next_due(self) -> int | None:
        """The earliest due time, epoch ms."""

    def behind(self) -> int | None:
        """By how many ms what moved the watermark last was dated before its broker time; None: nothing has."""


class Ticker:
    """Watches one journal partition during one assignment.

    `read_to_end` says whether nothing in the log waits to be read.
    """

    def __init__(
        self, core: Clocked, place: Place, read_to_end: Callable[[], bool], producer: AIOKafkaProducer
    ) -> None:
        self._core = core
        self._topic, self._partition = place
        self._read_to_end = read_to_end
        self._producer = producer
        self._skew = 0
        self._appended: int | None = None
        self._seen = -1

    def saw(self, records: Sequence[Record]) -> None:
        """These records were committed."""
        if records:
            self._seen = records[-1].offset
        if self._appended is not None and self._seen >= self._appended:
            self._appended = None

    async def tick(self) -> bool:
        """Appends a tick if one is called for; says whether it did."""
        now = round(time.time() * 1000) + self._skew
        due = self._core.next_due()
        if due is None or due > now or self._appended is not None or not self._read_to_end():
            return False
        behind = self._core.behind()
        if behind is None or behind > LIVE:
            return False
        value = tick(now, self._partition, SOURCE)
        taken = await self._producer.send_and_wait(
            self._topic, value, partition=self._partition, timestamp_ms=now
        )
        self._appended = taken.offset if taken.offset > self._seen else None  # it may come before its receipt
        self._skew += taken.timestamp - now  # the broker's clock, where the broker stamps records
        return True
