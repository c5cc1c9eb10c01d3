"""Replays a file of events into the journal: keyed by customer, paced, and ended with a tick everywhere."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from kafka.errors import KafkaTimeoutError
from kafka.partitioner import murmur2

from forestall.agents.kafka_clients import producer
from forestall.agents.lag import Lag
from forestall.agents.own_events import tick
from forestall.agents.pacing import Pace, Schedule
from forestall.agents.settings import Settings
from forestall.pipeline.errors import Unreachable
from forestall.pipeline.sources.event_file import EventFile
from forestall.pipeline.sources.event_line import read_line

SOURCE = "forestall/replay"
#: The journal refuses events dated later than this after their arrival; they do not count as the file's end.
_AHEAD_MS = 300_000
_REPORT_EVERY = 500


class Progress(NamedTuple):
    """How far a replay is: events sent, the share of the file that was read, what was last seen waiting."""

    sent: int
    fraction: float
    outstanding: Lag


class Replayed(NamedTuple):
    """What a replay did. `malformed` lines were sent as they are, for the journal to dead-letter; lines
    `too_large` for the journal were not sent, these are their numbers. `last_ms` is the latest event's time
    (epoch ms), at which every partition was ticked; None if no line was an event, and no tick was sent."""

    sent: int
    malformed: int
    too_large: list[int]
    last_ms: int | None
    seconds: float


def replay(
    file: Path,
    settings: Settings,
    *,
    rate: float | None = None,
    speed: float | None = None,
    lag: Callable[[], Lag] | None = None,
    patience: float = 120.0,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Replayed:
    """Sends every line of `file` (.jsonl or .jsonl.gz) to the journal, acknowledged by all replicas.

    `rate`: events a second. `speed`: seconds of event time a second. `lag` (see `lag_meter`) makes it wait for
    the processors as the settings' `outstanding_events` and `outstanding_answers` say; without it, it does not.
    Raises ConfigurationError for the file, Unreachable for Kafka, ReplayStalled if nothing is processed for
    `patience` seconds.
    """
    bounds = settings.outstanding_events, settings.outstanding_answers
    pace = None if lag is None else Pace(lag, *bounds, patience=patience)
    with producer(settings) as client, EventFile(file, settings.max_event_bytes) as lines:
        run = _Run(client, settings, Schedule(rate, speed), pace, lines, progress)
        for line in lines:
            run.take(line.number, line.text)
        return run.finish()


class _Run:
    """One replay on its way."""

    def __init__(
        self,
        client: Any,
        settings: Settings,
        schedule: Schedule,
        pace: Pace | None,
        lines: EventFile,
        progress: Callable[[Progress], None],
    ) -> None:
        self._client, self._topic = client, settings.topics.events
        self._partitions = partitions_of(client, self._topic)
        self._schedule, self._pace = schedule, pace
        self._lines, self._progress = lines, progress
        self._failures: list[BaseException] = []
        self._sent = self._malformed = 0
        self._too_large: list[int] = []
        self._last_ms: int | None = None
        self._started = time.monotonic()
        self._horizon = int(time.time() * 1000) + _AHEAD_MS

    def take(self, number: int, text: bytes | None) -> None:
        """Sends one line when it is due."""
        if text is None:
            self._too_large.append(number)
            return
        read = read_line(text)
        plausible = read.ms if read.ms is not None and read.ms <= self._horizon else None
        self._schedule.wait(plausible)
        partition = murmur2(read.key or text) % 0x80000000 % self._partitions
        self._send(text, read.key, partition)
        self._sent += 1
        self._malformed += not read.well_formed
        if plausible is not None:
            self._last_ms = max(plausible, self._last_ms or plausible)
        if self._sent % _REPORT_EVERY == 0:
            self._report()
        if self._pace is not None and self._sent % self._pace.every == 0:
            self._flush()
            self._pace.keep(self._report)

    def finish(self) -> Replayed:
        """Waits for the acknowledgements and ticks every partition."""
        self._flush()
        if self._last_ms is not None:
            for partition in range(self._partitions):
                self._send(tick(self._last_ms, partition, SOURCE), None, partition)
            self._flush()
        self._report()
        seconds = time.monotonic() - self._started
        return Replayed(self._sent, self._malformed, self._too_large, self._last_ms, seconds)

    def _send(self, value: bytes, key: bytes | None, partition: int) -> None:
        self._client.send(self._topic, value, key, partition=partition).add_errback(self._failures.append)
        if self._failures:
            self._raise()

    def _flush(self) -> None:
        self._client.flush(120)
        if self._failures:
            self._raise()

    def _raise(self) -> None:
        raise Unreachable(
            f"the journal did not take an event ({self._failures[0]}) after {self._sent} were sent: see that the "
            "topics are as `forestall topics apply` wants them; replaying the whole file again is safe"
        )

    def _report(self) -> None:
        outstanding = Lag(0, 0) if self._pace is None else self._pace.last
        self._progress(Progress(self._sent, self._lines.fraction, outstanding))


def partitions_of(client: Any, topic: str) -> int:
    """How many partitions a producer sees; raises Unreachable with the remedy if there is no such topic."""
    try:
        return len(client.partitions_for(topic))
    except KafkaTimeoutError as error:
        raise Unreachable(f"there is no topic {topic}: run `forestall topics apply`") from error
