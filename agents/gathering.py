"""Joins a partition's chunks for a moment before they are processed.

A learned problem is half a megabyte of state, and every commit writes it. So learn commits a few times a second,
however small the chunks are in which its answers come.
"""

import asyncio
from collections.abc import Awaitable, Callable

from forestall.agents.chunk import Chunk


class Gathering:
    """Takes chunks in the log's order, and hands them on joined, at the latest after `seconds` or `most` records.

    An error of `process` is told to `failed` if no caller is there to hear it.
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
        self._later: asyncio.Task[None] | None = None

    async def take(self, chunk: Chunk) -> None:
        """Takes a chunk; returns at once unless enough has been gathered."""
        held = self._held
        if held is not None and (chunk.epoch != held.epoch or chunk.start != held.end):
            await self._hand_on()
            held = None
        self._held = chunk if held is None else _joined(held, chunk)
        if len(self._held.records) >= self._most:
            await self._hand_on()
        elif self._later is None or self._later.done():
            self._later = asyncio.create_task(self._hand_on_later())

    def drop(self) -> None:
        """Forgets what is held: the partition is no longer ours, and who gets it reads from the committed position."""
        self._held = None
        if self._later is not None and self._later is not asyncio.current_task():
            self._later.cancel()
        self._later = None

    async def _hand_on(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            await self._process(held)

    async def _hand_on_later(self) -> None:
        try:
            while self._held is not None:  # more may come while what was handed on is processed
                await asyncio.sleep(self._seconds)
                await self._hand_on()
        except Exception as error:
            self._failed(error)


def _joined(first: Chunk, second: Chunk) -> Chunk:
    return first._replace(
        records=[*first.records, *second.records], end=second.end, highwater=second.highwater
    )
