"""`forestall demo`: the whole of Forestall on this machine alone, over real events, live."""

import secrets
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from forestall.agents.cli.demo_score import Result, result_of, score_lines
from forestall.agents.cli.demo_show import Show
from forestall.agents.cli.demo_stage import SETS, Stage
from forestall.agents.cli.output import json_option, print_json
from forestall.agents.embedded import Embedded
from forestall.agents.lag import lag_meter
from forestall.agents.replay import replay

#: How long what was foreseen may take to reach topic and queue after the last event.
DELIVERY = 30.0


@click.command()
@click.option(
    "--exit", "then_exit", is_flag=True, help="End after the replay, instead of staying until Ctrl-C."
)
@click.option("--set", "name", type=click.Choice(sorted(SETS)), default="retail", show_default=True,
              help="The sample to replay, with its catalogue.")  # fmt: skip
@click.option("--events", type=click.IntRange(1), metavar="N", help="Replay only so many events. [all]")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False),
              help="Keep the logs of broker, store and worker here. [a temporary folder]")  # fmt: skip
@click.option(
    "--kafka", metavar="VALUE", help="Use this Kafka, under a prefix of its own. [an embedded broker]"
)
@click.option("--redis", metavar="VALUE", help="Use this Redis, likewise. [an embedded store]")
@json_option
def demo(
    then_exit: bool,
    name: str,
    events: int | None,
    folder: Path | None,
    kafka: str | None,
    redis: str | None,
    as_json: bool,
) -> None:
    """Foresee problems in a real sample, live, on this machine alone.

    Starts an embedded broker, an embedded store and a worker on free loopback ports, replays a sample through
    them, shows alerts with their reasons as they are raised, and ends with the score. Needs nothing but Python,
    and leaves no process and no file behind. With --json the score is one document, and the rest on stderr.

    \b
    Example:
      forestall demo
      forestall demo --exit --set helpdesk
    """
    if (kafka is None) != (redis is None):
        raise click.UsageError("name both --kafka and --redis, or neither")
    prefix = "forestall" if kafka is None else f"forestall-demo-{secrets.token_hex(4)}"
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    with (
        _ended_by_sigterm(),
        _folder(folder) as place,
        _servers(place, kafka, redis) as (bootstrap, url),
        Stage(place, SETS[name], bootstrap, url, prefix) as stage,
    ):
        result = _perform(stage, events, console)
        if as_json:
            print_json(result)
        _look_further(stage, console)
        if not then_exit:
            console.print("\nCtrl-C ends the demo, and all that it started.")
            _stay(stage, console)


def _perform(stage: Stage, events: int | None, console: Console) -> Result:
    """The whole demo, up to the score."""
    began = time.monotonic()
    for step in stage.set_up():
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/]  {step}")
    file, total = stage.sample(events)
    console.print(f"         replaying {total:,} events of [b]{file.name}[/] ({stage.set.about})\n")
    with Show(stage, total, console) as show, lag_meter(stage.settings) as lag:
        replay(file, stage.settings, lag=lag, progress=show.progress)
        deadline = time.monotonic() + DELIVERY
        while (sum(lag()) or not show.delivered()) and time.monotonic() < deadline:
            show.refresh()
            time.sleep(0.1)
        show.refresh()
    result = result_of(stage, total, began)
    for line in score_lines(result):
        console.print(line)
    return result


def _look_further(stage: Stage, console: Console) -> None:
    own = stage.settings.prefix
    prefix = "" if own == "forestall" else f" FORESTALL_PREFIX={own}"
    console.print(
        f"""
To look further, while the demo stays (without --exit), in another terminal:
  export FORESTALL_KAFKA={stage.settings.kafka} FORESTALL_REDIS={stage.settings.redis}{prefix}
  forestall alerts follow --from-beginning --limit 10
  forestall queue list
  forestall customer show {stage.a_customer()}
  curl http://{stage.settings.web_host}:{stage.settings.web_port}/metrics"""
    )


def _stay(stage: Stage, console: Console) -> None:
    try:
        while stage.worker.alive:
            time.sleep(0.2)
        console.print(f"the worker has ended; its log: {stage.worker.log}")
    except KeyboardInterrupt:
        console.print("ended")


@contextmanager
def _servers(folder: Path, kafka: str | None, redis: str | None) -> Iterator[tuple[str, str]]:
    if kafka is not None and redis is not None:
        yield kafka, redis
        return
    with Embedded(folder) as servers:
        yield servers.bootstrap, servers.url


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="forestall-demo-") as made:
        yield Path(made)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does."""

    def end(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
