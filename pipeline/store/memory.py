"""The store's twin in plain dictionaries, for simulations, backtests and tests."""

import heapq
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TypeVar

from forestall.pipeline.errors import StaleEpoch, StalePosition
from forestall.pipeline.store.groups import gap
from forestall.pipeline.store.values import Commit, Held, Origin, OutboxRecord, Reading, StoredState

Value = TypeVar("Value")


class MemoryStore:
    """Behaves as PartitionStore does; one object is one partition, shared by all who write to it."""

    def __init__(self) -> None:
        self._held = Held(0, None, None)
        self._origin: Origin | None = None
        self._documents: dict[str, bytes] = {}
        self._due: dict[str, int] = {}
        self._tops: dict[str, int] = {}
        self._sent: dict[str, int] = {}
        self._outboxes: dict[str, dict[int, OutboxRecord]] = {}

    @classmethod
    def holding(cls, state: StoredState) -> "MemoryStore":
        """A store that stands where the state does, with nothing in its outboxes."""
        store = cls()
        store._held = Held(state.position, "stored", None)
        store._documents, store._due = dict(state.documents), dict(state.due)
        store._tops = dict(state.sequences)
        return store

    async def acquire(self, token: str) -> Held:
        """See Store."""
        self._held = self._held._replace(epoch=token)
        return self._held

    async def held(self) -> Held:
        """See Store."""
        return self._held

    async def load(self, keys: Sequence[str], at: str | None = None) -> dict[str, bytes | None]:
        """See Store."""
        self._stands(at)
        return {key: self._documents.get(key) for key in keys}

    async def due(self, limit: int, at: str | None = None) -> tuple[list[tuple[int, str]], bool]:
        """See Store."""
        self._stands(at)
        window = heapq.nsmallest(limit, ((ms, key) for key, ms in self._due.items()))
        return window, len(self._due) <= limit

    def _stands(self, at: str | None) -> None:
        position, held, _ = self._held
        if at is not None and at != (held or ""):
            raise StalePosition(position, held or "")

    async def commit(self, commit: Commit) -> None:
        """See Store."""
        position, held, epoch = self._held
        if epoch != commit.epoch:
            raise StaleEpoch(epoch or "")
        if held == commit.commit_id:
            return
        if (position, held) != (commit.start, commit.expected_commit):
            raise StalePosition(position, held or "")
        for destination, records in commit.outboxes.items():
            top = self._tops.get(destination, 0)
            if records[0].sequence != top + 1:
                raise gap(destination, top, records[0].sequence)
        self._write(commit)

    def _write(self, commit: Commit) -> None:
        for key, document in commit.documents.items():
            _put(self._documents, key, document)
        for key, ms in commit.due.items():
            _put(self._due, key, ms)
        for destination, records in commit.outboxes.items():
            outbox = self._outboxes.setdefault(destination, {})
            outbox.update((record.sequence, record) for record in records)
            self._tops[destination] = records[-1].sequence
        self._held = Held(commit.end, commit.commit_id, commit.epoch)

    async def destinations(self) -> list[str]:
        """See Store."""
        return sorted(self._tops)

    async def outbox(self, destination: str, after: int, limit: int) -> list[OutboxRecord]:
        """See Store."""
        records = self._outboxes.get(destination, {}).values()  # in order: they came so
        return list(islice((record for record in records if record.sequence > after), limit))

    async def outbox_length(self, destination: str) -> int:
        """See Store."""
        return len(self._outboxes.get(destination, {}))

    async def trim(self, destination: str, through: int, holders: Sequence[str] = ()) -> None:
        """See Store."""
        await self.record_sent(dict.fromkeys(holders, through))
        outbox = self._outboxes.get(destination, {})
        for sequence in [number for number in outbox if number <= through]:
            del outbox[sequence]

    async def sent(self) -> dict[str, int]:
        """See Store."""
        return dict(self._sent)

    async def record_sent(self, marks: Mapping[str, int]) -> None:
        """See Store."""
        for destination, sequence in marks.items():
            if sequence > self._sent.get(destination, 0):
                self._sent[destination] = sequence

    async def origin(self) -> Origin | None:
        """See Store."""
        return self._origin

    async def record_origin(self, epoch: str, origin: Origin) -> None:
        """See Store."""
        position, held, holder = self._held
        if holder != epoch:
            raise StaleEpoch(holder or "")
        if (position, held or "") != (origin.position, origin.commit):
            raise StalePosition(position, held or "")
        self._origin = origin

    async def read(self) -> Reading:
        """See Store."""
        held, documents = self._held, _ordered(self._documents)
        state = StoredState(held.position, documents, _ordered(self._due), _ordered(self._tops))
        return Reading(held, state, self._origin)

    async def dump(self) -> StoredState:
        """See Store."""
        return (await self.read()).state


def _put(table: dict[str, Value], key: str, value: Value | None) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def _ordered(table: dict[str, Value]) -> dict[str, Value]:
    return dict(sorted(table.items()))
