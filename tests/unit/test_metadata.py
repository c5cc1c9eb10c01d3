"""An aiokafka client that reaches no broker, and whoever needs a leader."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient

from forestall.agents import metadata
from forestall.agents.metadata import ask_slowly


@asynccontextmanager
async def unreached(client: AIOKafkaClient) -> AsyncIterator[list[float]]:
    """Runs the client's own routine, with when it asked."""
    asked: list[float] = []

    async def nobody(*_: object) -> bool:
        await asyncio.sleep(0)
        asked.append(asyncio.get_running_loop().time())
        return False

    client._metadata_update = nobody
    ask_slowly(client)
    routine = asyncio.create_task(client._md_synchronizer())
    try:
        yield asked
    finally:
        routine.cancel()


async def test_a_client_that_reaches_no_broker_asks_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a leader forces the next update as soon as the last one has failed."""
    monkeypatch.setattr(metadata, "PAUSE", 0.05)
    producer = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1")
    try:
        async with unreached(producer.client) as asked:
            for _ in range(4):
                assert await producer.client.force_metadata_update() is False
        assert 4 <= len(asked) <= 5
        assert asked[3] - asked[0] >= 0.15
    finally:
        await producer.stop()
