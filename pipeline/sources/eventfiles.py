"""Writes a file of events: one CloudEvents JSON object a line, gzipped, the same bytes every time."""

import gzip
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from forestall.schemas.event import encode


class Happened(NamedTuple):
    """An event before it is written. `at` is epoch seconds; a value of None in `data` is left out."""

    at: int
    id: str
    type: str
    customer: str
    subject: str
    data: Mapping[str, Any]


def write_events(path: Path, source: str, events: Iterable[Happened]) -> int:
    """Writes `events` in the order given and returns their number. `path` appears only when it is complete."""
    part = path.with_name(path.name + ".part")
    count = 0
    with part.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        for event in events:
            packed.write(encode(as_cloud_event(source, event)) + b"\n")
            count += 1
    part.replace(path)
    return count


def as_cloud_event(source: str, event: Happened) -> dict[str, Any]:
    """The event as a CloudEvents object, keys in a fixed order."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": source,
        "type": event.type,
        "time": datetime.fromtimestamp(event.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "subject": event.subject,
        "customer": event.customer,
        "data": {name: value for name, value in event.data.items() if value is not None},
    }
