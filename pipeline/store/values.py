"""What goes into a store and what comes out of it, as frozen values."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec


class Held(NamedTuple):
    """Where a partition stands: next `position` (0 if new), last `commit`'s id, holder's `epoch`."""

    position: int
    commit: str | None
    epoch: str | None


class OutboxRecord(NamedTuple):
    """One record that waits in an outbox; `sequence` is gapless from 1, `key` the Kafka key."""

    sequence: int
    key: bytes | None
    payload: bytes


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a partition, written whole or not at all.

    It applies only where the state stands at `start` with `expected_commit`, as the writer last saw them:
    both, because a bounded step moves the state and leaves the position (`start == end`). `commit_id` is
    random and new. A document (bytes) or due time (epoch ms) of None is deleted. `outboxes` are the new effects by
    destination, gapless among themselves (groups.by_destination).
    """

    epoch: str
    start: int
    end: int
    commit_id: str
    expected_commit: str | None
    documents: Mapping[str, bytes | None] = {}
    due: Mapping[str, int | None] = {}
    outboxes: Mapping[str, Sequence[OutboxRecord]] = {}


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a newer core took a state over: what lies before `position` it did not compute, so that a replay with it
    starts there. `commit` was the last of the earlier core, of state version `version` with the kernels
    `fingerprint`; `by` is the state version of the newer one."""

    position: int
    commit: str
    version: int
    fingerprint: str
    by: int


class StoredState(NamedTuple):
    """A partition's whole state, sorted by key; `sequences` has the last number of every destination.

    Epoch and commit id are left out: they are random, and two equal histories differ in them.
    """

    position: int
    documents: dict[str, bytes]
    due: dict[str, int]
    sequences: dict[str, int]

    def digest(self) -> str:
        """SHA-256 (hex) of the whole; equal if and only if the states are equal, byte for byte."""
        digest = hashlib.sha256(b"%d" % self.position)
        for table in (self.documents, self.due, self.sequences):
            digest.update(b"|%d" % len(table))
            for key, value in table.items():
                name = key.encode()
                content = value if isinstance(value, bytes) else b"%d" % value
                digest.update(b"|%d:%d|" % (len(name), len(content)) + name + content)
        return digest.hexdigest()


class Reading(NamedTuple):
    """A whole partition at one moment; `origin` where a newer core has ever taken it over."""

    held: Held
    state: StoredState
    origin: Origin | None
