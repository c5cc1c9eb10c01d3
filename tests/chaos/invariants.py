"""What must be true once all is quiet, from what was recorded and what the store holds. Violations are sentences."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from forestall.agents.cli.verification import processors_of
from forestall.agents.recorder import dump_journal
from forestall.agents.settings import Settings
from forestall.pipeline.core.effects import Record
from forestall.pipeline.queue.keys import IN_ORDER, QueueKeys
from forestall.pipeline.queue.queue import decode_work
from forestall.pipeline.queue.values import Work
from forestall.pipeline.sources.recording import Recording
from forestall.pipeline.store.connect import connect
from forestall.pipeline.store.keys import PartitionKeys
from forestall.pipeline.store.script import Client
from forestall.pipeline.store.snapshot import Snapshot
from forestall.pipeline.verification.emitted import Lane, sent
from forestall.pipeline.verification.verify import Verification, verify
from forestall.schemas.alert import Alert, decode_alert
from forestall.schemas.answer import decode_answers_record
from forestall.schemas.event import decode_event
from forestall.schemas.trees import FittedTrees
from tests.chaos.worker import STALE

#: Who reads these reads committed, and sees every number once; of the others repeats are known by their numbers.
ONCE = ("alerts", "decisions")
LIVE = {"ready", "claimed", "snoozed", "scheduled"}
ENDS = {"withdrawn", "expired", "resolved"}
DONE = b"forestall.action.done"


class Held(msgspec.Struct):
    """What the queue holds: by alert its work and its alert, by state the ids in its index, by sender its mark;
    and by partition how many commits of older assignments its state took."""

    works: dict[str, Work]
    alerts: dict[str, Alert]
    indexes: dict[str, set[str]]
    marks: dict[str, int]
    stale: dict[str, int]


def check(settings: Settings, folder: Path, lines: Path) -> tuple[dict[str, list[str]], Verification]:
    """Records everything into `folder`, and checks it: by invariant what violates it. `lines` are the events sent."""
    dump_journal(folder, settings)
    recording = Recording(folder)
    held = asyncio.run(_held(settings))

    def snapshot(processor: str, partition: int) -> Snapshot:
        found = recording.snapshot(processor, partition)
        assert found is not None
        return found

    verified = verify(recording, processors_of(settings), snapshot)
    tops = {
        f"foresee/{partition}": snapshot("foresee", partition).state.sequences.get("queue", 0)
        for partition in range(settings.partitions)
    }
    found = {
        "states and what was emitted are the replay's": _replayed(verified),
        "numbers are gapless, and once for read committed": _numbers(recording),
        "no commit of an older assignment is taken": _fenced(held),
        "every event sent is in the journal": _arrived(recording, lines),
        "every alert is in the queue once, in one state": _queue(recording, held, tops),
        "the journal was told what became of actions": _told(recording, held),
    }
    return {invariant: list(texts) for invariant, texts in found.items()}, verified


def fitted(folder: Path) -> int:
    """How many trees stand in the recorded answers."""
    recording = Recording(folder)
    answers = (decode_answers_record(record.value or b"") for record in _records(recording, "answers"))
    return sum(isinstance(one, FittedTrees) for one in answers)


def _replayed(verified: Verification) -> Iterator[str]:
    """States and all that was emitted are the replay's, byte by byte."""
    yield from verified.differences
    for one in verified.partitions:
        yield from (f"{one.processor}/{one.partition}: {text}" for text in one.differences)
        if one.ahead or one.gone:
            yield f"{one.processor}/{one.partition}: {one.ahead} records ahead of their cause, {one.gone} gone"


def _numbers(recording: Recording) -> Iterator[str]:
    """Sequence numbers are gapless in every lane, and once where readers may count on it."""
    for role in ("answers", "events", "deadletters", *ONCE):
        for recorded in recording.partitions(role):
            marks: Counter[Lane] = Counter()
            for lane, sequence, record in sent(recording, recorded):
                if sequence > marks[lane] + 1:
                    yield f"{lane}: {sequence} at {record.offset} follows {marks[lane]}"
                if sequence <= marks[lane] and role in ONCE:
                    yield f"{lane}: {sequence} at {record.offset} comes again, after {marks[lane]}"
                marks[lane] = max(marks[lane], sequence)


