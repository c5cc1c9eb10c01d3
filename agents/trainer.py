"""The trainer: reads answers, and sends back trees fitted to them. `python -m forestall.agents.trainer` runs it alone.

Trainers share the answers' partitions as a consumer group. None keeps anything but in memory: whoever gets a partition
reads its log from the beginning, finds there the trees that were fitted before, and goes on; the supervisor starts
again who dies. What counts is in the log, once, in one place, for learn and for every replay.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import msgspec
from kafka import TopicPartition

from forestall.agents.exits import CLEAN, RESTART, code_of
from forestall.agents.kafka_clients import consumer, producer
from forestall.agents.settings import Settings
from forestall.agents.settings_sources import load_settings
from forestall.agents.supervisor import SUPERVISOR
from forestall.pipeline.errors import ForestallError
from forestall.pipeline.training.fitting import load_lightgbm
from forestall.pipeline.training.trainer import Trainer
from forestall.schemas.answer import Answer, decode_answers_record
from forestall.schemas.event import encode
from forestall.schemas.trees import FittedTrees

log = logging.getLogger(__name__)

#: A record is acknowledged within so many seconds, or the trainer starts anew.
SENT_WITHIN = 30.0


class Following:
    """One partition: what its log has told, and up to where. Before it is read to where it ended when we got it,
    nothing is fitted: what is due may be in the log already."""

    def __init__(self, end: int) -> None:
        self.position = 0
        self._end = end
        self._trainer = Trainer()

    def take(self, offset: int, value: bytes | None) -> list[FittedTrees]:
        """One record; returns the trees that are due with it. One that was read before does nothing."""
        if offset < self.position:
            return []
        self.position = offset + 1
        try:
            record = decode_answers_record(value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return []  # learn makes a dead letter of it
        if isinstance(record, Answer):
            self._trainer.answered(record, offset)
        elif isinstance(record, FittedTrees):
            self._trainer.fitted(record)
        return self.reached(self.position)

    def reached(self, position: int) -> list[FittedTrees]:
        """The log is read up to here, where nothing but markers may stand; returns the trees that are due."""
        self.position = max(self.position, position)
        return list(self._trainer.due()) if self.position >= self._end else []


class Training:
    """All partitions that are ours. `stop` is asked a few times a second whether to end."""

    def __init__(self, settings: Settings, stop: Callable[[], bool]) -> None:
        self._settings = settings
        self._stop = stop
        self._following: dict[TopicPartition, Following] = {}

    def run(self) -> None:
        """Follows the answers until it is told to end. Raises Unreachable, ConfigurationError."""
        load_lightgbm()
        settings = self._settings
        group = settings.group("trainer")
        with producer(settings) as sending, consumer(settings, wait_ms=200, group=group) as client:
            client.subscribe([settings.topics.answers])
            while not self._stop():
                polled = client.poll(200)
                if client.assignment() != self._following.keys():
                    self._assigned(client)  # what was polled comes again
                    continue
                for place, records in polled.items():
                    for record in records:
                        self._send(sending, place, self._following[place].take(record.offset, record.value))
                for place, following in self._following.items():
                    self._send(sending, place, following.reached(client.position(place) or 0))

    def _assigned(self, client: Any) -> None:
        """Partitions that are new are read from the beginning, the others from where we were."""
        places = sorted(client.assignment())
        ends = client.end_offsets(places)
        self._following = {place: self._following.get(place) or Following(ends[place]) for place in places}
        for place, following in self._following.items():
            if following.position:
                client.seek(place, following.position)
            else:
                client.seek_to_beginning(place)
        log.info("follows %d partitions of %s", len(places), self._settings.topics.answers)

    def _send(self, sending: Any, place: TopicPartition, due: Sequence[FittedTrees]) -> None:
        for trees in due:
            sent = sending.send(
                place.topic, encode(trees), key=trees.problem.encode(), partition=place.partition
            )
            sent.get(SENT_WITHIN)
            log.info(
                "%s: trees fitted to %d of %d answers, %d bytes",
                trees.problem,
                trees.rows,
                trees.answers,
                len(trees.forest),
            )


def run(settings: Settings) -> int:
    """Trains until it is told to end, or its supervisor is gone; returns the exit code."""
    ending: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        ending.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    parent = int(os.environ.get(SUPERVISOR, os.getppid()))
    try:
        Training(settings, lambda: bool(ending) or os.getppid() != parent).run()
    except ForestallError as error:
        log.error("%s: %s", type(error).__name__, error)  # noqa: TRY400 - the message says what to do
        return code_of(error)
    except Exception:
        log.exception("the trainer ends")
        return RESTART
    return CLEAN


def main() -> int:
    """Reads the settings from file and environment."""
    try:
        settings = load_settings()
    except ForestallError as error:
        sys.stderr.write(f"{error}\n")
        return code_of(error)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    logging.getLogger("kafka").setLevel(logging.WARNING)
    return run(settings)


if __name__ == "__main__":
    sys.exit(main())
