"""The worker: `python -m forestall.agents.worker` runs it supervised, with `--alone` without a supervisor."""

import asyncio
import gc
import importlib.metadata
import logging
import os
import signal
import sys
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, NoReturn

import uvloop
from aiokafka import AIOKafkaProducer

from forestall.agents.app import App, build
from forestall.agents.chunk import Place
from forestall.agents.collecting import COLLECTOR_PACE
from forestall.agents.exits import code_of, says_enough
from forestall.agents.foreign_topics import foreign_topics
from forestall.agents.intake import ForeignTopic, Intake
from forestall.agents.lanes import Lanes
from forestall.agents.outcomes import OutcomeRelay
from forestall.agents.owned import Edges, Part
from forestall.agents.ownership import Owner, breaker
from forestall.agents.producing import Producers, started_producers
from forestall.agents.queue_gauges import show_queue
from forestall.agents.settings import Settings
from forestall.agents.settings_sources import load_settings
from forestall.agents.supervisor import RESTARTS, SUPERVISOR, Supervisor
from forestall.agents.taking_over import refuse_newer_state
from forestall.agents.topics import verify_topics
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.core.versions import STATE_VERSION
from forestall.pipeline.errors import ConfigurationError, ForestallError
from forestall.pipeline.metrics import Metrics, process_registry
from forestall.pipeline.queue.queue import ActionQueue
from forestall.pipeline.store.connect import connect
from forestall.pipeline.store.partition import PartitionStore

log = logging.getLogger(__name__)

#: For so many seconds answers are gathered: every commit of learn writes its problems' whole states.
LEARN_GATHERS = 0.5
#: So many answers are learned before others may compute: some 5 ms.
LEARN_TURN = 125

#: How long a clean end may take: finish the chunk in hand, leave the group.
GRACE = 8.0

#: Loggers of which we want warnings only; mode names its services' loggers after the modules of our classes.
_LOUD = (
    "faust",
    "mode",
    "aiokafka",
    "asyncio",
    "aiohttp",
    "numba",
    "forestall.agents.app",
    "forestall.agents.transport",
)

#: What about a topic no worker may go on without; the names are those of `topics.Difference.what`.
_GROUND = ("topic", "partitions", "message.timestamp.type")

#: Makes a core: partition, number of answers partitions.
MakeCore = Callable[[int, int], Core]


class Ending:
    """Why the worker ends; the first reason counts. None is a clean end."""

    def __init__(self) -> None:
        self._told: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def tell(self, error: BaseException | None = None) -> None:
        """Ends the worker."""
        if not self._told.done():
            self._told.set_result(error)

    async def wait(self) -> BaseException | None:
        """Waits for the end, and says why."""
        return await asyncio.shield(self._told)


def parts_of(settings: Settings, foresee: MakeCore, learn: MakeCore) -> list[Part]:
    """The two processors over their topics."""
    topics = settings.topics
    return [
        Part("foresee", topics.events, foresee, ticks=True),
        Part("learn", topics.answers, learn, ticks=False, gather=LEARN_GATHERS, turn=LEARN_TURN),
    ]


async def work(settings: Settings, parts: Sequence[Part]) -> BaseException | None:
    """Runs the worker until it is told to end; returns what ended it."""
    ending = Ending()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.tell)
    try:
        await asyncio.to_thread(check_topics, settings)
        foreign = await asyncio.to_thread(foreign_topics, settings)
    except ForestallError as wrong:
        return wrong
    registry = process_registry()
    try:
        producers = await started_producers(settings)
    except ForestallError as wrong:
        return wrong
    producer = producers.shared
    edges, queue = _edges(settings, Metrics(registry), producers, ending)
    owner = Owner(parts, edges, _intake(foreign, edges))
    app = build(settings, owner, parts, registry)
    edges.attach(app)
    outcomes = OutcomeRelay(
        queue, producer, settings, lambda: (settings.topics.events, 0) in owner.chunked.epochs
    )
    endless = (_serve(app), owner.keep(), outcomes.run(), show_queue(queue, edges.metrics), _parent(ending))
    tasks = [asyncio.create_task(guarded(each, ending)) for each in endless]
    error = await ending.wait()
    app.conf.stream_wait_empty = error is None  # an agent that failed holds its chunk for ever
    await asyncio.wait([asyncio.create_task(_stop(app, owner, producer, tasks))], timeout=GRACE)
    return error


def check_topics(settings: Settings) -> None:
    """Raises ConfigurationError where a topic is missing or not what order and time rest on; warns of the rest."""
    differences = [one for one in verify_topics(settings) if one.kind == "differs"]
    if fatal := [str(one) for one in differences if one.what in _GROUND]:
        raise ConfigurationError(fatal)
    for one in differences:
        log.warning("%s", one)


