"""Drives one partition of one processor: chunks in, commits out. The crux of exactly once in effect.

    chunk ── stale? drop ── not where the state stands? seek ── run, load, run on ── commit ── committed

Truth moves in the store's commit alone. What can go wrong, and what is done:

    the chunk is of an older assignment or seek     drop it; it is fetched again
    it does not start where the state stands        forget, seek there
    a read or commit is refused on position         forget, seek to the state's position
    refused on epoch, by a token of this process    drop the chunk: the newer assignment reads it; unless this is
                                                    the newest: then the store fell back, take it again
    refused on epoch, by another process            StaleEpoch ends this process, the supervisor rejoins; unless the
                                                    partition was taken from us in order: then drop the chunk
    the core raises                                 forget, one record at a time; dead-letter what raises again
    a gap, and the store stands elsewhere           it fell back while we read: forget, seek there
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from forestall.agents.chunk import Chunk, Chunked, Place
from forestall.pipeline.core.effects import Changes, Progress, Record
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.errors import ForestallError, StaleEpoch, StalePosition
from forestall.pipeline.raised import place_of, words_of
from forestall.pipeline.store.groups import by_destination
from forestall.pipeline.store.interface import Store
from forestall.pipeline.store.values import Commit, OutboxRecord

log = logging.getLogger(__name__)


class Seeker(Protocol):
    """What the processor needs of the consumer."""

    async def seek_held(self, held: Mapping[Place, int | None]) -> Mapping[Place, int]:
        """Seeks to the positions; None is the log's beginning."""


class Committed(NamedTuple):
    """What one commit did, for whoever listens: relay, metrics, breaker, ticks."""

    records: Sequence[Record]
    changes: Changes
    outboxes: Mapping[str, Sequence[OutboxRecord]]
    seconds: float


@dataclass(frozen=True)
class Limits:
    """`budget`: changed customers and due times a commit; `window`: due times loaded at once; `cached`: documents that
    a partition keeps in memory; `turn`: records computed before it is others' turn, None: a chunk's."""

    budget: int = 2_000
    window: int = 20_000
    cached: int = 50_000
    turn: int | None = None


