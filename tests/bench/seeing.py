"""When an alert can be seen: as an action that is ready in the queue, and on its topic. Threads that look."""

import threading
import time
from collections.abc import Iterable

import msgspec
import redis

from forestall.agents.kafka_clients import consumer
from forestall.agents.log_ends import places_of
from forestall.agents.settings import Settings
from forestall.pipeline.queue.keys import QueueKeys
from forestall.pipeline.queue.values import Work
from forestall.schemas.alert import decode_alert

#: The queue keeps when an action became ready for as long as it is ready; so often new ones are looked for, in s.
#: (To look costs, where thousands are ready and nobody claims them, as much as the queue itself.)
LOOKS = 1.0

_decode = msgspec.msgpack.Decoder(Work).decode


class Seen:
    """A thread that looks until `ended` is set. `at`: by subject, when it was first to be seen (epoch s)."""

    def __init__(self, settings: Settings, ended: threading.Event) -> None:
        self.at: dict[str, float] = {}
        self._settings = settings
        self._ended = ended
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Seen":
        self._thread.start()
        assert self._begun.wait(20), "it does not begin to look"
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join(20)

    def _look(self) -> None:
        raise NotImplementedError


class TopicSeen(Seen):
    """Alerts raised, as a consumer has them that reads committed."""

    def _look(self) -> None:
        with consumer(self._settings, wait_ms=200) as client:
            places = places_of(client, self._settings.topics.alerts)
            client.assign(places)
            for place, end in client.end_offsets(places).items():
                client.seek(place, end)
            self._begun.set()
            while not self._ended.is_set():
                for records in client.poll(200).values():
                    self._saw([record.value for record in records])

    def _saw(self, values: Iterable[bytes]) -> None:
        now = time.time()
        for alert in map(decode_alert, values):
            if alert.state == "raised" and alert.subject is not None:
                self.at.setdefault(alert.subject, now)


class QueueSeen(Seen):
    """Actions, by when they became ready (Redis' clock, the same machine's)."""

    def _look(self) -> None:
        keys = QueueKeys(self._settings.store_prefix)
        known: set[bytes] = set()
        with redis.Redis.from_url(self._settings.redis) as store:
            while True:
                ready = store.zrange(keys.state("ready"), 0, -1)
                new = [one for one in ready if one not in known]
                known.update(new)
                if self._begun.is_set() and new:
                    self._saw(packed for packed in store.hmget(keys.work, new) if packed)
                self._begun.set()
                if self._ended.wait(LOOKS):
                    return

    def _saw(self, values: Iterable[bytes]) -> None:
        for work in map(_decode, values):
            if work.since is not None and work.subject is not None:
                self.at.setdefault(work.subject, work.since / 1000)


def number_of(subject: str) -> int:
    """Which event of the stream it was."""
    return int(subject.removeprefix("o-"))
