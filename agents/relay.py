"""Delivers a partition's outbox: for each destination a lane, in sequence, from the receiver's mark.

A record may be delivered more than once (a crash between delivery and mark) but never out of order and never
not at all; receivers take mark + 1, ignore lower, and stop on higher. Where delivery and mark are one transaction
(agents/transactions.py) it is delivered once.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress

from aiokafka.errors import KafkaError

from forestall.agents.fresh import Fresh
from forestall.agents.marks import Marks
from forestall.agents.receivers import Receiver
from forestall.pipeline.errors import SequenceGap
from forestall.pipeline.store.interface import Store
from forestall.pipeline.store.values import OutboxRecord

log = logging.getLogger(__name__)

BATCH = 500
#: So many of the records that were committed last a lane keeps: as many as a large chunk has for it.
FRESH = 2_000
#: A failed round is tried again after so many seconds, doubling; after that the process ends.
RETRIES = (0.2, 0.5, 1.0, 2.0, 4.0)
#: How often an idle lane looks after its mark and trims.
IDLE = 2.0


class Lane:
    """One destination. `source` names its outbox; `name` its sent mark: several lanes may share an outbox.

    `delivered` is told how many records were. `pause` is how many seconds a lane waits after a delivery of less than a
    batch: what comes meanwhile goes with the next.
    """

    def __init__(
        self,
        store: Store,
        marks: Marks,
        source: str,
        name: str,
        receiver: Receiver,
        delivered: Callable[[int], None],
        pause: float = 0.0,
    ) -> None:
        self.source = source
        self.name = name
        self._store = store
        self._marks = marks
        self._receiver = receiver
        self._delivered = delivered
        self._pause = pause
        self._fresh = Fresh(FRESH)
        self._sent = 0
        self._top = 0
        self._emptied = False
        self._held: deque[tuple[float, int]] = deque()
        self._settled = 0
        self._work = asyncio.Event()

    def wake(self, records: Sequence[OutboxRecord]) -> None:
        """These were committed to the outbox."""
        self._top = records[-1].sequence
        self._fresh.add(records)
        self._work.set()

    def waiting(self) -> int:
        """How many records are known to wait."""
        return max(0, self._top - self._sent)

    def settled(self, before: float) -> int:
        """The last sequence that the receiver has held since before that moment of the loop's clock."""
        while self._held and self._held[0][0] <= before:
            self._settled = self._held.popleft()[1]
        return self._settled

    async def holds(self, sequence: int) -> bool:
        """Whether the receiver, asked now, holds everything up to that number, as far as it knows itself."""
        mark = await self._receiver.mark()
        return mark is None or mark >= sequence

    async def run(self) -> None:
        """Delivers until cancelled. Raises SequenceGap, or the last error when retries are used up."""
        failures, stands = 0, False
        while True:
            try:
                if not stands:
                    await self._resume()
                    stands = True
                await self._round()
                failures = 0
            except SequenceGap:
                if not await self._fell_back() and not await self._went_ahead():
                    raise
            except KafkaError as error:
                if failures == len(RETRIES):
                    raise
                log.warning("relay to %s: %s; trying again", self.name, type(error).__name__)
                await asyncio.sleep(RETRIES[failures])
                failures, stands = failures + 1, False

    async def close(self) -> None:
        """Lets the receiver go."""
        await self._receiver.close()

    async def _round(self) -> None:
        self._work.clear()
        records = await self._next()
        if not records:
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE):  # wait_for may swallow the cancelling that ends us
                    await self._work.wait()
                return
            await self._fell_back()
            return
        if records[0].sequence != self._sent + 1:
            raise SequenceGap(
                f"the outbox for {self.name} goes on at {records[0].sequence}, but the receiver holds "
                f"{self._sent}: what lies between was trimmed and is lost there. Rebuild the receiver from "
                "the state (`forestall queue rebuild`), or restore its shard"
            )
        last = await self._receiver.deliver(records)
        self._marks.note(self.name, last)
        self._delivered(last - self._sent)
        self._sent = last
        self._held.append((asyncio.get_running_loop().time(), last))
        if self._pause and len(records) < BATCH and last == records[-1].sequence:
            await asyncio.sleep(self._pause)

    async def _next(self) -> Sequence[OutboxRecord]:
        """The next records: those that were committed a moment ago, or else those that the store has, which is asked
        for no more than we know of and, at first, for what was left to us."""
        if self._emptied and self._sent >= self._top:
            return ()
        if fresh := self._fresh.after(self._sent, BATCH):
            return fresh
        records = await self._store.outbox(self.source, self._sent, BATCH)
        self._emptied = self._emptied or not records
        return records

    async def _resume(self) -> None:
        """The receiver's own mark counts; where it keeps none, what was recorded as acknowledged."""
        mark = await self._receiver.mark()
        self._sent = (await self._store.sent()).get(self.name, 0) if mark is None else mark
        self._emptied = False
        self._held.append((asyncio.get_running_loop().time(), self._sent))

    async def _fell_back(self) -> bool:
        """Whether the receiver's shard was rolled back; then it gets again what it lost."""
        mark = await self._receiver.mark()
        if mark is None or mark >= self._sent:
            return False
        log.warning("relay to %s: the receiver fell back from %d to %d", self.name, self._sent, mark)
        self._sent, self._emptied = mark, False  # the outbox may be asked again for what was there before us
        self._held.clear()
        return True

    async def _went_ahead(self) -> bool:
        """Whether another owner has delivered beyond us: a session may run out without a word to its worker."""
        before = self._sent
        await self._resume()
        return self._sent > before


