"""The events of a run: a sample's, over and over, each time later and with other ids; and who sends them."""

import gzip
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any

import msgspec

from forestall.agents.replay import replay
from forestall.agents.settings import Settings
from forestall.pipeline.errors import Unreachable
from tests.scenarios.samples import SAMPLES

#: The first sample that is long enough for a run is taken, else the last: (sample, events).
LENGTHS = (("helpdesk", 21_000), ("incidents", 141_000))
#: So many events are sent as one replay; after a broker's failure these are sent again.
SLICE = 2_000


def sample_for(events: int) -> str:
    """The name of the sample that so many events are taken of."""
    return next((name for name, length in LENGTHS if length >= events), LENGTHS[-1][0])


def lines_of(sample: str) -> Iterator[bytes]:
    """Lines without end: the sample, then the sample again a whole span later, of the same customers."""
    with gzip.open(SAMPLES / f"{sample}.jsonl.gz") as file:
        lines = file.read().splitlines()
    times = [datetime.fromisoformat(msgspec.json.decode(line)["time"]) for line in (lines[0], lines[-1])]
    span = times[1] - times[0] + timedelta(days=1)
    yield from lines
    for round_ in count(1):
        for line in lines:
            yield _again(msgspec.json.decode(line), round_, span)


def _again(event: dict[str, Any], round_: int, span: timedelta) -> bytes:
    time = datetime.fromisoformat(event["time"]) + round_ * span
    changed = {"id": f"{event['id']}/{round_}", "time": time.isoformat()}
    if "subject" in event:
        changed["subject"] = f"{event['subject']}/{round_}"
    return msgspec.json.encode({**event, **changed})


class Feed:
    """Sends so many events at `rate` a second, whatever the broker does; `done` is set when all are there."""

    def __init__(self, folder: Path, sample: str, events: int, settings: Settings, rate: float) -> None:
        self.file = folder / "events.jsonl"
        self.done = threading.Event()
        lines = list(islice(lines_of(sample), events))
        self.file.write_bytes(b"".join(line + b"\n" for line in lines))
        self._slices = [lines[start : start + SLICE] for start in range(0, events, SLICE)]
        self._part = folder / "slice.jsonl"
        self._settings, self._rate = settings, rate

    def start(self) -> None:
        """Begins to send, in a thread of its own."""
        threading.Thread(target=self._send, daemon=True).start()

    def _send(self) -> None:
        for lines in self._slices:
            self._part.write_bytes(b"".join(line + b"\n" for line in lines))
            rate: float | None = self._rate
            while True:
                try:
                    replay(self._part, self._settings, rate=rate)
                    break
                except Unreachable:  # replaying a whole file again is safe, and quick where it was there
                    rate = None
        self.done.set()
