"""The last records of a partition before a position, read aside from Faust's consumer."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from forestall.agents.chunk import Place
from forestall.agents.settings import Settings
from forestall.pipeline.core.effects import Record

#: Reading ends here even if records seem to be missing: compaction and transactions leave holes.
PATIENCE = 5.0


async def read_tail(settings: Settings, place: Place, position: int, count: int) -> list[Record]:
    """Committed records with offsets from position - `count` up to `position`."""
    there = TopicPartition(*place)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.split(","), isolation_level="read_committed", fetch_max_wait_ms=100
    )
    await consumer.start()
    try:
        consumer.assign([there])
        beginning = (await consumer.beginning_offsets([there]))[there]
        consumer.seek(there, max(beginning, position - count))
        records: list[Record] = []
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while await consumer.position(there) < position and asyncio.get_running_loop().time() < deadline:
            fetched = (await consumer.getmany(there, timeout_ms=200)).get(there, [])
            records += [Record(one.offset, one.timestamp, one.key, one.value) for one in fetched]
        return [record for record in records if record.offset < position]
    finally:
        await consumer.stop()
