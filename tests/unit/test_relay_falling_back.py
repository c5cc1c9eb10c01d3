"""Receivers and stores that fall back lose nothing: they get it again, and what they might ask for is kept so long."""

import asyncio

import pytest

from forestall.agents import relay as module
from tests.builders.relaying import Bench, Receiver


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
    await bench.until_trimmed()
    vars(bench.store).update(before)
    await bench.until_sent(3)
    await bench.until_trimmed()
    await bench.relay.stop()


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
    await bench.until_trimmed()
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
    await bench.until_trimmed()
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
    await bench.until_trimmed()
    await bench.relay.stop()
    assert receiver.got == [1, 2, 3]