class Relay:
    """All lanes of one partition, as tasks, and their marks. `failed` is told of what ends a lane."""

    def __init__(
        self,
        store: Store,
        marks: Marks,
        lanes: Sequence[Lane],
        keep: float,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._store = store
        self._marks = marks
        self._lanes = lanes
        self._keep = keep
        self._failed = failed
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to deliver, first what an earlier owner left."""
        self._tasks = [asyncio.create_task(self._guarded(lane.run)) for lane in self._lanes]
        self._tasks += [asyncio.create_task(self._guarded(work)) for work in (self._marks.keep, self._trim)]

    async def stop(self) -> None:
        """Ends at once; the next owner goes on from the marks."""
        pending = self._tasks
        while pending:  # again, where a client's own waiting has swallowed it
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=0.5)
            pending = [task for task in pending if not task.done()]
        await asyncio.gather(self._marks.end(), *(lane.close() for lane in self._lanes))

    def wake(self, outboxes: Mapping[str, Sequence[OutboxRecord]]) -> None:
        """These were committed, by destination."""
        for lane in self._lanes:
            if records := outboxes.get(lane.source):
                lane.wake(records)

    def waiting(self) -> dict[str, int]:
        """By kind of destination, how many records are known to wait; of lanes that share an outbox the most."""
        outboxes: dict[str, int] = {}
        for lane in self._lanes:
            outboxes[lane.source] = max(outboxes.get(lane.source, 0), lane.waiting())
        kinds: Counter[str] = Counter()
        for source, waiting in outboxes.items():
            kinds[source.partition("/")[0]] += waiting
        return dict(kinds)

    def backlog(self) -> int:
        """How many records the slowest lane has waiting."""
        return max((lane.waiting() for lane in self._lanes), default=0)

    async def _guarded(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._failed(error)

    async def _trim(self) -> None:
        """Drops what every receiver has held for a while: a receiver may roll back by a second or so."""
        trimmed: dict[str, int] = {}
        while True:
            await asyncio.sleep(max(self._keep / 2, 0.1))
            before = asyncio.get_running_loop().time() - self._keep
            sent = await self._store.sent()
            for source in dict.fromkeys(lane.source for lane in self._lanes):
                lanes = [lane for lane in self._lanes if lane.source == source]
                through = min(lane.settled(before) for lane in lanes)
                known = min(trimmed.get(source, 0), *(sent.get(lane.name, 0) for lane in lanes))
                if through > known and await self._still_held(lanes, through):
                    # Said again: a store that fell back forgot, and who comes next asks it.
                    await self._store.trim(source, through, [lane.name for lane in lanes])
                    trimmed[source] = through

    async def _still_held(self, lanes: Sequence[Lane], through: int) -> bool:
        """Whether no receiver has fallen back behind that number meanwhile; if one has, its lane will see it."""
        try:
            return all([await lane.holds(through) for lane in lanes])
        except KafkaError:
            return False
