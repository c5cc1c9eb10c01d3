"""`python -m tests.bench`: benchmarks, each with progress, a table and, with --json, a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import rich.console

from tests.bench import ablation as ablations
from tests.bench import foresight as foresights
from tests.bench import latency as latencies
from tests.bench import memory as memories
from tests.bench import notices as noticing
from tests.bench import page
from tests.bench import partitions as many
from tests.bench import queue as queues
from tests.bench import throughput as throughputs

#: What a table may take where no terminal sets its width.
WIDE = 160


@click.group()
def main() -> None:
    """Benchmarks of Forestall on real Kafka and Redis, which they start themselves."""


_JSON = click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there.")


def _write(found: dict[str, Any], file: Path | None) -> None:
    if file is not None:
        file.write_text(json.dumps(found, indent=2) + "\n")


def _outcome(command: Callable[..., Any]) -> Callable[..., Any]:
    """What every benchmark can do with what it found."""
    command = _JSON(command)
    return click.option(
        "--docs", is_flag=True, help="Keep them in docs/performance, and write docs/performance.md."
    )(command)


def _finish(name: str, found: dict[str, Any], file: Path | None, docs: bool) -> None:
    console = rich.console.Console()
    if not console.is_terminal:
        console.width = WIDE
    found = page.stamped(found)
    for table in page.SECTIONS[name].rows(found):
        if table.cells:
            table.show(console)
    _write(found, file)
    if docs:
        page.keep(name, found)
        page.write()


@main.command()
@_outcome
@click.option("--quick", "size", flag_value="quick", help="A fifth of the events.")
@click.option("--full", "size", flag_value="full", help="1,000,000 events of 100,000 customers.")
@click.option(
    "--only", multiple=True, type=click.Choice(throughputs.names()), help="This alone; may be repeated."
)
@click.option("--repeat", default=1, show_default=True, help="Run everything so often; figures are medians.")
@click.option(
    "--profile", type=click.Path(path_type=Path), help="Profile the worker's main thread into this file."
)
def throughput(
    file: Path | None, docs: bool, size: str | None, only: tuple[str, ...], repeat: int, profile: Path | None
) -> None:
    """Events a second and CPU µs an event: the whole job, its bare cores, and what others need for a count.

    Example: make bench ARGS="throughput --json throughput.json"
    """
    if profile is not None:
        profile = profile.absolute()
    chosen = throughputs.SIZES[size or "usual"]
    found = throughputs.run(rich.console.Console(), chosen, only=only, repeat=repeat, profile=profile)
    _finish("throughput", found, file, docs)


@main.command()
@_outcome
@click.option("--quick", is_flag=True, help="A sixth of the events.")
@click.option("--most", type=float, help="Events a second to take shares of, rather than the maximum found.")
def latency(file: Path | None, docs: bool, quick: bool, most: float | None) -> None:
    """From event produced to action claimable and alert on its topic, at 10, 50 and 80 % of what the worker takes.

    Example: make bench ARGS="latency --json latency.json"
    """
    _finish("latency", latencies.run(rich.console.Console(), quick=quick, most=most), file, docs)


@main.command()
@_outcome
@click.option(
    "--customers", multiple=True, type=int, default=memories.CUSTOMERS, help="How many; may be repeated."
)
@click.option(
    "--each",
    default=memories.EVENTS_EACH,
    show_default=True,
    help="How many events a customer sends in 200 days.",
)
def memory(file: Path | None, docs: bool, customers: tuple[int, ...], each: int) -> None:
    """Bytes a customer in Redis, the worker's memory, and CPU an event, as the customers grow in number.

    Example: make bench ARGS="memory --json memory.json"
    """
    _finish("memory", memories.run(rich.console.Console(), customers, each), file, docs)


@main.command()
@_outcome
@click.option("--actions", default=10_000, show_default=True, help="How many.")
def queue(file: Path | None, docs: bool, actions: int) -> None:
    """What it costs to deliver an alert to the queue, to claim it, and to finish it.

    Example: make bench ARGS="queue --json queue.json"
    """
    _finish("queue", queues.run(rich.console.Console(), actions), file, docs)


@main.command("page")
def page_alone() -> None:
    """Writes docs/performance.md and its charts anew from what is kept; measures nothing."""
    page.draw()
    page.write()


@main.command()
@_JSON
@click.option("--quick", is_flag=True, help="The smallest of the three samples alone.")
def foresight(file: Path | None, quick: bool) -> None:
    """How well the six published tasks are foreseen: AUROC, AUPRC, log loss, calibration, against LightGBM.

    Example: make bench ARGS="foresight --json foresight.json"
    """
    found = foresights.run(rich.console.Console(), quick=quick)
    _write(found, file)


@main.command()
@_JSON
@click.option("--quick", is_flag=True, help="The smallest of the three samples alone.")
def ablation(file: Path | None, quick: bool) -> None:
    """What each family of features is worth on the rows before each task's test, and costs in µs a prediction.

    Example: make bench ARGS="ablation --json ablation.json"
    """
    found = ablations.run(rich.console.Console(), quick=quick)
    _write(found, file)


@main.command()
@_JSON
@click.option("--quick", is_flag=True, help="The smallest of the three samples alone.")
@click.option("--partitions", default=many.PARTITIONS, show_default=True, help="Of the journal.")
@click.option(
    "--outstanding",
    default=many.OUTSTANDING,
    show_default=True,
    help="Events, and answers, that wait at most.",
)
def partitions(file: Path | None, quick: bool, partitions: int, outstanding: int) -> None:
    """Whether many partitions, live, foresee as well as one does inline: AUROC on the six published tasks.

    Example: make bench ARGS="partitions --json partitions.json"
    """
    console = rich.console.Console()
    found = page.stamped(many.run(console, quick=quick, partitions=partitions, outstanding=outstanding))
    _write(found, file)


@main.command()
@_JSON
@click.option("--quick", is_flag=True, help="The smallest of the three samples alone.")
def notices(file: Path | None, quick: bool) -> None:
    """How often learn should tell what it has learned: quality lost against bytes sent, on rows before the tests.

    Example: make bench ARGS="notices --json notices.json"
    """
    found = noticing.run(rich.console.Console(), quick=quick)
    _write(found, file)


if __name__ == "__main__":
    main()
