"""Follows a topic of ours: alerts, decisions, dead letters."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from forestall.agents.kafka_clients import consumer
from forestall.agents.log_ends import ends_of, places_of
from forestall.agents.settings import Settings

T = TypeVar("T")


class Followed(NamedTuple, Generic[T]):
    """One record: where it stands, its broker's time (epoch ms), and what it says."""

    partition: int
    offset: int
    ms: int
    content: T


def follow(
    topic: str,
    decode: Callable[[bytes], T],
    settings: Settings,
    *,
    start: Literal["beginning", "now"] = "now",
    until_now: bool = False,
    idle: float | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Followed[T]]:
    """The committed records of `topic` from `start` on, as they come; close the iterator to stop.

    `until_now`: ends with what is there when it starts. `idle`: ends when nothing came for so many seconds.
    `stop` is asked a few times a second whether to end.
    """
    with consumer(settings, wait_ms=100) as client:
        places = places_of(client, topic)
        begins, ends = client.beginning_offsets(places), ends_of(client, places)
        for place in places:
            client.seek(place, begins[place] if start == "beginning" else ends[place])
        heard = time.monotonic()
        while not stop() and (not until_now or any(client.position(place) < ends[place] for place in places)):
            came = _content(client.poll(200), decode)
            yield from came
            heard = time.monotonic() if came else heard
            if idle is not None and time.monotonic() - heard > idle:
                return


def _content(polled: dict[Any, list[Any]], decode: Callable[[bytes], T]) -> list[Followed[T]]:
    return [
        Followed(record.partition, record.offset, record.timestamp, decode(record.value))
        for records in polled.values()
        for record in records
        if record.value is not None
    ]
