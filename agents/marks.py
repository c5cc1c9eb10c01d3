"""How far a partition's effects are delivered, recorded for whoever owns it next."""

import asyncio
from contextlib import suppress

from redis.exceptions import RedisError

from forestall.pipeline.store.interface import Store

#: A call costs as much as a few dozen records. So marks wait this long for each other, in seconds; an owner that
#: comes after a crash delivers again what was delivered meanwhile, to those who keep no mark themselves.
EVERY = 0.1
#: How long a relay that ends waits for the last of them.
GRACE = 0.5


class Marks:
    """Those of all lanes of one partition, recorded together. A lane's last one counts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._new: dict[str, int] = {}
        self._any = asyncio.Event()

    def note(self, name: str, sequence: int) -> None:
        """The lane `name` has delivered up to that number."""
        self._new[name] = sequence
        self._any.set()

    async def keep(self) -> None:
        """Records what is noted, until cancelled."""
        while True:
            await self._any.wait()
            await self._record()
            await asyncio.sleep(EVERY)

    async def end(self) -> None:
        """Records what is left, where that goes quickly: what stays unrecorded is delivered again."""
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(GRACE):
                await self._record()

    async def _record(self) -> None:
        self._any.clear()
        noted, self._new = self._new, {}
        if noted:
            await self._store.record_sent(noted)
