"""The relay's lanes over a store in memory: in order, from the receiver's mark, never past a hole."""

import asyncio
from collections.abc import Sequence
from itertools import count

import pytest
from aiokafka.errors import KafkaConnectionError

from forestall.agents import marks as marks_module
from forestall.agents import relay as module
from forestall.agents.marks import Marks
from forestall.agents.relay import Lane, Relay
from forestall.pipeline.core.effects import Effect
from forestall.pipeline.errors import SequenceGap
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.values import Commit, OutboxRecord


class Receiver:
    """Keeps what it gets, at most two records a time; with `marks` it knows its own mark."""

    def __init__(self, *, marks: bool = False, failures: int = 0) -> None:
        self.got: list[int] = []
        self._marks = marks
        self._failures = failures

    async def mark(self) -> int | None:
        """See relay's Receiver."""
        return (self.got[-1] if self.got else 0) if self._marks else None

    async def deliver(self, records: Sequence[OutboxRecord]) -> int:
        """See relay's Receiver."""
        if self._failures:
            self._failures -= 1
            raise KafkaConnectionError
        if self._marks and records[0].sequence > (self.got[-1] if self.got else 0) + 1:
            raise SequenceGap("hole")
        self.got += [record.sequence for record in records[:2]]
        return self.got[-1]

    async def close(self) -> None:
        """See relay's Receiver."""
        self.closed = True


class Bench:
    """A store with effects for `alerts`, and a relay over it."""

    def __init__(self, *receivers: Receiver, keep: float = 0.0) -> None:
        self.store = MemoryStore()
        self.errors: list[BaseException] = []
        self._commit: str | None = None
        self._numbers = count(1)
        self._receivers, self._keep = receivers, keep
        self.take_over()

    def take_over(self) -> None:
        """Another owner's relay, which was told of nothing yet."""
        marks = Marks(self.store)
        self.lanes = [
            Lane(self.store, marks, "alerts", f"alerts/{n}", receiver, lambda delivered: None)
            for n, receiver in enumerate(self._receivers)
        ]
        self.relay = Relay(self.store, marks, self.lanes, self._keep, self.errors.append)

    async def emit(self, effects: int) -> None:
        """Commits so many effects."""
        await self.store.acquire("us")
        numbered = [Effect("alerts", next(self._numbers), None, b"{}") for _ in range(effects)]
        held = await self.store.held()
        commit = Commit(
            epoch="us",
            start=held.position,
            end=held.position + 1,
            commit_id=f"{numbered[-1].sequence}",
            expected_commit=held.commit,
            effects=numbered,
        )
        await self.store.commit(commit)
        self.relay.wake(numbered)

    async def until_sent(self, *numbers: int) -> None:
        """Waits until the lanes have recorded these numbers."""
        wanted = {f"alerts/{n}": number for n, number in enumerate(numbers)}
        async with asyncio.timeout(5):
            while await self.store.sent() != wanted:
                await asyncio.sleep(0.01)


async def test_effects_are_delivered_in_order_and_recorded() -> None:
    """Whether they were there before the relay started or came later."""
    receiver = Receiver()
    bench = Bench(receiver)
    await bench.emit(5)
    bench.relay.start()
    await bench.until_sent(5)
    await bench.emit(2)
    await bench.until_sent(7)
    await bench.relay.stop()
    assert receiver.got == [1, 2, 3, 4, 5, 6, 7]


async def test_a_lane_asks_for_what_it_knows_of_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what an earlier owner left; what is committed now it has: an answer costs as much as fifty records."""
    asked: list[int] = []
    outbox = MemoryStore.outbox

    async def counted(store: MemoryStore, source: str, after: int, limit: int) -> list[OutboxRecord]:
        asked.append(after)
        return await outbox(store, source, after, limit)

    monkeypatch.setattr(MemoryStore, "outbox", counted)
    bench = Bench(Receiver())
    await bench.emit(2)
    bench.take_over()
    bench.relay.start()
    await bench.until_sent(2)
    await bench.emit(1)
    await bench.until_sent(3)
    await asyncio.sleep(0.05)
    await bench.relay.stop()
    assert asked == [0, 2]  # what was left, and that it was all


async def test_a_lane_that_is_far_behind_asks_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds no more than so much of what was committed."""
    monkeypatch.setattr(module, "FRESH", 3)
    receiver = Receiver()
    bench = Bench(receiver)
    await bench.emit(2)
    await bench.emit(5)
    bench.relay.start()
    await bench.until_sent(7)
    await bench.relay.stop()
    assert receiver.got == [1, 2, 3, 4, 5, 6, 7]


