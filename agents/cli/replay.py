"""`forestall replay`: sends a file of events into the journal, with progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.output import json_option, plural, print_json, when
from forestall.agents.lag import Lag, lag_meter
from forestall.agents.replay import Progress, Replayed
from forestall.agents.replay import replay as send
from forestall.agents.settings import Settings


@click.command(epilog=NOTE)
@settings_options("kafka", "redis", "prefix", "outstanding_events", "outstanding_answers")
@click.argument("events", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), metavar="X", help="Events a second, at most."
)
@click.option("--speed", type=click.FloatRange(0, min_open=True), metavar="X",
              help="Seconds of event time a second, at most: 86400 plays a day a second.")  # fmt: skip
@click.option(
    "--no-wait", is_flag=True, help="Do not wait for the workers: as fast as the broker takes them."
)
@json_option
def replay(
    settings: Settings, events: Path, rate: float | None, speed: float | None, no_wait: bool, as_json: bool
) -> None:
    """Send the file EVENTS (one event a line, .jsonl or .jsonl.gz) into the journal.

    It waits for the workers, so that each question is asked with what had been learned by then, and ends by
    telling every partition the time of the last event. Sending a file twice is safe: an event counts once by
    its source and id, as long as the customer's last 64 events go back.

    \b
    Example:
      forestall replay events.jsonl.gz
      forestall replay events.jsonl --speed 86400
    """
    with _meter(settings, no_wait) as lag, _progress() as progress:
        done = send(events, settings, rate=rate, speed=speed, lag=lag, progress=progress)
    print_json(done._asdict()) if as_json else click.echo(_words(done))


@contextmanager
def _meter(settings: Settings, no_wait: bool) -> Iterator[Callable[[], Lag] | None]:
    if no_wait:
        yield None
        return
    with lag_meter(settings) as lag:
        yield lag


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """A bar on stderr, where that is a terminal."""
    import rich.progress as bars  # noqa: PLC0415 - takes longer to load than --help may
    from rich.console import Console  # noqa: PLC0415

    columns = (bars.BarColumn(), bars.TaskProgressColumn(), bars.TextColumn("{task.description}"),
               bars.TimeRemainingColumn())  # fmt: skip
    console = Console(stderr=True)
    with bars.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)

        def show(progress: Progress) -> None:
            waiting = progress.outstanding
            text = f"{progress.sent:,} sent, {waiting.events:,} events and {waiting.answers:,} answers wait"
            bar.update(task, completed=progress.fraction, description=text)

        yield show


def _words(done: Replayed) -> str:
    rate = done.sent / done.seconds if done.seconds else 0.0
    lines = [f"sent {plural(done.sent, 'event')} in {done.seconds:.1f} s ({rate:,.0f} a second)"]
    if done.last_ms is not None:
        lines.append(f"event time is {when(done.last_ms)} UTC now in every partition")
    if done.malformed:
        lines.append(
            f"{plural(done.malformed, 'line')} will be dead letters: see `forestall deadletters list`"
        )
    if done.too_large:
        first = ", ".join(map(str, done.too_large[:10]))
        lines.append(
            f"{plural(len(done.too_large), 'line')} not sent, larger than max_event_bytes: number {first}"
        )
    return "\n".join(lines)
