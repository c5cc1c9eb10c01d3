"""Records the logs: every topic's committed records as they stand now, into a folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kafka import TopicPartition

from forestall.agents.kafka_clients import consumer
from forestall.agents.live_state import live_snapshot
from forestall.agents.log_ends import ends_of, places_of, records_between
from forestall.agents.settings import Settings
from forestall.pipeline.errors import ConfigurationError
from forestall.pipeline.sources.recording import (
    MANIFEST,
    Manifest,
    RecordedPartition,
    RecordedState,
    write_manifest,
    write_records,
    write_snapshot,
)

#: Each processor, and the role of the topic that it reads.
PROCESSORS = {"foresee": "events", "learn": "answers"}


def dump_journal(
    folder: Path, settings: Settings, progress: Callable[[RecordedPartition], None] = lambda done: None
) -> Manifest:
    """Records the journal, answers, alerts, decisions, dead letters and configurations into `folder`, and the states.

    The folder must not hold a recording already. The states are read first, so that the logs reach beyond them.
    Then all ends are taken, the journal's last, so that what foresee emitted is there with what it emitted it from;
    notices may be ahead of the recorded answers, unless nothing is being processed. `progress` hears of each
    finished partition. Raises ConfigurationError or Unreachable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / MANIFEST).exists():
        raise ConfigurationError([f"{folder}: holds a recording already; name a new folder"])
    recorded: list[RecordedPartition] = []
    with consumer(settings) as client:
        counts = {
            role: len(places_of(client, getattr(settings.topics, role))) for role in PROCESSORS.values()
        }
        states = _record_states(folder, settings, counts)
        for role, place, begin, end in _spans(client, settings):
            file = f"{role}-{place.partition}.records.gz"
            count = write_records(folder / file, records_between(client, place, begin, end))
            recorded.append(
                RecordedPartition(
                    role=role,
                    topic=place.topic,
                    partition=place.partition,
                    begin=begin,
                    end=end,
                    records=count,
                    file=file,
                )
            )
            progress(recorded[-1])
    manifest = Manifest(
        prefix=settings.prefix,
        partitions=counts["events"],
        answers_partitions=counts["answers"],
        recorded=recorded,
        states=states,
    )
    write_manifest(folder, manifest)
    return manifest


def _record_states(folder: Path, settings: Settings, counts: Mapping[str, int]) -> list[RecordedState]:
    states = []
    for processor, role in PROCESSORS.items():
        for partition in range(counts[role]):
            snapshot = live_snapshot(settings, processor, partition)
            file = f"state-{processor}-{partition}.gz"
            write_snapshot(folder / file, snapshot)
            position = snapshot.state.position
            states.append(
                RecordedState(processor=processor, partition=partition, position=position, file=file)
            )
    return states


def _spans(client: Any, settings: Settings) -> list[tuple[str, TopicPartition, int, int]]:
    spans = []
    for role, topic in reversed(settings.topics._asdict().items()):
        places = places_of(client, topic)
        begins, ends = client.beginning_offsets(places), ends_of(client, places)
        spans += [(role, place, begins[place], ends[place]) for place in places]
    return spans
