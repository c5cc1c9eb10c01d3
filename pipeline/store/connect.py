"""A Redis client as the store wants it: bytes as replies, and little of our own CPU for a call.

Of redis-py it has what a call needs: connections, their errors and timeouts, and that a call is sent again. It leaves
out what redis-py does besides: measurements for observers that we do not have, locks around what never waits, a task
for every command that is sent. (A call of a small script takes 32 µs of CPU without these, most of it the kernel's and
the loop's, and took 140 with them.)
"""

import asyncio
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, Connection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

#: Connections of one client at most. Who finds none free waits for one: a worker that takes many partitions asks for
#: all of them at once.
CONNECTIONS = 50
#: A command of so many bytes has redis-py's timeout for its way out alone, before that of the reply begins.
LONG = 1024 * 1024
#: What stands before an argument, by its length; for most of them.
HEADS = [b"\r\n$%d\r\n" % length for length in range(4096)]


class DirectConnection(Connection):
    """Packs a command quickly, and sends it without a task of its own.

    redis-py copies a long command many times over, and hiredis grows it: a commit of 500 documents of 1 kB takes the
    one 790 µs, the other 1,090, and here 130. For a short one they are all a few µs.
    """

    def pack_command(self, *args: Any) -> list[bytes]:
        """The command in Redis' protocol, in one piece. Arguments are str, bytes, int or float."""
        words = args[0].split()  # redis-py says "SCRIPT LOAD" in one
        pieces = [b"*%d" % (len(words) + len(args) - 1)]
        for word in (*words, *args[1:]):
            argument = word if isinstance(word, bytes) else str(word).encode()
            length = len(argument)
            pieces += (HEADS[length] if length < len(HEADS) else b"\r\n$%d\r\n" % length, argument)
        pieces.append(b"\r\n")
        return [b"".join(pieces)]

    async def send_command(self, *args: Any, **kwargs: Any) -> None:
        """Sends a command without waiting until it is out, unless it is long: who then waits for the reply waits for
        that too, under the same timeout, and is told what came in the way."""
        packed = self.pack_command(*args)
        if self._writer is None or self.health_check_interval or len(packed[0]) > LONG:
            await self.send_packed_command(packed)
        else:
            self._writer.writelines(packed)


class Pool(ConnectionPool):
    """At most `CONNECTIONS`; those that were used last are used first."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_connections=CONNECTIONS, **options)
        self._unused = asyncio.Semaphore(CONNECTIONS)

    async def get_connection(
        self, command_name: Any = None, *keys: Any, **options: Any
    ) -> AbstractConnection:
        """A connection that stands, or one that is made to; waits while all are in use."""
        await self._unused.acquire()
        connection: AbstractConnection = self.get_available_connection()  # type: ignore[no-untyped-call]  # redis-py has no types
        try:
            if connection.should_reconnect():  # type: ignore[no-untyped-call]  # redis-py has no types
                await connection.disconnect()
            if not connection.is_connected or await connection.can_read():  # closed, or a reply nobody took
                await self.ensure_connection(connection)
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        """Gives it back."""
        self._in_use_connections.remove(connection)
        self._available_connections.append(connection)
        self._unused.release()


class DirectRedis(Redis):
    """redis-py's client, whose single commands go their way directly."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Sends a command and returns its reply, again on a new connection where one was lost."""
        pool: Any = self.connection_pool
        connection = await pool.get_connection()

        async def ask() -> Any:
            await connection.send_command(*args)
            return await self.parse_response(connection, args[0], **options)

        try:
            return await connection.retry.call_with_retry(ask, lambda _error: connection.disconnect())
        finally:
            await pool.release(connection)


def connect(url: str) -> Redis:
    """A client for `redis://host:port/db`. Nothing is sent before its first command.

    A call whose connection is lost is sent again, three times within about a second: every script of ours may
    be repeated. After that redis' ConnectionError comes out.
    """
    retry = Retry(ExponentialWithJitterBackoff(base=0.1, cap=1.0), retries=3)
    # TLS and Unix sockets have connections of their own.
    direct = {"connection_class": DirectConnection} if url.startswith("redis://") else {}
    return DirectRedis.from_pool(Pool.from_url(url, retry=retry, **direct))
