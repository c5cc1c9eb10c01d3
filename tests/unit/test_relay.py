"""The relay's lanes over a store in memory: in order, from the receiver's mark, never past a hole."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from forestall.agents import marks as marks_module
from forestall.agents import relay as module
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.values import OutboxRecord
from tests.builders.relaying import Bench, Receiver
from tests.builders.simulated_time import run


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


def test_a_lane_that_pauses_delivers_together_what_came_meanwhile() -> None:
    """The first at once; of what the receiver did not take whole the rest at once, too."""

    async def scenario() -> None:
        receiver = Receiver()
        bench = Bench(receiver, pause=0.2)
        bench.relay.start()
        await bench.emit(1)
        await bench.until_sent(1)
        await bench.emit(1)
        await bench.emit(1)
        await bench.until_sent(3)
        assert receiver.deliveries == 2
        began = asyncio.get_running_loop().time()
        await bench.emit(5)  # it takes two at a time
        await bench.until_sent(8)
        assert (receiver.got[-1], receiver.deliveries) == (8, 5)
        assert asyncio.get_running_loop().time() - began < 0.5  # one pause, before the first
        await bench.relay.stop()

    run(scenario)


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
    bench.relay.wake({"alerts": [OutboxRecord(1, None, b"{}")]})
    async with asyncio.timeout(3):
        await bench.relay.stop()
