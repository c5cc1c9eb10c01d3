"""One sender's transactions over a connection in memory: rounds of whatever waits, and who may fence."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError, ProducerFenced

from forestall.agents import transactions as module
from forestall.agents.chunk import Place
from forestall.agents.receivers import TransactionalReceiver
from forestall.agents.transactions import Transactions
from forestall.pipeline.errors import StaleEpoch
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.values import OutboxRecord

ALERTS, LEDGER = ("alerts", 0), ("ledger", 0)


class Broker:
    """What a broker keeps of one sender: rounds, marks, and whose connection came last."""

    def __init__(self) -> None:
        self.rounds: list[dict[Place, list[int]]] = []
        self.marks: dict[Place, int] = {}
        self.latest: Connection | None = None
        self.failures: list[Exception] = []

    def connect(self) -> "Connection":
        """A new connection, not started."""
        return Connection(self)


class Connection:
    """See transactions.Connection."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def start(self, places: Sequence[Place]) -> dict[Place, int]:
        """Fences."""
        self._broker.latest = self
        return {place: self._broker.marks.get(place, 0) for place in places}

    async def commit(self, records: Mapping[Place, Sequence[OutboxRecord]]) -> None:
        """Lands whole, or fails as the broker was told to."""
        await asyncio.sleep(0.005)
        if self._broker.latest is not self:
            raise ProducerFenced
        if self._broker.failures:
            raise self._broker.failures.pop(0)
        self._broker.rounds.append({place: [one.sequence for one in some] for place, some in records.items()})
        self._broker.marks.update({place: some[-1].sequence for place, some in records.items()})

    async def close(self) -> None:
        """Nothing to end."""


async def always() -> None:
    """The partition is ours."""


def numbered(*sequences: int) -> list[OutboxRecord]:
    """Records with these numbers."""
    return [OutboxRecord(sequence, None, b"{}") for sequence in sequences]


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    """A broker, and rounds that do not wait long."""
    monkeypatch.setattr(module, "EVERY", 0.02)
    return Broker()


def sender(broker: Broker) -> Transactions:
    """A sender of alerts and decisions whose partition is ours."""
    return Transactions(broker.connect, [ALERTS, LEDGER], always)


async def test_alerts_and_decisions_of_one_commit_go_out_as_one_transaction(broker: Broker) -> None:
    """Each lane comes by itself, a moment after the other."""
    ours = sender(broker)
    got = await asyncio.gather(ours.deliver(ALERTS, numbered(1, 2)), ours.deliver(LEDGER, numbered(1)))
    assert got == [2, 1]
    assert broker.rounds == [{ALERTS: [1, 2], LEDGER: [1]}]


async def test_rounds_keep_their_distance_unless_one_was_full(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transactions cost; many small ones would cost much."""
    monkeypatch.setattr(module, "EVERY", 0.2)
    monkeypatch.setattr(module, "FULL", 3)
    loop, ours = asyncio.get_running_loop(), sender(broker)
    began = loop.time()
    await ours.deliver(ALERTS, numbered(1, 2, 3))
    await ours.deliver(ALERTS, numbered(4))
    assert loop.time() - began < 0.15
    await ours.deliver(ALERTS, numbered(5))
    assert loop.time() - began > 0.2


async def test_after_an_error_all_who_waited_hear_of_it_and_the_marks_are_read_anew(broker: Broker) -> None:
    """Whether the transaction landed is what the broker's marks tell."""
    ours = sender(broker)
    broker.failures = [KafkaConnectionError()]
    outcomes = await asyncio.gather(
        ours.deliver(ALERTS, numbered(1)), ours.deliver(LEDGER, numbered(1)), return_exceptions=True
    )
    assert [type(one) for one in outcomes] == [KafkaConnectionError] * 2
    broker.marks = {ALERTS: 1, LEDGER: 1}
    assert (await ours.mark(ALERTS), await ours.mark(LEDGER)) == (1, 1)


@pytest.mark.parametrize("slip", [TimeoutError(), AssertionError("state")])
async def test_a_clients_slip_is_tried_again_as_an_error_of_kafka(broker: Broker, slip: Exception) -> None:
    """The relay retries Kafka's errors, and lets others end the process."""
    broker.failures = [slip]
    with pytest.raises(KafkaError):
        await sender(broker).deliver(ALERTS, numbered(1))


async def test_a_zombie_is_fenced_and_may_not_fence_back(broker: Broker) -> None:
    """Its successor has the partition by the store's epoch, and is never disturbed."""
    taken = False

    async def unless_taken() -> None:
        if taken:
            raise StaleEpoch("another")

    zombie = Transactions(broker.connect, [ALERTS, LEDGER], unless_taken)
    await zombie.deliver(ALERTS, numbered(1))
    taken = True
    successor = sender(broker)
    assert await successor.mark(ALERTS) == 1
    await successor.deliver(ALERTS, numbered(2, 3))
    with pytest.raises(ProducerFenced):
        await zombie.deliver(ALERTS, numbered(2))
    with pytest.raises(StaleEpoch):
        await zombie.mark(ALERTS)
    await successor.deliver(ALERTS, numbered(4))
    assert [each[ALERTS] for each in broker.rounds] == [[1], [2, 3], [4]]


async def test_what_a_successor_delivered_meanwhile_is_not_delivered_again(broker: Broker) -> None:
    """The first round meets the fence; the lane behind it asked by a mark of before, and connects by its turn."""
    ours, other = sender(broker), sender(broker)
    assert await ours.mark(LEDGER) == 0
    await other.deliver(LEDGER, numbered(1, 2))
    alerts = asyncio.create_task(ours.deliver(ALERTS, numbered(1)))
    await asyncio.sleep(module.GATHER + 0.002)  # its round has begun
    assert await ours.deliver(LEDGER, numbered(1, 2, 3)) == 3
    with pytest.raises(ProducerFenced):
        await alerts
    assert broker.rounds == [{LEDGER: [1, 2]}, {LEDGER: [3]}]
    assert await ours.deliver(LEDGER, numbered(2, 3)) == 3
    assert broker.rounds[2:] == []


async def test_what_the_store_recorded_counts_where_kafkas_mark_is_gone(broker: Broker) -> None:
    """Kafka forgets a mark that has not moved for a week; and without transactions it does not move."""
    store = MemoryStore()
    receiver = TransactionalReceiver(sender(broker), *ALERTS, store, "alerts")
    assert await receiver.mark() == 0
    await store.record_sent({"alerts": 7})
    assert await receiver.mark() == 7
    assert await receiver.deliver(numbered(8, 9)) == 9
    assert await receiver.mark() == 9
