"""The configuration as events: a version is its offset in the catalogue topic; every partition gets a copy.

The copies go to the journal (as `forestall.catalogue` events) and to the answers topic (as they are). A
partition ignores a version at or below its own, so sending a copy again is harmless, and whoever finds a
partition behind completes it.
"""

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from forestall.agents.kafka_clients import consumer, producer
from forestall.agents.log_ends import ends_of, places_of
from forestall.agents.own_events import answers_copy, journal_copy
from forestall.agents.replay import partitions_of
from forestall.agents.settings import Settings
from forestall.pipeline.errors import StateError
from forestall.schemas.catalogue import CatalogueFile, Configuration
from forestall.schemas.event import encode

#: What stands in the catalogue topic itself, where the offset is the version.
_BY_OFFSET = -1

#: A partition of the journal ("events") or of the answers topic ("answers").
Copy = tuple[Literal["events", "answers"], int]


class Applied(NamedTuple):
    """What applying did: the version that is in force now, whether it is new, and how many copies were sent."""

    configuration: Configuration
    changed: bool
    copies: int


def current_configuration(settings: Settings) -> Configuration | None:
    """The latest version; None if none was ever applied."""
    with consumer(settings) as client:
        return _latest(client, settings.topics.catalogue)


def apply_configuration(files: Sequence[CatalogueFile], salt: str | None, settings: Settings) -> Applied:
    """Makes `files` the configuration and copies it to every partition; check the files before.

    Without a `salt` the present one stays, and the first version gets a random one: another salt draws the
    holdout anew. The same files and salt again make no new version, but send the copies again.
    """
    current = current_configuration(settings)
    salt = salt or (current.salt if current else secrets.token_hex(16))
    wanted = Configuration(version=_BY_OFFSET, files=list(files), salt=salt)
    changed = current is None or msgspec.structs.replace(current, version=_BY_OFFSET) != wanted
    with producer(settings) as client:
        if current is None or changed:
            appended = client.send(settings.topics.catalogue, encode(wanted), partition=0).get(30)
            current = msgspec.structs.replace(wanted, version=appended.offset)
        copies = _every_place(client, settings)
        _send_copies(client, current, copies, settings)
    return Applied(current, changed, len(copies))


def complete_copies(held: Mapping[Copy, int], settings: Settings) -> list[Copy]:
    """Sends the current configuration to those places of `held` (place -> its version, -1 for none) that are
    behind it; returns them."""
    current = current_configuration(settings)
    if current is None:
        return []
    behind = [place for place, version in held.items() if version < current.version]
    if behind:
        with producer(settings) as client:
            _send_copies(client, current, behind, settings)
    return behind


def _latest(client: Any, topic: str) -> Configuration | None:
    [place] = places_of(client, topic)
    end = ends_of(client, [place])[place]
    if end == 0:
        return None
    client.seek(place, end - 1)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for record in client.poll(500).get(place, ()):
            version = msgspec.json.decode(record.value, type=Configuration)
            return msgspec.structs.replace(version, version=record.offset)
    raise StateError(f"{topic} ends at {end}, but its last record cannot be read; look into the broker's log")


def _every_place(client: Any, settings: Settings) -> list[Copy]:
    events = partitions_of(client, settings.topics.events)
    answers = partitions_of(client, settings.topics.answers)
    return [("events", p) for p in range(events)] + [("answers", p) for p in range(answers)]


def _send_copies(
    client: Any, configuration: Configuration, places: Iterable[Copy], settings: Settings
) -> None:
    now = int(time.time() * 1000)
    values = {"events": journal_copy(configuration, now), "answers": answers_copy(configuration)}
    sent = [
        client.send(getattr(settings.topics, role), values[role], partition=partition)
        for role, partition in places
    ]
    client.flush(60)
    for future in sent:
        future.get(0)
