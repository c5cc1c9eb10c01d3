"""Redis clients that watch or disturb what passes through them."""

from typing import Any

from redis.crc import key_slot

from forestall.pipeline.store.script import Client


class OneSlot:
    """Sees to it that every call's keys lie in one slot, as Redis Cluster wants it; `slots` were used."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.slots: set[int] = set()
        self.calls = 0

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Checks the keys, then sends the command."""
        keys = args[3 : 3 + args[2]] if args[0] in {"EVAL", "EVALSHA"} else args[1:2]
        slots = {key_slot(key.encode()) for key in keys}
        assert len(slots) == 1, f"{args[0]} spans {len(slots)} slots: {keys}"
        self.slots |= slots
        self.calls += 1
        return await self._client.execute_command(*args, **options)


class SentTwice:
    """Sends every call twice and gives the second reply, as after a lost connection."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Sends the command, and again."""
        await self._client.execute_command(*args, **options)
        return await self._client.execute_command(*args, **options)
