"""The journal events that Forestall itself writes from its edges: ticks, and copies of the configuration."""

import uuid
from datetime import UTC, datetime

import msgspec

from forestall.schemas.catalogue import Configuration
from forestall.schemas.event import CATALOGUE, TICK, Event, encode


def tick(ms: int, partition: int, source: str) -> bytes:
    """A tick: event time in this partition is at least `ms` (epoch milliseconds). It has no key."""
    identity = f"tick:{ms}:{partition}:{uuid.uuid4().hex}"
    return encode(Event(id=identity, source=source, type=TICK, time=moment(ms), specversion="1.0"))


def journal_copy(configuration: Configuration, ms: int) -> bytes:
    """The configuration as it enters a journal partition, at `ms` (epoch milliseconds). It has no key."""
    return encode(
        Event(
            id=f"catalogue:{configuration.version}",
            source="forestall/catalogue",
            type=CATALOGUE,
            time=moment(ms),
            specversion="1.0",
            data=msgspec.to_builtins(configuration),
        )
    )


def answers_copy(configuration: Configuration) -> bytes:
    """The configuration as it enters an answers partition. It has no key."""
    return encode(configuration)


def moment(ms: int) -> datetime:
    """Epoch milliseconds as a time with UTC offset; exact."""
    seconds, rest = divmod(ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)
