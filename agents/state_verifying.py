"""Snapshots of every partition's live state, and their verification by replay from there."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kafka import TopicPartition

from forestall.agents.kafka_clients import consumer
from forestall.agents.live_state import live_reading
from forestall.agents.log_ends import ends_of, places_of, records_between
from forestall.agents.owned import Part
from forestall.agents.recorder import PROCESSORS
from forestall.agents.settings import Settings
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.errors import ConfigurationError, StateError
from forestall.pipeline.store.values import Reading
from forestall.pipeline.verification.since import StateCheck, check_reach, check_state
from forestall.pipeline.verification.state_file import (
    SUFFIX,
    Stand,
    StateFile,
    read_states,
    state_file,
    write_state,
)


def snapshot_states(folder: Path, settings: Settings) -> Iterator[Stand]:
    """Writes every partition's state into `folder`, which must not hold any yet, and says where each stood.

    Raises ConfigurationError or Unreachable.
    """
    if next(folder.glob(f"*{SUFFIX}"), None) is not None:
        raise ConfigurationError([f"{folder}: holds a snapshot already; name a new folder"])
    with consumer(settings) as client:
        counts = {
            name: len(places_of(client, getattr(settings.topics, role))) for name, role in PROCESSORS.items()
        }
    for processor, count in counts.items():
        for partition in range(count):
            reading = live_reading(settings, processor, partition)
            one = state_file(settings.prefix, processor, partition, reading)
            if one is not None:
                write_state(folder, one)
                yield one.stand


def verify_states(
    folder: Path,
    settings: Settings,
    parts: Sequence[Part],
    told: Callable[[StateCheck], None] = lambda check: None,
) -> list[StateCheck]:
    """Replays every partition of the snapshot in `folder` up to its live state, and compares.

    Workers may run. `told` hears of each partition. Raises ConfigurationError where there is no snapshot, or it is
    another installation's; StateError where a partition cannot be replayed from there.
    """
    checks = []
    by_name = {part.name: part for part in parts}
    with consumer(settings) as client:
        answers = len(places_of(client, settings.topics.answers))
        for snapshot in read_states(folder):
            stand = snapshot.stand
            if stand.prefix != settings.prefix:
                raise ConfigurationError(
                    [
                        f"{folder}: is a snapshot of the prefix {stand.prefix}; verify it with --prefix {stand.prefix}"
                    ]
                )
            part = by_name[stand.processor]
            core = part.core(stand.partition, answers)
            live = live_reading(settings, stand.processor, stand.partition)
            check_reach(stand, live)
            checks.append(_check(client, snapshot, live, core, TopicPartition(part.topic, stand.partition)))
            told(checks[-1])
    return checks


def _check(client: Any, snapshot: StateFile, live: Reading, core: Core, place: TopicPartition) -> StateCheck:
    since, position = snapshot.stand.position, live.held.position
    begin = client.beginning_offsets([place])[place]
    if begin > since and position > since:
        raise StateError(
            f"{place.topic}/{place.partition}: the log begins at {begin}, the snapshot stands at {since}: what lies "
            "between is gone. Take snapshots more often than retention_days"
        )
    end = ends_of(client, [place])[place]
    records = records_between(client, place, since, position)
    return check_state(
        snapshot, live, core, place.topic, records, records_between(client, place, position, end)
    )
