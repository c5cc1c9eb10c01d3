"""A simulated Kafka: its logs, its clock, its transactional senders, and what may befall a request."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, ProducerFenced

from forestall.agents.chunk import Place
from tests.simulation.faults import Faults
from tests.simulation.log import OPEN, Log, Sent
from tests.simulation.loop import SimulatedLoop
from tests.simulation.promises import answer, refuse

#: Wall clocks run so much faster than the loop's time: horizons of a minute pass in seconds.
SPEED = 10
#: A client gives up a request after so long; an abandoned transaction is aborted after so long.
REQUEST_TIMEOUT = 1.5
ABANDONED = 2.5

T = TypeVar("T")


class Broker:
    """All topics. Requests come through `request`, which delays, loses and repeats them."""

    def __init__(self, loop: SimulatedLoop, faults: Faults, topics: dict[str, int], start_ms: int) -> None:
        self.loop, self.faults, self.chance = loop, faults, loop.random
        self.start_ms = start_ms
        self.topics = topics
        self.logs: dict[Place, Log] = {
            (topic, number): Log() for topic, partitions in topics.items() for number in range(partitions)
        }
        self.down_until = 0.0
        self.identities: dict[str, Identity] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def wall(self) -> int:
        """The broker's clock, epoch ms."""
        return self.start_ms + round(self.loop.time() * 1000 * SPEED)

    def append(self, place: Place, records: Sequence[Sent]) -> int:
        """Appends a batch at once; the offset of the first."""
        log, ms = self.logs[place], self.wall()
        first = len(log.entries)
        for sent in records:
            log.append(ms, sent)
        self.changed()
        return first

    def changed(self) -> None:
        """Wakes who waits for new records."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            answer(future, None)

    async def news(self, seconds: float) -> None:
        """Waits until something is appended somewhere, at most so long."""
        future = self.loop.create_future()
        self._waiting.append(future)
        self.loop.at(seconds, answer, future, None)
        await future
        await asyncio.sleep(self.chance.random() * 0.03)

    async def request(self, action: Callable[[], T], writes: bool = True) -> T:
        """Carries `action` out on the broker, some time after it is asked, whatever becomes of who asked."""
        future: asyncio.Future[T] = self.loop.create_future()
        faults, chance, at = self.faults, self.chance, self.loop.at
        there = 0.002 + chance.random() * 0.02 + max(0.0, self.down_until - self.loop.time())
        if faults.strikes("slow call", chance):
            there += chance.random() * 2
        if writes and faults.strikes("refused write", chance):
            at(REQUEST_TIMEOUT, refuse, future, KafkaConnectionError("not written"))
        elif writes and faults.strikes("late write", chance):
            at(REQUEST_TIMEOUT + chance.random() * 2, _try, action)
            at(REQUEST_TIMEOUT, refuse, future, KafkaTimeoutError("written later"))
        elif writes and faults.strikes("lost acknowledgement", chance):
            at(there, _try, action)
            at(there + REQUEST_TIMEOUT, refuse, future, KafkaTimeoutError("written"))
        elif writes and faults.strikes("written twice", chance):
            at(there, _try, action)
            at(there + chance.random(), self._carry_out, future, action)
        else:
            at(there, self._carry_out, future, action)
        return await future

    def _carry_out(self, future: asyncio.Future[T], action: Callable[[], T]) -> None:
        try:
            result = action()
        except Exception as error:
            refuse(future, error)
            return
        if self.chance.random() < 0.7:
            answer(future, result)
        else:
            self.loop.at(self.chance.random() * 0.02, answer, future, result)


class Identity:
    """A transactional sender as the broker knows it: its epoch, its open transaction, its marks."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.epoch = 0
        self.marks: dict[Place, int] = {}
        self._pending: dict[Place, int] = {}
        self._places: set[Place] = set()
        self._ended = 0

    def start(self) -> int:
        """Fences earlier connections and ends their transaction."""
        self.epoch += 1
        self._end(False)
        return self.epoch

    def add(self, epoch: int, place: Place, records: Sequence[Sent]) -> None:
        """Appends a batch that counts only once the transaction is committed."""
        self._begin(epoch)
        log, ms = self.broker.logs[place], self.broker.wall()
        log.open.setdefault(self, []).extend([log.append(ms, sent, OPEN) for sent in records])
        self._places.add(place)

    def mark(self, epoch: int, marks: dict[Place, int]) -> None:
        """Marks that count only once the transaction is committed."""
        self._begin(epoch)
        self._pending.update(marks)

    def commit(self, epoch: int) -> None:
        """Ends the transaction; its records and marks count."""
        self._check(epoch)
        self._end(True)

    def abort(self, epoch: int) -> None:
        """Ends the transaction; nothing of it counts."""
        self._check(epoch)
        self._end(False)

    def _check(self, epoch: int) -> None:
        if epoch != self.epoch:
            raise ProducerFenced

    def _begin(self, epoch: int) -> None:
        self._check(epoch)
        if not self._places and not self._pending:
            self.broker.loop.at(ABANDONED, self._abandon, self._ended)

    def _abandon(self, ended: int) -> None:
        if ended == self._ended:
            self.start()  # as the broker does: who comes back late is fenced

    def _end(self, committed: bool) -> None:
        self._ended += 1
        for place in sorted(self._places):
            self.broker.logs[place].end_transaction(self, self.broker.wall(), committed)
        if committed:
            self.marks.update(self._pending)
        self._places.clear()
        self._pending.clear()
        self.broker.changed()


def _try(action: Callable[[], Any]) -> None:
    try:
        action()
    except Exception:  # nobody is there to hear it
        return