class Processor:
    """One partition. `open` comes first at each assignment; then `process`, in the order of the log.

    `ours` are all tokens that this process ever took. `committed` hears of every commit, `refused` of every
    refusal ("epoch" or "position").
    """

    def __init__(
        self,
        core: Core,
        store: Store,
        place: Place,
        chunked: Chunked,
        seeker: Callable[[], Seeker],
        *,
        ours: set[str],
        committed: Callable[[Committed], Awaitable[None]],
        refused: Callable[[str], None] = lambda cause: None,
        limits: Limits | None = None,
    ) -> None:
        self.core = core
        self.store = store
        self.place = place
        self.position = 0
        self.commit: str | None = None
        self.token = ""
        self._chunked = chunked
        self._seeker = seeker
        self._ours = ours
        self._committed = committed
        self._refused = refused
        self._limits = limits or Limits()
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Takes the partition with a new epoch. The cache stays if the state is still the one we left."""
        async with self._lock:
            self.token = secrets.token_hex(16)
            self._ours.add(self.token)
            held = await self.store.acquire(self.token)
            if (held.position, held.commit) != (self.position, self.commit):
                self._stand_at(held.position, held.commit)
            while True:
                try:
                    await self._run((), 0)
                    break
                except StalePosition as stale:  # it fell back meanwhile
                    self._stand_at(stale.position, stale.commit or None)
            self._ask_for_chunks()

    def close(self) -> None:
        """The partition is no longer ours; its chunks are dropped when they come."""
        self._chunked.epochs.pop(self.place, None)
        self.token = ""

    async def held(self) -> int | None:
        """Where the state stands, asked of the store; None if it is new."""
        held = await self.store.held()
        return held.position if held.commit is not None else None

    async def process(self, chunk: Chunk) -> None:
        """Applies a chunk and commits. Raises what must end the process."""
        async with self._lock:
            if chunk.epoch != self._chunked.epochs.get(self.place):
                return
            try:
                if chunk.start == self._standing():
                    await self._apply(chunk)
                else:
                    log.info("%s: fetched from %d, stands at %d", self.place, chunk.start, self._standing())
                    await self._go_back(self.position, self.commit)
            except StalePosition as stale:
                log.warning("%s: refused: %s", self.place, stale)
                self._refused("position")
                await self._go_back(stale.position, stale.commit or None)
            except StaleEpoch as stale:
                self._refused("epoch")
                self.core.forget()
                if self.token and stale.holder not in self._ours:
                    raise
                if chunk.epoch == self._chunked.epochs.get(self.place):
                    await self._fell_back()  # to an earlier assignment of ours
            except ForestallError:  # may come of two states, read while the store fell back
                self.core.forget()
                if not await self._fell_back() and self.token:
                    raise
            except BaseException:
                self.core.forget()
                raise

    async def compare(self) -> None:
        """Asks whether the store still stands where we do (Redis may have lost its last second); else seeks."""
        async with self._lock:
            if self.place not in self._chunked.epochs:
                return
            await self._fell_back()

    async def still_ours(self) -> None:
        """Raises StaleEpoch if the store says that another process has the partition."""
        held = await self.store.held()
        if not self.token:
            raise asyncio.CancelledError  # it was taken from us in order, and whoever asks is being stopped
        if held.epoch not in self._ours:
            raise StaleEpoch(held.epoch or "")

    async def _fell_back(self) -> bool:
        """Whether the store no longer stands with us; then all is loaded anew, and read from where it stands.

        Raises StaleEpoch if another process holds the partition.
        """
        held = await self.store.held()
        if not self.token:  # taken from us while we asked: to acquire it now would throw its new owner out
            return False
        if held.epoch not in self._ours:
            raise StaleEpoch(held.epoch or "")
        if held.epoch != self.token:
            held = await self.store.acquire(self.token)
        elif (held.position, held.commit) == (self.position, self.commit):
            return False
        log.warning("%s: the store stands at %d, not %d", self.place, held.position, self.position)
        await self._go_back(held.position, held.commit)
        return True

    async def _apply(self, chunk: Chunk) -> None:
        try:
            await self._run(chunk.records, chunk.end)
        except _CoreRaised:
            self.core.forget()
            await self._run_singly(chunk)
        if self.core.next_due() is None:
            await self._run((), 0)  # ticks must know what is due, should nothing more come

    async def _run(self, records: Sequence[Record], end: int) -> None:
        """Runs all records, with as many commits as the budget makes of them; the last one at `end`."""
        applied: list[Record] = []
        count = max(len(records), 1)  # without records, what is due may still be lacking
        turn = self._limits.turn or count
        for start in range(0, count, turn):
            if start:
                await asyncio.sleep(0)  # others' turn
            applied = await self._run_turn(records[start : start + turn], applied)
        if end > self.position:
            await self._commit(applied, end)

    async def _run_turn(self, part: Sequence[Record], applied: list[Record]) -> list[Record]:
        """Runs the records that follow those `applied`; returns what then is applied and not committed."""
        done = 0
        while True:
            progress = self._step(part, done)
            applied += part[done : progress.consumed]
            done = progress.consumed
            if progress.missing or progress.due_missing:
                await self._load(progress)
            elif done == len(part):
                return applied
            else:  # the budget is used up
                at = applied[-1].offset + 1 if applied else 0
                await self._commit(applied, max(self._standing(), at))
                applied = []

    async def _load(self, progress: Progress) -> None:
        if progress.missing:
            self._admit(await self.store.load(sorted(progress.missing), self.commit or ""))
        if progress.due_missing:
            self.core.admit_due(*await self.store.due(self._limits.window, self.commit or ""))

    def _admit(self, documents: Mapping[str, bytes | None]) -> None:
        try:
            self.core.admit(documents)
        except ForestallError:
            raise
        except Exception as error:
            raise _CoreRaised from error

    def _step(self, records: Sequence[Record], start: int) -> Progress:
        try:
            return self.core.run(records, start, self._limits.budget)
        except ForestallError:
            raise
        except Exception as error:
            raise _CoreRaised from error

    async def _run_singly(self, chunk: Chunk) -> None:
        """After the core raised: each record alone, and the one that raises again becomes a dead letter."""
        for record in [record for record in chunk.records if record.offset >= self.position]:
            try:
                await self._run([record], record.offset + 1)
            except _CoreRaised as raised:
                self.core.forget()
                await self._reject(record, raised.__cause__)
        await self._run((), chunk.end)

    async def _reject(self, record: Record, error: BaseException | None) -> None:
        """Dead-letters one record. The log names type and line alone: messages may hold a customer's data."""
        kind, line = type(error).__name__, place_of(error)
        log.error("%s offset %d: the core raised %s at %s", self.place, record.offset, kind, line)
        await self._run((), self.position)
        self.core.reject(record, self.place[0], words_of(error))
        await self._commit([record], record.offset + 1)

    async def _commit(self, records: Sequence[Record], end: int) -> None:
        changes = self.core.take_changes()
        outboxes = by_destination(changes.effects)
        commit = Commit(
            epoch=self.token,
            start=self.position,
            end=end,
            commit_id=secrets.token_hex(8),
            expected_commit=self.commit,
            documents=changes.documents,
            due=changes.due,
            outboxes=outboxes,
        )
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self.store.commit(commit)
        self.position, self.commit = end, commit.commit_id
        self.core.committed(self._limits.cached)
        await self._committed(Committed(records, changes, outboxes, loop.time() - began))

    async def _go_back(self, position: int, commit: str | None) -> None:
        """Forgets what was not committed, drops what was fetched, and reads on from the state's position; unless the
        partition is taken from us."""
        self.core.forget()
        if self.token:  # else the label is another's: the partition may be back, with a processor of its own
            self._chunked.epochs.pop(self.place, None)
        while self.token:
            self._stand_at(position, commit)
            await self._seeker().seek_held({self.place: position if commit is not None else None})
            try:
                await self._run((), 0)
            except StalePosition as stale:  # it moved while we went back
                position, commit = stale.position, stale.commit or None
                continue
            if self.token:
                self._ask_for_chunks()
            return

    def _stand_at(self, position: int, commit: str | None) -> None:
        self.core.forget()
        self.position, self.commit = position, commit

    def _standing(self) -> int:
        """Where the next chunk must start: the state's position, or the log's beginning for a new state."""
        return self.position if self.commit is not None else self._chunked.beginnings.get(self.place, 0)

    def _ask_for_chunks(self) -> None:
        """From here on; what was fetched before carries another label."""
        self._chunked.epochs[self.place] = f"{self.token}/{secrets.token_hex(4)}"


class _CoreRaised(Exception):
    """The core itself raised; the cause says what."""