def run(settings: Settings, parts: Sequence[Part]) -> NoReturn:
    """Runs one worker, says why it ended, and ends the process with its exit code.

    At once, for a thread or task of a library may hang; what counts is committed.
    """
    uvloop.install()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_PACE)
    error = asyncio.new_event_loop().run_until_complete(work(settings, parts))
    if error is not None and says_enough(error):
        log.error("%s: %s", type(error).__name__, error)
    elif error is not None:
        log.error("the worker ends", exc_info=error)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code_of(error))


def start_logging(settings: Settings) -> None:
    """Our own log at the level that is set; the libraries' warnings only."""
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    for library in _LOUD:
        logging.getLogger(library).setLevel(logging.WARNING)


def _edges(
    settings: Settings, metrics: Metrics, producers: Producers, ending: Ending
) -> tuple[Edges, ActionQueue]:
    redis = connect(settings.redis)
    queue = ActionQueue(redis, settings.store_prefix)
    metrics.restarts.set(int(os.environ.get(RESTARTS, "0")))
    metrics.core.info({"version": _version(), "state": str(STATE_VERSION)})

    def delivered(processor: str, kind: str, count: int) -> None:
        metrics.relay_delivered.labels(processor, kind).inc(count)

    def store(processor: str, partition: int) -> PartitionStore:
        return PartitionStore(redis, processor, partition, settings.store_prefix)

    producer, transactions = producers
    lanes = Lanes(settings, producer, queue, delivered, transactions=transactions)
    return Edges(settings, metrics, store, producer, lanes, ending.tell), queue


def _version() -> str:
    try:
        return importlib.metadata.version("forestall")
    except importlib.metadata.PackageNotFoundError:  # run from its folders, without being installed
        return "unknown"


def _intake(foreign: Sequence[ForeignTopic], edges: Edges) -> Intake | None:
    if not foreign:
        return None

    async def offsets(places: Collection[Place]) -> Mapping[Place, int | None]:
        known: Mapping[Place, int | None] = await edges.consumer().committed(places)
        return known

    settings = edges.settings
    return Intake(foreign, settings, edges.producer, edges.metrics, breaker(settings), offsets)


async def _serve(app: App) -> None:
    """Starts the app and waits until it stops, which it does by itself only when it crashed."""
    app.web.init_server()
    await app.start()
    web: Any = app.web
    log.info("/metrics and /health at %s", web._runner.addresses)
    while not app.crashed and not app.should_stop:
        await asyncio.sleep(0.2)
    raise app.crash_reason or RuntimeError("Faust stopped")


async def _parent(ending: Ending) -> None:
    """A supervisor that was killed takes its child along, also one that was killed while the child started."""
    parent = int(os.environ.get(SUPERVISOR, os.getppid()))
    while os.getppid() == parent:
        await asyncio.sleep(1)
    ending.tell()


async def guarded(endless: Coroutine[None, None, None], ending: Ending) -> None:
    """Runs what should never end; if it raises, the process ends of it."""
    try:
        await endless
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        ending.tell(error)


async def _stop(
    app: App, owner: Owner, producer: AIOKafkaProducer, tasks: Sequence[asyncio.Task[None]]
) -> None:
    """The chunk in hand is finished, the group left; the next owner goes on from the committed position."""
    await app.stop()
    await owner.stop()
    for task in tasks:
        task.cancel()
    await producer.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the settings from file and environment."""
    alone = "--alone" in (sys.argv[1:] if arguments is None else arguments)
    if not alone:
        return Supervisor([sys.executable, "-m", "forestall.agents.worker", "--alone"]).run()
    try:
        settings = load_settings()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return code_of(error)
    start_logging(settings)
    try:
        refuse_newer_state(settings)
    except ForestallError as error:
        log.error("%s: %s", type(error).__name__, error)  # noqa: TRY400 - the message says what to do
        return code_of(error)
    return run(settings, live_parts(settings))


def live_parts(settings: Settings) -> list[Part]:
    """The processors with their real cores, whose kernels take a moment to load."""
    from forestall.pipeline.core.foresee import Foresee  # noqa: PLC0415 (see above)
    from forestall.pipeline.core.learn import Learn  # noqa: PLC0415
    from forestall.pipeline.core.models.fingerprint import warm_up  # noqa: PLC0415

    warm_up()  # where nothing is cached it compiles for seconds: not while others wait for us to take partitions
    topic = settings.topics.events
    return parts_of(settings, lambda p, answers: Foresee(p, answers, topic), lambda p, _answers: Learn(p))


if __name__ == "__main__":
    sys.exit(main())
