"""kafka-python's clients as what runs beside the worker uses them: provisioning, replay, follow, dump, lag."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError

from forestall.agents.settings import Settings
from forestall.pipeline.errors import Unreachable

_CONNECT_MS = 8_000
#: A request holds one record more than a record may have bytes: its own headers.
_OVERHEAD = 65_536

# Its own words at info level tell of every connection; what matters to us comes as an exception.
logging.getLogger("kafka").setLevel(logging.ERROR)


@contextmanager
def admin(settings: Settings) -> Iterator[Any]:
    """A KafkaAdminClient. Raises Unreachable if no broker answers."""
    with _reached(settings):
        client = KafkaAdminClient(bootstrap_servers=_servers(settings), bootstrap_timeout_ms=_CONNECT_MS)
    try:
        with _reached(settings):
            yield client
    finally:
        client.close()


@contextmanager
def producer(settings: Settings) -> Iterator[Any]:
    """An idempotent KafkaProducer (acks=all, murmur2 by key); it has flushed when the block ends well."""
    with _reached(settings):
        client = KafkaProducer(
            bootstrap_servers=_servers(settings),
            bootstrap_timeout_ms=_CONNECT_MS,
            allow_auto_create_topics=False,
            acks="all",
            linger_ms=20,
            batch_size=262_144,
            max_request_size=settings.max_event_bytes + _OVERHEAD,
            max_block_ms=30_000,
        )
    try:
        with _reached(settings):
            yield client
            client.flush(60)
    finally:
        client.close(timeout=5)


@contextmanager
def consumer(settings: Settings, *, wait_ms: int = 20, group: str | None = None) -> Iterator[Any]:
    """A KafkaConsumer without a group that reads committed data and never resets a position by itself.

    A fetch at the end of a log waits for `wait_ms`, and what is asked meanwhile waits behind it. With a `group` it
    shares the partitions with its like, and begins at each log's beginning.
    """
    with _reached(settings):
        client = KafkaConsumer(
            bootstrap_servers=_servers(settings),
            bootstrap_timeout_ms=_CONNECT_MS,
            allow_auto_create_topics=False,
            auto_offset_reset="none" if group is None else "earliest",
            group_id=group,
            session_timeout_ms=round(settings.session_timeout * 1_000),
            heartbeat_interval_ms=round(settings.session_timeout * 1_000 / 4),
            enable_auto_commit=False,
            isolation_level="read_committed",
            fetch_max_wait_ms=wait_ms,
            enable_incremental_fetch_sessions=False,  # they leave out the watermark where nothing is new
            max_poll_records=10_000,
            max_partition_fetch_bytes=max(1_048_576, settings.max_event_bytes + _OVERHEAD),
        )
    try:
        with _reached(settings):
            yield client
    finally:
        client.close(autocommit=False)


def _servers(settings: Settings) -> list[str]:
    return settings.kafka.split(",")


@contextmanager
def _reached(settings: Settings) -> Iterator[None]:
    try:
        yield
    except (KafkaConnectionError, KafkaTimeoutError) as error:
        raise Unreachable(
            f"Kafka at {settings.kafka} does not answer ({type(error).__name__}): start it, or set `kafka` "
            "(--kafka, FORESTALL_KAFKA) to where it listens"
        ) from error
    except KafkaError as error:
        raise Unreachable(f"Kafka at {settings.kafka} refused a request: {_words(error)}") from error


def _words(error: KafkaError) -> str:
    """The broker's own message, without the request that it answers."""
    text = str(error)
    _, found, message = text.partition("error_message='")
    return message.partition("'")[0] if found else text
