"""Cores that count, which honour the cores' protocol and nothing more: the machinery's tests stand on them.

`CountingCore` over the journal counts records by key, and for each emits an alert, a decision and an answer; over the
answers it counts what it takes of each sender by mark, and emits a notice every so often.
"""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from forestall.pipeline.core.effects import (
    ALERTS,
    DEAD_LETTERS,
    LEDGER,
    NOTICES,
    Changes,
    Effect,
    Progress,
    Record,
    answers_to,
)
from forestall.pipeline.errors import SequenceGap
from forestall.schemas.deadletter import DeadLetter
from forestall.schemas.event import encode

HEAD = "p/head"
#: A value on which the core itself raises.
POISON = b'"poison"'
NOTICE_EVERY = 50


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What one core tells another: who, which number, and about which key."""

    sender: str
    sequence: int
    key: str
    count: int


class Head(msgspec.Struct, kw_only=True):
    """The partition's own state."""

    watermark: int = 0
    sequences: dict[str, int] = {}
    marks: dict[str, int] = {}
    taken: int = 0


class CountingCore:
    """See the module. Documents: `p/head`, and `c/<key>`: the count as text."""

    def __init__(self, processor: str, partition: int, answers_partitions: int) -> None:
        self.processor = processor
        self.partition = partition
        self.answers_partitions = answers_partitions
        self.sender = f"{processor}/{partition}"
        self.forget()

    def run(self, records: Sequence[Record], start: int, budget: int) -> Progress:
        if self.head is None:
            return Progress(start, frozenset({HEAD}), False)
        missing = {key(record) for record in records[start:]} - self.counts.keys()
        if missing:
            return Progress(start, frozenset(missing), False)
        for at in range(start, len(records)):
            if len(self.changed) >= budget:
                return Progress(at, frozenset(), False)
            self._apply(records[at])
        return Progress(len(records), frozenset(), False)

    def admit(self, documents: Mapping[str, bytes | None]) -> None:
        for name, document in documents.items():
            if name == HEAD:
                self.head = Head() if document is None else msgspec.json.decode(document, type=Head)
            else:
                self.counts[name] = int(document or 0)

    def admit_due(self, window: Sequence[tuple[int, str]], complete: bool) -> None:
        raise AssertionError("nothing is ever due here")

    def take_changes(self) -> Changes:
        documents: dict[str, bytes | None] = {name: b"%d" % self.counts[name] for name in self.changed}
        documents[HEAD] = encode(self.head)
        return Changes(documents, {}, list(self.effects), Counter())

    def committed(self, cache_limit: int) -> None:
        self.changed.clear()
        self.effects.clear()
        for name in list(self.counts)[: max(0, len(self.counts) - cache_limit)]:
            del self.counts[name]

    def forget(self) -> None:
        self.head: Any = None
        self.counts: dict[str, int] = {}
        self.changed: set[str] = set()
        self.effects: list[Effect] = []

    def reject(self, record: Record, topic: str, detail: str) -> None:
        letter = DeadLetter(
            sender=self.sender,
            sequence=self._next(DEAD_LETTERS),
            topic=topic,
            partition=self.partition,
            offset=record.offset,
            timestamp=record.ms,
            cause="core_failure",
            detail=detail,
            key=record.key,
            value=record.value,
        )
        self.effects.append(Effect(DEAD_LETTERS, letter.sequence, record.key, encode(letter)))

    def next_due(self) -> int | None:
        return None

    def cached(self) -> int:
        return 0

    def event_types(self) -> Sequence[str]:
        return ()

    def configured(self) -> None:
        return None

    def outdated(self) -> None:
        return None

    def watermark(self) -> int:
        return self.head.watermark if self.head is not None else 0

    def behind(self) -> None:
        return None

    def _apply(self, record: Record) -> None:
        if record.value == POISON:
            raise ValueError("poison")
        self.head.watermark = max(self.head.watermark, record.ms)
        if self.processor == "foresee" and record.key is not None:
            self._count(key(record))
            self._emit(ALERTS, record.key)
            self._emit(LEDGER, record.key)
            self._emit(answers_to(zlib.crc32(record.key) % self.answers_partitions), record.key)
        else:
            self._take(msgspec.json.decode(record.value or b"", type=Sent), record)

    def _take(self, sent: Sent, record: Record) -> None:
        mark = self.head.marks.get(sent.sender, 0)
        if sent.sequence > mark + 1:
            raise SequenceGap(f"{self.sender} got {sent.sequence} of {sent.sender}, holds {mark}")
        if sent.sequence <= mark:
            return
        self.head.marks[sent.sender] = sent.sequence
        self.head.taken += 1
        self._count(key(record))
        if self.processor == "learn" and self.head.taken % NOTICE_EVERY == 0:
            self._emit(NOTICES, None)

    def _count(self, name: str) -> None:
        self.counts[name] += 1
        self.changed.add(name)

    def _emit(self, destination: str, about: bytes | None) -> None:
        number = self._next(destination)
        name = (about or b"").decode()
        sent = Sent(sender=self.sender, sequence=number, key=name, count=self.counts.get(f"c/{name}", 0))
        self.effects.append(Effect(destination, number, about, encode(sent)))

    def _next(self, destination: str) -> int:
        number: int = self.head.sequences.get(destination, 0) + 1
        self.head.sequences[destination] = number
        return number


def key(record: Record) -> str:
    """The document of a record."""
    return f"c/{(record.key or b'').decode()}"
