"""A core over a recorded log, in sequence and in memory, with commits as a worker makes them."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from forestall.pipeline.core.effects import Changes, Record
from forestall.pipeline.core.head import HEAD
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.errors import ForestallError
from forestall.pipeline.raised import words_of
from forestall.pipeline.store.groups import by_destination
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.values import Commit, StoredState


class Limits(NamedTuple):
    """`chunk`: records read at once; `budget`: changed customers a commit; `window`: due times loaded at once, more
    than the budget; `cached`: customers kept in memory. The result depends on none of them."""

    chunk: int = 400
    budget: int = 2_000
    window: int = 20_000
    cached: int = 50_000


LIMITS = Limits()


class Replay:
    """One partition's core, over a store in memory: new, or with the state of `since`. `committed` hears of the
    changes of every commit."""

    def __init__(
        self,
        core: Core,
        topic: str,
        committed: Callable[[Changes], None] = lambda changes: None,
        limits: Limits = LIMITS,
        since: StoredState | None = None,
    ) -> None:
        self.core = core
        self.records = 0
        self.store = MemoryStore() if since is None else MemoryStore.holding(since)
        self._topic, self._told, self._limits = topic, committed, limits
        self._commits = 0

    async def run(self, records: Iterable[Record], end: int) -> None:
        """Applies the records; the state then stands at `end`."""
        if not self._commits:
            await self.store.acquire("replay")
        remaining = iter(records)
        while some := list(islice(remaining, self._limits.chunk)):
            await self._apply(some)
            self.records += len(some)
        if end > (await self.store.held()).position:
            await self._run((), self._limits.budget)
            await self._commit(end)

    async def reach(self, state: StoredState, record: Record) -> StoredState:
        """The state that comes nearest to `state` within the step to `record`, where a bounded step may have ended.

        Fires what is due one customer at a time until the head is that of `state`, or the record would be applied;
        and as long as the head stays so (what is due at the watermark may change nothing else), until all is equal.
        """
        head = state.documents.get(HEAD)
        while (await self.store.load([HEAD]))[HEAD] != head:
            if await self._fire_one(record):
                return await self.dump()
        nearest = found = await self.dump()
        while found != state and found.documents.get(HEAD) == head:
            if await self._fire_one(record):
                break
            found = await self.dump()
        return found if found == state else nearest

    async def dump(self) -> StoredState:
        """The state now."""
        return await self.store.dump()

    async def _apply(self, records: Sequence[Record]) -> None:
        try:
            await self._run(records, self._limits.budget)
        except _CoreRaised:
            self.core.forget()
            for record in records:
                if record.offset >= (await self.store.held()).position:
                    await self._apply_alone(record)

    async def _apply_alone(self, record: Record) -> None:
        try:
            await self._run([record], self._limits.budget)
        except _CoreRaised as raised:
            self.core.forget()
            await self._run((), self._limits.budget)
            self.core.reject(record, self._topic, words_of(raised.__cause__))
            await self._commit(record.offset + 1)

    async def _run(self, records: Sequence[Record], budget: int) -> None:
        done = 0
        while True:
            done, whole = await self._step(records, done, budget)
            if not whole:
                continue
            if done == len(records):
                break
            held = (await self.store.held()).position
            await self._commit(max(held, records[done - 1].offset + 1) if done else held)
        if records:
            await self._commit(records[-1].offset + 1)

    async def _fire_one(self, record: Record) -> bool:
        """One step of what is due before the record; True if there is no more, and the record's turn has come."""
        records = [record]
        done, whole = 0, False
        while not whole:
            done, whole = await self._step(records, done, 1)
        if done:
            self.core.forget()
            return True
        await self._commit((await self.store.held()).position)
        return False

    async def _step(self, records: Sequence[Record], done: int, budget: int) -> tuple[int, bool]:
        """How many records are applied now; and whether it ended there, rather than to have something loaded."""
        try:
            progress = self.core.run(records, done, budget)
        except ForestallError:
            raise
        except Exception as error:
            raise _CoreRaised from error
        if progress.missing:
            self.core.admit(await self.store.load(sorted(progress.missing)))
        if progress.due_missing:
            self.core.admit_due(*await self.store.due(self._limits.window))
        return progress.consumed, not (progress.missing or progress.due_missing)

    async def _commit(self, end: int) -> None:
        changes = self.core.take_changes()
        held = await self.store.held()
        self._commits += 1
        await self.store.commit(
            Commit(
                epoch="replay",
                start=held.position,
                end=end,
                commit_id=str(self._commits),
                expected_commit=held.commit,
                documents=changes.documents,
                due=changes.due,
                outboxes=by_destination(changes.effects),
            )
        )
        self._told(changes)
        for effect in changes.effects:
            await self.store.trim(effect.destination, effect.sequence)
        self.core.committed(self._limits.cached)


class _CoreRaised(Exception):
    """The core itself raised; the cause says what."""
