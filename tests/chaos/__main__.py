"""`python -m tests.chaos [--minutes N] [--seed K] [--json F]`; with `--simulate`, see tests/chaos/simulate.py."""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.chaos.run import Report, run
from tests.chaos.worker import BREAKS


def main(arguments: Sequence[str]) -> int:
    """Runs, reports, and returns the exit status: 1 if anything was violated."""
    if "--simulate" in arguments:
        from tests.chaos.simulate import main as simulate

        return simulate([argument for argument in arguments if argument != "--simulate"])
    options = _options(arguments)
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}: {options.minutes:g} minutes of faults", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        place = options.keep or Path(folder) / "run"
        breaks = [options.broken] if options.broken else []
        report = run(
            place,
            seed,
            options.minutes * 60,
            trainers=options.trainers,
            breaks=breaks,
            tell=lambda text: print(text, file=sys.stderr),
        )
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    _show(report)
    return 1 if report.violations else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Real faults on real servers.")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long faults go on (default 3)")
    parser.add_argument("--seed", type=int, help="which faults (default: a random one, which is shown)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    parser.add_argument("--trainers", type=int, default=0, help="so many, for trees that join one problem")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave logs and the recording there")
    parser.add_argument("--broken", choices=BREAKS, help="break a safeguard: it should be noticed")
    return parser.parse_args(arguments)


def _show(report: Report) -> None:
    for kind, count in report.by_kind.items():
        print(f"{count:6,}  {kind.replace('_', ' ')}")
    print(f"{report.faults:6,}  faults in {report.seconds:g} s, {report.events:,} events")
    if report.trainers:
        print(f"{report.trees:6,}  trees fitted by {report.trainers} trainers")
    compared = ", ".join(f"{count:,} {name}" for name, count in sorted(report.compared.items()))
    print(f"        quiet {report.quiet_after:g} s after the last; compared: {compared}")
    for invariant, count in report.by_invariant.items():
        print(f"{count:6,}  {invariant}")
    for text in report.found:
        print(f"   !    {text}")
    print(f"{report.violations:6,}  violations")
    more = f" --trainers {report.trainers}" if report.trainers else ""
    more += "".join(f" --broken {name}" for name in report.broken)
    if report.violations:
        print(f'make chaos ARGS="--minutes {report.seconds / 60:g} --seed {report.seed}{more}"')


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
