"""The worker's producers: one that all share, and one with transactions for each partition that sends alerts."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CoordinatorNotAvailableError, KafkaError, UnknownError, UnsupportedVersionError

from forestall.agents.chunk import Place
from forestall.agents.metadata import ask_slowly
from forestall.agents.settings import Settings
from forestall.pipeline.errors import Unreachable
from forestall.pipeline.store.values import OutboxRecord

log = logging.getLogger(__name__)

#: After so many ms without its producer the broker aborts a transaction, which holds readers back meanwhile.
ABANDONED_MS = 10_000
#: How long a start or a commit may take, and how long a clean end, in seconds.
PATIENCE = 30.0
GRACE = 1.0
#: How soon a coordinator that is not there yet is asked again.
AGAIN = 0.1


class Producers(NamedTuple):
    """The shared producer, and whether there are transactions, by the settings and by what the broker can."""

    shared: AIOKafkaProducer
    transactions: bool


async def started_producers(settings: Settings) -> Producers:
    """A producer whose acknowledgement means that every replica in sync has the record.

    Idempotent where the broker can: the embedded one cannot, and there the relay's single batches keep order.
    Raises Unreachable where transactions are "on" and the broker has none.
    """
    try:
        shared = await _started(settings, enable_idempotence=True)
    except (UnknownError, UnsupportedVersionError):
        if settings.transactions == "on":
            raise _no_transactions() from None
        log.warning(
            "this broker has neither idempotent producers nor transactions: a record may come twice, and who "
            "reads it tells by its sender and sequence"
        )
        return Producers(await _started(settings, enable_idempotence=False), False)
    try:
        return Producers(shared, settings.transactions != "off" and await _has_transactions(settings))
    except BaseException:
        await shared.stop()
        raise


class TransactionalProducer:
    """The sender `identity`: what it sends and the mark of how far it sent are committed together, or neither.

    The marks are offsets of the consumer group `identity`, which nobody else is in: the offset of a place is the
    last sequence that the place holds. Starting one fences whoever had the same identity before, and ends that
    one's open transaction.
    """

    def __init__(self, settings: Settings, identity: str) -> None:
        self._settings, self._identity = settings, identity
        self._producer: AIOKafkaProducer | None = None

    async def start(self, places: Sequence[Place]) -> dict[Place, int]:
        """Fences, then reads the marks of `places`; 0 where there is none."""
        async with asyncio.timeout(PATIENCE):
            self._producer = await _started(
                self._settings, transactional_id=self._identity, transaction_timeout_ms=ABANDONED_MS
            )
            return await self._marks(places)

    async def commit(self, records: Mapping[Place, Sequence[OutboxRecord]]) -> None:
        """One transaction. Raises ProducerFenced if another has started since; after any error start anew."""
        producer = self._producer
        assert producer is not None, "start first"
        async with asyncio.timeout(PATIENCE):
            await producer.begin_transaction()
            sent: list[Awaitable[Any]] = []
            for place, some in records.items():
                remaining = some
                while remaining:
                    future, count = await submit(producer, place, remaining)
                    sent.append(future)
                    remaining = remaining[count:]
            marks = {TopicPartition(*place): some[-1].sequence for place, some in records.items()}
            await asyncio.gather(
                *sent
            )  # marks sent meanwhile would get in the way of the broker's verification
            await producer.send_offsets_to_transaction(marks, self._identity)
            await producer.commit_transaction()

    async def close(self) -> None:
        """Ends an open transaction where that goes quickly; else the next start ends it."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        with suppress(Exception):
            async with asyncio.timeout(GRACE):
                await producer.abort_transaction()
        with suppress(Exception):
            async with asyncio.timeout(GRACE):
                await producer.stop()

    async def _marks(self, places: Sequence[Place]) -> dict[Place, int]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.kafka.split(","))
        await admin.start()
        try:
            while True:
                try:
                    return await self._asked_marks(admin, places)
                except KafkaError as error:
                    if not error.retriable:
                        raise
                await asyncio.sleep(AGAIN)
        finally:
            await admin.close()

    async def _asked_marks(self, admin: AIOKafkaAdminClient, places: Sequence[Place]) -> dict[Place, int]:
        wanted = [TopicPartition(*place) for place in places]
        found = await admin.list_consumer_group_offsets(self._identity, partitions=wanted)
        if not all(place in found for place in wanted):
            # A coordinator that is still loading answers with nothing, which must not pass for "no mark".
            raise CoordinatorNotAvailableError(self._identity)
        return {place: max(0, found[place].offset) for place in wanted}


async def submit(
    producer: AIOKafkaProducer, place: Place, records: Sequence[OutboxRecord]
) -> tuple[Awaitable[Any], int]:
    """Submits the first of these records, as many as fit into one batch, which lands whole or not at all.

    Returns what waits for the acknowledgement, and how many they are.
    """
    batch, count = producer.create_batch(), 0
    for record in records:
        if batch.append(key=record.key, value=record.payload, timestamp=None) is None:
            break
        count += 1
    topic, partition = place
    if count:
        return await producer.send_batch(batch, topic, partition=partition), count
    large = records[0]
    return await producer.send(topic, large.payload, large.key, partition), 1


async def _has_transactions(settings: Settings) -> bool:
    probe = None
    try:
        async with asyncio.timeout(PATIENCE):
            probe = await _started(settings, transactional_id=f"{settings.prefix}-probe")
    except (KafkaError, TimeoutError) as error:
        if settings.transactions == "on":
            raise _no_transactions() from error
        log.warning(
            "this broker has no transactions (%s): an alert or decision may come twice, and who reads it tells by "
            "its sender and sequence",
            type(error).__name__,
        )
        return False
    await probe.stop()
    return True


def _no_transactions() -> Unreachable:
    return Unreachable(
        'transactions = "on", but this broker has none: take one that has, or set `transactions` to "auto" '
        "(then an alert or decision may come twice, and who reads it tells by its sender and sequence)"
    )


async def _started(settings: Settings, **options: Any) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka.split(","),
        acks="all",
        max_batch_size=512 * 1024,
        max_request_size=2 * settings.max_event_bytes,
        linger_ms=0,
        **options,
    )
    ask_slowly(producer.client)
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer
