"""A worker as it is shipped, for benchmarks: `python -m tests.bench.job foresee learn --clocks DIR [--profile FILE]`.

It differs in what it runs: one processor alone if so asked (in a consumer group of its own), its cores on a clock each,
and under a profiler.
"""

import asyncio
import contextlib
import cProfile
import sys
from dataclasses import replace
from pathlib import Path

import click
import msgspec
import uvloop

from forestall.agents.owned import Part
from forestall.agents.settings import Settings
from forestall.agents.settings_sources import load_settings
from forestall.agents.worker import live_parts, run, start_logging, work
from tests.bench.clocks import Clock, Timed


class Apart(Settings, frozen=True, kw_only=True):
    """Settings of workers that run one processor each: workers of one group must read the same topics."""

    apart: str = ""

    def group(self, processor: str) -> str:
        """See Settings."""
        return f"{super().group(processor)}{self.apart}"


@click.command()
@click.argument("processors", nargs=-1)
@click.option("--clocks", type=click.Path(path_type=Path), required=True)
@click.option("--profile", type=click.Path(path_type=Path))
def main(processors: tuple[str, ...], clocks: Path, profile: Path | None) -> None:
    """Runs until it is told to end."""
    settings = Apart(**msgspec.structs.asdict(load_settings()), apart="-" + "-".join(processors))
    start_logging(settings)
    parts = [_on_clock(part, clocks) for part in live_parts(settings) if part.name in processors]
    if profile is None:
        run(settings, parts)
    uvloop.install()
    profiler = cProfile.Profile()
    with contextlib.suppress(asyncio.CancelledError):
        profiler.runcall(asyncio.new_event_loop().run_until_complete, work(settings, parts))
    profiler.dump_stats(profile)
    sys.stdout.flush()


def _on_clock(part: Part, folder: Path) -> Part:
    clock = Clock(folder / f"{part.name}.clock")
    return replace(part, core=lambda *where: Timed(part.core(*where), clock))


if __name__ == "__main__":
    main()