async def test_marks_are_recorded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of all lanes and of a while, in one call; the last ones when the relay ends."""
    recorded: list[dict[str, int]] = []
    record_sent = MemoryStore.record_sent

    async def kept(store: MemoryStore, marks: dict[str, int]) -> None:
        recorded.append(marks)
        await record_sent(store, marks)

    monkeypatch.setattr(MemoryStore, "record_sent", kept)
    monkeypatch.setattr(marks_module, "EVERY", 60)
    bench = Bench(Receiver(), Receiver(), keep=60)
    bench.relay.start()
    for _ in range(3):
        await bench.emit(1)
        await asyncio.sleep(0.02)
    await bench.relay.stop()
    assert recorded == [{"alerts/0": 1, "alerts/1": 1}, {"alerts/0": 3, "alerts/1": 3}]


async def test_a_successor_goes_on_from_the_recorded_mark() -> None:
    """Where the receiver keeps no mark of its own."""
    receiver = Receiver()
    bench = Bench(receiver)
    await bench.emit(4)
    await bench.store.record_sent({"alerts/0": 3})
    bench.relay.start()
    await bench.until_sent(4)
    await bench.relay.stop()
    assert receiver.got == [4]


async def test_a_failed_round_starts_again_from_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out, and nothing overtakes."""
    monkeypatch.setattr(module, "RETRIES", (0.0, 0.0, 0.0))
    receiver = Receiver(failures=3)
    bench = Bench(receiver)
    await bench.emit(3)
    bench.relay.start()
    await bench.until_sent(3)
    await bench.relay.stop()
    assert receiver.got == [1, 2, 3]


async def test_a_receiver_that_stays_away_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last retry the error goes to whoever ends the process."""
    monkeypatch.setattr(module, "RETRIES", (0.0,))
    bench = Bench(Receiver(failures=99))
    await bench.emit(1)
    bench.relay.start()
    async with asyncio.timeout(5):
        while not bench.errors:
            await asyncio.sleep(0.01)
    await bench.relay.stop()
    assert [type(error) for error in bench.errors] == [KafkaConnectionError]


async def test_a_receiver_that_fell_back_gets_again_what_it_lost() -> None:
    """Its shard was restored to an earlier moment; the outbox still has what it lacks."""
    receiver = Receiver(marks=True)
    bench = Bench(receiver, keep=60)
    await bench.emit(4)
    bench.relay.start()
    await bench.until_sent(4)
    del receiver.got[2:]
    await bench.emit(2)
    await bench.until_sent(6)
    await bench.relay.stop()
    assert receiver.got == [1, 2, 3, 4, 5, 6]


async def test_a_receiver_that_fell_back_gets_again_also_what_an_earlier_owner_delivered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Though the lane has seen the outbox empty behind it, and been told of nothing since."""
    monkeypatch.setattr(module, "IDLE", 0.1)
    receiver = Receiver(marks=True)
    receiver.got = [1, 2, 3]
    bench = Bench(receiver, keep=60)
    await bench.emit(3)
    bench.take_over()
    bench.relay.start()
    await asyncio.sleep(0.05)
    del receiver.got[1:]
    await bench.until_sent(3)
    await bench.relay.stop()
    assert receiver.got == [1, 2, 3]


async def test_a_store_that_fell_back_is_told_again_what_was_delivered() -> None:
    """Also where it fell back after all was trimmed: else it waited for ever with what nobody lacks."""
    bench = Bench(Receiver(), keep=0.2)
    await bench.emit(3)
    before = {name: dict(table) for name, table in vars(bench.store).items() if isinstance(table, dict)}
    before["_outboxes"] = {name: dict(records) for name, records in before["_outboxes"].items()}
    bench.relay.start()
    async with asyncio.timeout(5):
        while await bench.store.outbox_length("alerts"):
            await asyncio.sleep(0.01)
    vars(bench.store).update(before)
    await bench.until_sent(3)
    async with asyncio.timeout(5):
        while await bench.store.outbox_length("alerts"):
            await asyncio.sleep(0.01)
    await bench.relay.stop()