def _fenced(held: Held) -> Iterator[str]:
    """Who lost a partition writes nothing there any more."""
    for partition, count in held.stale.items():
        yield f"{partition}: {count} commits of older assignments were taken"


def _arrived(recording: Recording, lines: Path) -> Iterator[str]:
    """Every event that was sent is in the journal."""
    there = {decode_event(record.value or b"").id for record in _records(recording, "events")}
    missing = [line for line in lines.read_bytes().splitlines() if decode_event(line).id not in there]
    if missing:
        yield f"{len(missing)} events never arrived"


def _queue(recording: Recording, held: Held, tops: dict[str, int]) -> Iterator[str]:
    """Every alert is there once, in one state, and in that which its life allows."""
    latest: dict[str, Alert] = {}
    for record in _records(recording, "alerts"):
        alert = decode_alert(record.value or b"")
        latest[alert.id] = alert
    for sender, top in tops.items():
        if held.marks.get(sender, 0) != top:
            yield f"queue: holds {held.marks.get(sender, 0)} of {top} records of {sender}"
    if latest.keys() != held.works.keys():
        missing, foreign = latest.keys() - held.works.keys(), held.works.keys() - latest.keys()
        yield f"queue: {len(missing)} alerts are missing, {len(foreign)} are of nobody"
    if sum(map(len, held.indexes.values())) != len(held.works):
        counts = {state: len(ids) for state, ids in held.indexes.items()}
        yield f"queue: {len(held.works)} actions, and in the states {counts}"
    for name, work in held.works.items():
        states = [state for state, ids in held.indexes.items() if name in ids]
        if states != [work.state]:
            yield f"queue: {name} is {work.state}, and indexed as {states}"
        alert = latest.get(name)
        if alert is None:
            continue
        over = alert.state in ENDS
        if (over and work.state in LIVE) or (not over and work.state == "ended"):
            yield f"queue: {name} is {work.state}, its alert {alert.state}"
        if work.state in LIVE and _content(held.alerts[name]) != _content(alert):
            yield f"queue: {name} has not its latest alert"


def _told(recording: Recording, held: Held) -> Iterator[str]:
    """What the queue's workers did is in the journal."""
    told = {
        decode_event(record.value or b"").data.get("alert")
        for record in _records(recording, "events")
        if DONE in (record.value or b"")
    }
    untold = [name for name, work in held.works.items() if work.state == "done" and name not in told]
    if untold:
        yield f"queue: {len(untold)} actions are done and the journal was not told, {untold[0]} for one"


def _content(alert: Alert) -> Alert:
    """Without its number: the queue and the topic count each for itself."""
    return msgspec.structs.replace(alert, sequence=0)


def _records(recording: Recording, role: str) -> Iterator[Record]:
    for recorded in recording.partitions(role):
        yield from recording.records(recorded)


async def _held(settings: Settings) -> Held:
    redis = connect(settings.redis)
    keys = QueueKeys(settings.store_prefix)
    try:
        works = await redis.execute_command("HGETALL", keys.work)
        alerts = await redis.execute_command("HGETALL", keys.alerts)
        marks = await redis.execute_command("HGETALL", keys.marks)
        stale = await _stale(redis, settings)
        indexes = {
            state: {name.decode() for name in await redis.execute_command("ZRANGE", keys.state(state), 0, -1)}
            for state in IN_ORDER
        }
    finally:
        await redis.aclose()
    return Held(
        {name.decode(): decode_work(work) for name, work in works.items()},
        {name.decode(): decode_alert(alert) for name, alert in alerts.items()},
        indexes,
        {name.decode(): int(mark) for name, mark in marks.items()},
        stale,
    )


async def _stale(redis: Client, settings: Settings) -> dict[str, int]:
    found = {}
    for processor, count in (("foresee", settings.partitions), ("learn", settings.answers_partitions)):
        for partition in range(count):
            meta = PartitionKeys(settings.store_prefix, processor, partition).meta
            if stale := await redis.execute_command("HGET", meta, STALE):
                found[f"{processor}/{partition}"] = int(stale)
    return found
