"""Takes a partition's chunks, and has them processed beside those of other partitions.

While one partition waits for the store, others compute. What comes meanwhile is joined: the more is behind, the fewer
commits it takes. (Before, each chunk waited for those of all other partitions, and each of them for its commit: with
slow answers of the store the small chunks of one fetch took longer than what came during them.)

A processor may also wait for a moment before it begins: a learned problem is half a megabyte of state, and every
commit writes it. So learn commits twice a second, however small the chunks are in which its answers come.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from forestall.agents.chunk import Chunk


class Gathering:
    """Takes chunks in the log's order, and hands them on in it, one at a time: what was there when the one before it
    was done, joined to at most `most` records. It waits for `seconds` before that, unless it has as many.

    `failed` is told what `process` raises.
    """

    def __init__(
        self,
        process: Callable[[Chunk], Awaitable[None]],
        failed: Callable[[BaseException], None],
        seconds: float,
        most: int,
    ) -> None:
        self._process = process
        self._failed = failed
        self._seconds = seconds
        self._most = most
        self._held: Chunk | None = None
        self._enough = asyncio.Event()
        self._room = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    async def take(self, chunk: Chunk) -> None:
        """Takes a chunk; returns once it is held, which takes as long as there is one that it does not fit to."""
        while self._held is not None and not self._fits(self._held, chunk):
            self._room.clear()
            self._enough.set()
            await self._room.wait()
        self._held = chunk if self._held is None else _joined(self._held, chunk)
        if len(self._held.records) >= self._most:
            self._enough.set()
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._hand_on())

    def drop(self) -> None:
        """Forgets what is held: the partition is no longer ours, and who gets it reads from the committed position.

        What is being processed is left alone: its commit is made or refused.
        """
        self._held = None
        self._room.set()

    def _fits(self, held: Chunk, chunk: Chunk) -> bool:
        follows = chunk.epoch == held.epoch and chunk.start == held.end
        return follows and len(held.records) + len(chunk.records) <= self._most

    async def _hand_on(self) -> None:
        try:
            while self._held is not None:  # more may come while what was handed on is processed
                if self._seconds:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._seconds):
                            await self._enough.wait()
                held, self._held = self._held, None
                self._enough.clear()
                self._room.set()
                if held is not None:
                    await self._process(held)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._failed(error)


def _joined(first: Chunk, second: Chunk) -> Chunk:
    return first._replace(
        records=[*first.records, *second.records], end=second.end, highwater=second.highwater
    )