async def test_a_hole_in_the_outbox_ends_the_worker_loudly() -> None:
    """What lies between was trimmed; nobody may go on as if it had never been."""
    bench = Bench(Receiver())
    await bench.emit(4)
    await bench.store.trim("alerts", 2)
    bench.take_over()
    bench.relay.start()
    async with asyncio.timeout(5):
        while not bench.errors:
            await asyncio.sleep(0.01)
    await bench.relay.stop()
    assert "goes on at 3, but the receiver holds 0" in str(bench.errors[0])


async def test_only_what_every_receiver_has_held_for_a_while_is_trimmed() -> None:
    """A shared outbox keeps what the slowest lane still needs."""
    slow = Receiver(failures=99)
    bench = Bench(Receiver(), slow)
    await bench.emit(4)
    bench.relay.start()
    await asyncio.sleep(0.3)
    assert await bench.store.outbox_length("alerts") == 4
    slow._failures = 0
    await bench.until_sent(4, 4)
    async with asyncio.timeout(5):
        while await bench.store.outbox_length("alerts"):
            await asyncio.sleep(0.01)
    await bench.relay.stop()


async def test_nothing_is_trimmed_before_its_time() -> None:
    """A receiver may yet fall back by a second or so."""
    bench = Bench(Receiver(), keep=60)
    await bench.emit(4)
    bench.relay.start()
    await bench.until_sent(4)
    await asyncio.sleep(0.3)
    await bench.relay.stop()
    assert await bench.store.outbox_length("alerts") == 4


async def test_what_is_trimmed_is_recorded_as_sent_though_the_store_forgot_it() -> None:
    """A successor asks the store how far a topic was sent: never less far than the outbox was trimmed."""
    bench = Bench(Receiver(), keep=0.4)
    await bench.emit(3)
    bench.relay.start()
    await bench.until_sent(3)
    bench.store._sent.clear()  # the store fell back by a moment
    async with asyncio.timeout(5):
        while await bench.store.outbox_length("alerts"):
            await asyncio.sleep(0.01)
    await bench.relay.stop()
    assert await bench.store.sent() == {"alerts/0": 3}


async def test_nothing_is_trimmed_that_a_receiver_has_lost_meanwhile() -> None:
    """It may have fallen back, and its lane not yet know."""
    receiver = Receiver(marks=True)
    bench = Bench(receiver, keep=0.2)
    await bench.emit(3)
    bench.relay.start()
    await bench.until_sent(3)
    del receiver.got[1:]
    await asyncio.sleep(0.5)
    assert await bench.store.outbox_length("alerts") == 3
    async with asyncio.timeout(5):
        while await bench.store.outbox_length("alerts"):
            await asyncio.sleep(0.01)
    await bench.relay.stop()
    assert receiver.got == [1, 2, 3]


async def test_an_owner_that_was_overtaken_unawares_goes_on_behind_its_successor() -> None:
    """A session may run out without a word: another has delivered and trimmed meanwhile, and that is no hole."""
    receiver = Receiver()
    bench = Bench(receiver)
    await bench.emit(2)
    bench.relay.start()
    await bench.until_sent(2)
    await bench.store.record_sent({"alerts/0": 6})
    await bench.emit(4)
    await bench.store.trim("alerts", 6)
    await bench.emit(1)
    await bench.until_sent(7)
    await bench.relay.stop()
    assert receiver.got[-1] == 7
    assert bench.errors == []


async def test_a_relay_stops_also_when_work_comes_at_the_same_moment() -> None:
    """asyncio.wait_for would take the work and forget that it was cancelled."""
    bench = Bench(Receiver())
    bench.relay.start()
    await asyncio.sleep(0.02)
    bench.relay.wake([Effect("alerts", 1, None, b"{}")])
    async with asyncio.timeout(3):
        await bench.relay.stop()
