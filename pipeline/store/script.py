"""A Lua script that Redis runs as one step."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from redis.exceptions import NoScriptError


class Client(Protocol):
    """What we need of a Redis client (`redis.asyncio.Redis`, `RedisCluster`), with bytes as replies."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Sends one command and returns its reply."""


class Script:
    """A script by its SHA-1; a server that does not know it (new, restarted) gets the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    @classmethod
    def beside(cls, module: str, *names: str) -> "Script":
        """The .lua files `names`, joined, from the folder of the Python file `module`."""
        folder = Path(module).parent
        return cls("\n".join(folder.joinpath(name).read_text("utf-8") for name in names))

    async def run(self, client: Client, keys: Sequence[str], args: Iterable[str | bytes | int] = ()) -> Any:
        """Runs the script in one call; raises redis' ResponseError if the script fails."""
        try:
            return await client.execute_command("EVALSHA", self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await client.execute_command("EVAL", self.text, len(keys), *keys, *args)
