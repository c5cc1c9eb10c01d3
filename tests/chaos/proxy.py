"""A TCP proxy whose link can be slow, or be cut: connections freeze, or are reset and refused, until it is mended."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any

from forestall.agents.child import free_port


class Proxy:
    """Listens on `port` and forwards to `target` (a loopback port), in a thread of its own."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        #: Seconds that every piece of up to 64 kB takes, each way: latency, and little bandwidth.
        self.delay = 0.0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._refuses = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> "Proxy":
        """Begins to listen."""
        self._thread.start()
        self._call(self._listen())
        return self

    def cut(self, *, reset: bool) -> None:
        """Nothing passes any more. With `reset` both ends are told, and who connects is sent away."""
        self._call(self._cut(reset))

    def mend(self) -> None:
        """Everything passes again, first what was frozen on the way."""
        self._call(self._mend())

    def stop(self) -> None:
        """Ends the thread."""
        self._call(self._cut(True))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._flows.set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def _cut(self, reset: bool) -> None:
        self._flows.clear()
        self._refuses = reset
        for writer in list(self._writers) if reset else ():
            writer.transport.abort()

    async def _mend(self) -> None:
        self._refuses = False
        self._flows.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        await self._flows.wait()  # packets are lost: nobody answers who wants to connect either
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        self._writers -= {writer, back}

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                await self._flows.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                sink.write(data)
                await sink.drain()
        await self._flows.wait()  # nor is it heard that the other end is gone
        sink.close()
