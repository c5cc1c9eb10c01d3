"""Reads a customer's stored document, and what is needed to put it into words."""

from typing import Any

from kafka.partitioner import murmur2
from redis.asyncio import Redis

from forestall.agents.cli.customer_words import Known
from forestall.agents.replay import partitions_of
from forestall.agents.settings import Settings
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.customer_document import decode_customer
from forestall.pipeline.core.head import CONFIGURATION, HEAD, decode_configuration, decode_head
from forestall.pipeline.core.layout import slots_of
from forestall.pipeline.core.models.fingerprint import fingerprint
from forestall.pipeline.store.partition import PartitionStore


def partition_of(client: Any, settings: Settings, customer: str) -> int:
    """The journal partition of a customer, by a producer's metadata."""
    partition: int = murmur2(customer.encode()) % 0x80000000 % partitions_of(client, settings.topics.events)
    return partition


async def load_customer(redis: Redis, settings: Settings, partition: int, customer: str) -> Known | None:
    """What the partition's state has of the customer; None if nothing."""
    client: Any = redis
    store = PartitionStore(client, "foresee", partition, settings.store_prefix)
    key = f"c/{customer}"
    found = await store.load([key, HEAD, CONFIGURATION])
    document = found[key]
    if document is None:
        return None
    head = decode_head(found[HEAD], fingerprint())
    stored = decode_customer(document)
    configuration = decode_configuration(found[CONFIGURATION])
    problems = parse(configuration.files).problems if configuration else ()
    return Known(
        id=customer,
        partition=partition,
        customer=stored,
        slots=dict(zip(slots_of(head.layouts[stored.layout]), stored.numbers.tolist(), strict=True)),
        watermark=head.watermark,
        titles={problem.name: problem.title for problem in problems},
    )
