"""How often aiokafka asks for the brokers' metadata where none of them can be reached."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

#: Seconds between two attempts that failed.
PAUSE = 0.2


def ask_slowly(client: Any) -> None:
    """Lets an aiokafka client pause after it reached no broker.

    By itself it asks again at once while a partition has no leader: thousands of times a second, each time with
    two lines in the log, for as long as the broker is away.
    """
    update: Callable[..., Awaitable[bool]] = client._metadata_update

    async def slowly(*arguments: Any) -> bool:
        reached = await update(*arguments)
        if not reached:
            await asyncio.sleep(PAUSE)
        return reached

    client._metadata_update = slowly
