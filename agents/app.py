"""The Faust app: agents over chunked topics, the processors' own and the intake's foreign ones.

Faust assigns, rebalances, fetches; `Owner` does the rest.
"""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Collection
from typing import Any

import faust
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from forestall.agents.child import free_port
from forestall.agents.chunk import Chunk, Place
from forestall.agents.intake import NAME as INTAKE
from forestall.agents.owned import Part
from forestall.agents.ownership import Owner
from forestall.agents.settings import Settings
from forestall.agents.transport import Transport
from forestall.pipeline.errors import ServerFailed

#: Chunks that wait before an agent. With what one fetch brings of each partition, this bounds memory.
WAITING_CHUNKS = 8


class App(faust.App):
    """Faust's app without its data directory: it has no tables."""

    def _create_directories(self) -> None:
        pass


class Whole(faust.Schema):  # type: ignore[type-arg]  # generic in types that a chunk does not have
    """Hands a chunk on as it is: the core decodes records itself."""

    def compile(self, app: Any, **_options: Any) -> Callable[..., Awaitable[Any]]:
        """See faust.Schema: returns what turns a message into an event."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return faust.Event(app, None, message.value, {}, message)

        return decode


def build(settings: Settings, owner: Owner, parts: Collection[Part], registry: CollectorRegistry) -> App:
    """The app, ready to start."""
    app = App(settings.group("worker"), **_configuration(settings))
    transport = app.transport
    if not isinstance(transport, Transport):
        raise ServerFailed("Faust has another transport for chunks:// than ours; reinstall forestall")
    transport.chunked = owner.chunked
    for part in parts:
        topic = app.topic(part.topic, schema=Whole(), value_type=bytes)
        app.agent(topic, name=part.name, concurrency=1)(_agent(owner))
    if owner.intake is not None:
        foreign = app.topic(*sorted(owner.intake.topics), schema=Whole(), value_type=bytes)
        app.agent(foreign, name=INTAKE, concurrency=1)(_agent(owner))
    _follow_assignments(app, owner)
    _serve(app, registry, owner)
    return app


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        "broker": [f"chunks://{address}" for address in settings.kafka.split(",")],
        "broker_session_timeout": settings.session_timeout,
        "broker_heartbeat_interval": settings.session_timeout / 4,
        "consumer_auto_offset_reset": "earliest",
        "stream_buffer_maxsize": WAITING_CHUNKS,
        # A rebalance waits for nothing: what was fetched for the old assignment is dropped by its epoch. (Waiting
        # for every chunk held the group up until the broker threw the worker out.)
        "stream_wait_empty": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_bind": settings.web_host,
        "web_host": settings.web_host,
        "web_port": settings.web_port or free_port(),
        "web_tables_enabled": False,
        "worker_redirect_stdouts": False,
    }


def _agent(owner: Owner) -> Callable[[AsyncIterable[Chunk]], Awaitable[None]]:
    async def agent(chunks: AsyncIterable[Chunk]) -> None:
        """An exception that leaves an agent acknowledges its event: none may. The process ends instead."""
        async for chunk in chunks:
            try:
                await owner.process(chunk)
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                owner.chunked.failed(error)
                await asyncio.Event().wait()

    return agent


def _follow_assignments(app: App, owner: Owner) -> None:
    def follow(react: Callable[[Collection[Place]], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def followed(*arguments: Any, **_: Any) -> None:
            """Faust goes on after an error here, with partitions half taken or half left: the process ends instead."""
            try:
                await react(arguments[1])
            except Exception as error:
                owner.chunked.failed(error)
                raise

        return followed

    app.on_partitions_assigned.connect(follow(owner.assigned))
    app.on_partitions_revoked.connect(follow(owner.revoked))


def _serve(app: App, registry: CollectorRegistry, owner: Owner) -> None:
    @app.page("/metrics")
    async def metrics(web: Any, _request: Any) -> Any:
        return web.bytes(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @app.page("/health")
    async def health(web: Any, _request: Any) -> Any:
        partitions = [f"{topic}/{partition}" for topic, partition in sorted(owner.chunked.epochs)]
        ready = bool(partitions) and not app.rebalancing
        return web.json({"ready": ready, "partitions": partitions}, status=200 if ready else 503)
