"""`python -m tests.chaos --simulate [--seeds N] [--first-seed K] [--json F]`: simulated faults, by seed."""

import argparse
import logging
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec
import rich.progress

from tests.simulation.run import Result, simulate

#: Seeds that a process runs before it reports.
SLICE = 5


class Report(msgspec.Struct, kw_only=True):
    """What the JSON says. `compared` are records that were held against the sequential replay; `found` are the
    violations of each seed that failed."""

    seeds: int
    first_seed: int
    faults: int
    violations: int
    by_kind: dict[str, int]
    compared: dict[str, int]
    seconds: float
    found: dict[int, list[str]]


def main(arguments: Sequence[str]) -> int:
    """Runs, reports, and returns the exit status: 1 if anything was violated."""
    options = _options(arguments)
    report = run(options.first_seed, options.seeds, options.processes)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    _show(report)
    return 1 if report.violations else 0


def run(first: int, seeds: int, processes: int) -> Report:
    """Runs the seeds; those that fail are told as they come."""
    faults, compared = Counter[str](), Counter[str]()
    found: dict[int, list[str]] = {}
    began = time.perf_counter()
    with rich.progress.Progress(transient=True) as progress:
        bar = progress.add_task("seeds", total=seeds)
        for result in _results(first, seeds, processes):
            progress.advance(bar)
            faults.update(result.faults)
            compared.update(result.counts)
            if result.violations:
                found[result.seed] = result.violations
                progress.console.print(f"seed {result.seed}: {result.violations[0]}", markup=False)
    return Report(
        seeds=seeds,
        first_seed=first,
        faults=faults.total(),
        violations=sum(map(len, found.values())),
        by_kind=dict(sorted(faults.items())),
        compared=dict(sorted(compared.items())),
        seconds=round(time.perf_counter() - began, 1),
        found=dict(sorted(found.items())),
    )


def _results(first: int, seeds: int, processes: int) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_quiet) as pool:
        yield from pool.map(simulate, range(first, first + seeds), chunksize=SLICE)


def _quiet() -> None:
    """Thousands of refusals and retries are what is asked for here."""
    logging.disable(logging.CRITICAL)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos --simulate", description="Simulated faults, by seed."
    )
    parser.add_argument("--seeds", type=_positive, default=1_000, help="how many (default 1,000)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them (default 0)")
    parser.add_argument(
        "--processes", type=_positive, default=os.cpu_count() or 1, help="default: one a core"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _show(report: Report) -> None:
    for kind, count in report.by_kind.items():
        print(f"{count:8,}  {kind}")
    print(f"{report.faults:8,}  faults in {report.seeds:,} seeds, {report.seconds:g} s")
    print("          compared: " + ", ".join(f"{n:,} {name}" for name, n in report.compared.items()))
    print(f"{report.violations:8,}  violations in {len(report.found):,} seeds")
    for seed in report.found:
        print(f'make chaos ARGS="--simulate --seeds 1 --first-seed {seed}"')
