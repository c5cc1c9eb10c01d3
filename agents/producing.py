"""The worker's one producer."""

import logging

from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownError, UnsupportedVersionError

from forestall.agents.settings import Settings

log = logging.getLogger(__name__)


async def started_producer(settings: Settings) -> AIOKafkaProducer:
    """A producer whose acknowledgement means that every replica in sync has the record.

    Idempotent where the broker can: the embedded one cannot, and there the relay's single batches keep order.
    """
    try:
        return await _start_producer(settings, idempotent=True)
    except (UnknownError, UnsupportedVersionError):
        log.warning("this broker knows no idempotent producer; going on without")
        return await _start_producer(settings, idempotent=False)


async def _start_producer(settings: Settings, *, idempotent: bool) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka.split(","),
        acks="all",
        enable_idempotence=idempotent,
        max_batch_size=512 * 1024,
        max_request_size=2 * settings.max_event_bytes,
        linger_ms=0,
    )
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer
