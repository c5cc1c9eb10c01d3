"""Which destination goes where: the table from a processor's outboxes to queue and topics."""

from collections.abc import Awaitable, Callable, Mapping

from aiokafka import AIOKafkaProducer

from forestall.agents.chunk import Place
from forestall.agents.marks import Marks
from forestall.agents.producing import TransactionalProducer
from forestall.agents.receivers import Queue, QueueReceiver, Receiver, TopicReceiver, TransactionalReceiver
from forestall.agents.relay import Lane
from forestall.agents.settings import Settings
from forestall.agents.transactions import Transactions
from forestall.pipeline.core.effects import ALERTS, DEAD_LETTERS, LEDGER, NOTICES, QUEUE, answers_to
from forestall.pipeline.store.interface import Store

#: To send costs as much as dozens of answers, and learn gathers them for longer than this (see worker.LEARN_GATHERS).
ANSWERS_PAUSE = 0.1

#: Counts what was delivered: processor, kind of destination, how many.
Delivered = Callable[[str, str, int], None]


class Lanes:
    """Makes the lanes of a partition. Its topics' partitions are those of the broker, not of the settings.

    With `transactions`, alerts and ledger are delivered exactly once to those who read committed. Journal and
    answers never are: an open transaction would hold all their readers back.
    """

    def __init__(
        self,
        settings: Settings,
        producer: AIOKafkaProducer,
        queue: Queue,
        delivered: Delivered,
        *,
        transactions: bool = False,
    ) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._producer = producer
        self._queue = queue
        self._delivered = delivered
        self._transactions = transactions

    async def partitions(self) -> dict[str, int]:
        """How many partitions each of our topics has."""
        return {topic: len(await self._producer.partitions_for(topic)) for topic in self._topics[:5]}

    def of(
        self,
        processor: str,
        partition: int,
        store: Store,
        marks: Marks,
        counts: Mapping[str, int],
        ours: Callable[[], Awaitable[None]],
    ) -> list[Lane]:
        """All lanes of one partition of one processor. `ours` raises StaleEpoch once it is another's."""
        topics = self._topics

        def lane(source: str, receiver: Receiver, name: str | None = None, pause: float = 0.0) -> Lane:
            kind = source.partition("/")[0]

            def delivered(count: int) -> None:
                self._delivered(processor, kind, count)

            return Lane(store, marks, source, name or source, receiver, delivered, pause)

        def topic(name: str, number: int) -> TopicReceiver:
            return TopicReceiver(self._producer, name, number % counts[name])

        lanes = [lane(DEAD_LETTERS, topic(topics.deadletters, partition))]
        if processor == "learn":
            journal = range(counts[topics.events])
            return lanes + [lane(NOTICES, topic(topics.events, k), f"{NOTICES}/{k}") for k in journal]
        lanes.append(lane(QUEUE, QueueReceiver(self._queue, f"{processor}/{partition}")))
        once = {ALERTS: topics.alerts, LEDGER: topics.decisions}
        places = {source: (name, partition % counts[name]) for source, name in once.items()}
        if self._transactions:
            sender = self._sender(self._settings.group(f"{processor}-{partition}"), places, ours)
            lanes += [
                lane(source, TransactionalReceiver(sender, *place, store, source))
                for source, place in places.items()
            ]
        else:
            lanes += [lane(source, topic(*place)) for source, place in places.items()]
        answers = range(counts[topics.answers])
        return lanes + [lane(answers_to(k), topic(topics.answers, k), pause=ANSWERS_PAUSE) for k in answers]

    def _sender(
        self, identity: str, places: Mapping[str, Place], ours: Callable[[], Awaitable[None]]
    ) -> Transactions:
        def connect() -> TransactionalProducer:
            return TransactionalProducer(self._settings, identity)

        return Transactions(connect, list(places.values()), ours)
