"""What processors emitted, as the logs recorded it, against what a replay emits: number by number, byte by byte."""

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from forestall.pipeline.core.effects import ALERTS, DEAD_LETTERS, LEDGER, NOTICES, QUEUE, Effect, Record
from forestall.pipeline.sources.recording import RecordedPartition, Recording
from forestall.pipeline.store.snapshot import Snapshot
from forestall.schemas.event import MODEL_NOTICE

#: The topic's role, for destinations that are a topic's; answers and notices see `lanes_of`.
ROLES = {ALERTS: "alerts", LEDGER: "decisions", DEAD_LETTERS: "deadletters"}
#: Of so many differences of a destination it is told which fields differ: each look reads the log again.
LOOKS = 5
_NOTICE = b'"' + MODEL_NOTICE.encode() + b'"'


class _Numbered(msgspec.Struct):
    sender: str | None = None
    sequence: int = 0


class _Notice(msgspec.Struct):
    data: _Numbered


_decode = msgspec.json.Decoder(_Numbered).decode
_decode_notice = msgspec.json.Decoder(_Notice).decode


class Lane(NamedTuple):
    """Where a sender's records of one destination lie: a partition of a topic."""

    role: str
    partition: int
    sender: str


class Emitted:
    """What was recorded, by lane and number: a digest each. Of repeats the first counts; `differing` are numbers
    that were sent again with other bytes."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.differing: list[tuple[Lane, int]] = []
        self.repeats = 0
        self._digests: dict[Lane, dict[int, bytes]] = {}
        self.counts = {
            role: len(recording.partitions(role)) for role in ("answers", "events", *ROLES.values())
        }
        for role in self.counts:
            for recorded in recording.partitions(role):
                for lane, sequence, record in sent(recording, recorded):
                    self._take(lane, sequence, record)

    def lanes_of(self, destination: str, sender: str) -> list[Lane]:
        """Where a destination's records lie; nowhere for the queue, and in every journal partition for notices."""
        if destination == NOTICES:
            return [Lane("events", partition, sender) for partition in range(self.counts["events"])]
        if destination == QUEUE:
            return []
        kind, _, number = destination.partition("/")
        if kind == "answers":
            return [Lane(kind, int(number), sender)]
        role = ROLES[destination]
        return [Lane(role, int(sender.rpartition("/")[2]) % self.counts[role], sender)]

    def of(self, lane: Lane) -> dict[int, bytes]:
        """The digests of a lane by number."""
        return self._digests.get(lane, {})

    def begin(self, lane: Lane) -> int:
        """The first offset that the log still had."""
        return next(
            one.begin for one in self.recording.partitions(lane.role) if one.partition == lane.partition
        )

    def find(self, lane: Lane, sequence: int) -> bytes:
        """The recorded payload, for a closer look."""
        recorded = self.recording.partitions(lane.role)[lane.partition]
        found = (
            record.value for *place, record in sent(self.recording, recorded) if place == [lane, sequence]
        )
        return next(found, b"") or b""

    def _take(self, lane: Lane, sequence: int, record: Record) -> None:
        digests = self._digests.setdefault(lane, {})
        digest = digest_of(record.key, record.value)
        if digests.setdefault(sequence, digest) is digest:
            return
        self.repeats += 1
        if digests[sequence] != digest:
            self.differing.append((lane, sequence))


def digest_of(key: bytes | None, value: bytes | None) -> bytes:
    """Equal for equal records."""
    return blake2b(b"%s\0%s" % (key or b"", value or b""), digest_size=12).digest()


def sent(recording: Recording, recorded: RecordedPartition) -> Iterator[tuple[Lane, int, Record]]:
    """The records of a partition that a processor sent."""
    for record in recording.records(recorded):
        numbered = _numbered(recorded.role, record)
        if numbered is not None and numbered.sender and numbered.sequence:
            yield Lane(recorded.role, recorded.partition, numbered.sender), numbered.sequence, record


def _numbered(role: str, record: Record) -> _Numbered | None:
    """Who sent it, under which number; None for what no processor sent."""
    value = record.value or b""
    try:
        if role != "events":
            return _decode(value)
        return _decode_notice(value).data if record.key is None and _NOTICE in value else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class Comparison:
    """One destination of one sender: the replay's effects are `take`n in order, then `finish`."""

    def __init__(
        self,
        emitted: Emitted,
        destination: str,
        sender: str,
        snapshot: Snapshot,
        differs: Callable[[str], None],
    ) -> None:
        self.compared = self.waiting = self.ahead = self.gone = 0
        self._emitted, self._differs = emitted, differs
        self._name = f"{destination} of {sender}"
        self._lanes = emitted.lanes_of(destination, sender)
        self._top = snapshot.state.sequences.get(destination, 0)
        self._outbox = {
            one.sequence: digest_of(one.key, one.payload) for one in snapshot.waiting.get(destination, [])
        }
        self._last = self._looked = 0

    def take(self, effect: Effect) -> None:
        """One effect of the replay; it must be on its topic, or wait in the outbox."""
        self._last = effect.sequence
        digest = digest_of(effect.key, effect.payload)
        waits = self._outbox.get(effect.sequence)
        if waits is not None:
            self.waiting += 1
            if waits != digest:
                self._differs(f"{self._name}: number {effect.sequence} waits in the outbox with other bytes")
        for lane in self._lanes:
            recorded = self._emitted.of(lane).get(effect.sequence)
            if recorded is not None:
                self.compared += 1
                if recorded != digest:
                    self._differs(self._closer(lane, effect))
            elif waits is None and effect.sequence <= self._top:
                self._missing(lane, effect.sequence)

    def finish(self) -> None:
        """What was recorded and not emitted by the replay: legal only beyond what the recorded logs lead to."""
        for lane in self._lanes:
            extra = [number for number in self._emitted.of(lane) if number > self._last]
            self.ahead += len(extra)
            for number in [n for n in extra if n <= self._top]:
                self._differs(f"{self._name}: number {number} was recorded, and the replay does not emit it")

    def _missing(self, lane: Lane, sequence: int) -> None:
        """Retention takes from the beginning; anything else that is missing is a loss."""
        first = min(self._emitted.of(lane), default=sequence + 1)
        if sequence < first and self._emitted.begin(lane) > 0:
            self.gone += 1
        else:
            place = f"{lane.role}/{lane.partition}"
            self._differs(f"{self._name}: number {sequence} is neither in {place} nor in the outbox")

    def _closer(self, lane: Lane, effect: Effect) -> str:
        self._looked += 1
        if self._looked > LOOKS:
            return f"{self._name}: number {effect.sequence} differs"
        recorded = self._emitted.find(lane, effect.sequence)
        fields = differing_fields(recorded, effect.payload)
        return f"{self._name}: number {effect.sequence} differs: {fields}"


def differing_fields(recorded: bytes, replayed: bytes) -> str:
    """Which fields of two JSON objects differ, with a little of what they are."""
    try:
        one, other = msgspec.json.decode(recorded), msgspec.json.decode(replayed)
        names = [n for n in {**one, **other} if one.get(n) != other.get(n)]
    except (msgspec.MsgspecError, AttributeError, TypeError):
        return f"recorded {recorded[:80]!r}, replayed {replayed[:80]!r}"
    return (
        "; ".join(f"{n}: recorded {one.get(n)!r:.80}, replayed {other.get(n)!r:.80}" for n in names[:5])
        or "its key"
    )
