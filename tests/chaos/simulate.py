"""`python -m tests.chaos --simulate [--seeds N] [--first-seed K] [--json F]`: faults without servers, by seed."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.simulation.mutants import MUTANTS
from tests.simulation.run import Result
from tests.simulation.seeds import Report, again, run_seeds


def main(arguments: Sequence[str]) -> int:
    """Runs, reports, and returns the exit status: 1 if anything was violated."""
    options = _options(arguments)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    progress = Progress(len(seeds), options.broken)
    report = run_seeds(seeds, options.broken, options.processes, progress.heard)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    _show(report)
    return 1 if report.violations else 0


class Progress:
    """Tells on stderr how far it is, every few seconds, and of every failing seed at once."""

    def __init__(self, total: int, broken: str | None) -> None:
        self.total, self.broken = total, broken
        self._began = self._told = time.monotonic()
        self._done = self._failed = 0

    def heard(self, result: Result) -> None:
        """One more seed is done."""
        self._done += 1
        if result.violations:
            self._failed += 1
            more = f" (and {len(result.violations) - 1} more)" if len(result.violations) > 1 else ""
            print(f"seed {result.seed}: {result.violations[0]}{more}", file=sys.stderr)
            print(f"  {again(result.seed, self.broken)}", file=sys.stderr, flush=True)
        now = time.monotonic()
        if now - self._told > 5:
            self._told = now
            left = (now - self._began) / self._done * (self.total - self._done)
            words = f"{self._done:,} of {self.total:,} seeds, {self._failed} failed, {left:.0f} s to go"
            print(words, file=sys.stderr, flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos --simulate",
        description="The worker's real code over simulated servers, under a seeded scheduler.",
    )
    parser.add_argument("--seeds", type=_positive, default=200, help="how many (default 200)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them (default 0)")
    parser.add_argument("--processes", type=_positive, help="how many at once (default: one per processor)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    parser.add_argument("--broken", choices=MUTANTS, help="break a safeguard: it should be noticed")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _show(report: Report) -> None:
    for kind, count in report.by_kind.items():
        print(f"{count:8,}  {kind}")
    print(
        f"{report.faults:8,}  faults in {report.seeds:,} seeds, {report.steps:,} steps, {report.seconds:g} s"
    )
    print("          compared: " + ", ".join(f"{count:,} {name}" for name, count in report.compared.items()))
    for name, count in report.by_invariant.items():
        print(f"{count:8,}  violations of '{name}'")
    if report.seeds == 1:
        for one in report.found:
            print(f"     !    {one.invariant}: {one.text}")
    for seed in report.failing_seeds:
        print(again(seed, report.broken))
    print(f"{report.violations:8,}  violations in {len(report.failing_seeds):,} seeds")
