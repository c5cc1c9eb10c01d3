"""`python -m tests.bench`: benchmarks, each with a table and, with --json, a file."""

import json
from pathlib import Path

import click
from rich.console import Console

from tests.bench import foresight as foresight_bench
from tests.bench import throughput as throughput_bench


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Benchmarks of Forestall; without a command: throughput."""
    if context.invoked_subcommand is None:
        context.invoke(throughput)


@main.command()
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there.")
@click.option("--quick", is_flag=True, help="Fewer events.")
@click.option("--peers/--no-peers", default=True, help="Kafka Streams' bare count beside it.")
def throughput(file: Path | None, quick: bool, peers: bool) -> None:
    """Events a second and CPU µs an event: the whole job on real Kafka, the bare cores, a bare count.

    Example: make bench ARGS="throughput --json throughput.json"
    """
    found = throughput_bench.run(Console(), quick=quick, peers=peers)
    if file is not None:
        file.write_text(json.dumps(found, indent=2) + "\n")


@main.command()
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there.")
@click.option("--quick", is_flag=True, help="The smallest of the three samples alone.")
def foresight(file: Path | None, quick: bool) -> None:
    """How well the six published tasks are foreseen: AUROC, AUPRC, log loss, calibration, against LightGBM.

    Example: make bench ARGS="foresight --json foresight.json"
    """
    found = foresight_bench.run(Console(), quick=quick)
    if file is not None:
        file.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
