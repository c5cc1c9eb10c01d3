"""Many seeds, on all processors; and what came of them as one report."""

import logging
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from tests.simulation.faults import KINDS
from tests.simulation.mutants import simulate_mutant
from tests.simulation.run import Result, simulate
from tests.simulation.violations import INVARIANTS, Violation


class Found(msgspec.Struct, frozen=True):
    """A violation; `command` runs its seed again."""

    seed: int
    invariant: str
    text: str
    command: str


class Report(msgspec.Struct, kw_only=True):
    """What all seeds did and found. `faults` and `violations` are numbers; `by_kind`, `by_invariant` and `found`
    tell them. `compared` counts what was held against the replay, `ends` what workers ended by."""

    first_seed: int
    seeds: int
    broken: str | None
    seconds: float = 0.0
    steps: int = 0
    faults: int = 0
    by_kind: dict[str, int] = {}
    violations: int = 0
    by_invariant: dict[str, int] = {}
    failing_seeds: list[int] = []
    found: list[Found] = []
    compared: dict[str, int] = {}
    ends: dict[str, int] = {}


def again(seed: int, broken: str | None) -> str:
    """The command that runs a seed again."""
    option = f" --broken {broken}" if broken else ""
    return f'make chaos ARGS="--simulate --seeds 1 --first-seed {seed}{option}"'


def run_seeds(
    seeds: Sequence[int],
    broken: str | None = None,
    processes: int | None = None,
    heard: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Runs them all; `heard` is told of each. One seed runs in this process."""
    began = time.monotonic()
    report = Report(first_seed=min(seeds), seeds=len(seeds), broken=broken)
    kinds, invariants, compared, ends = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for result in _results([(seed, broken) for seed in seeds], processes or os.cpu_count() or 1):
        heard(result)
        report.steps += result.steps
        kinds.update(result.faults)
        invariants.update(one.invariant for one in result.violations)
        compared.update(result.counts)
        ends.update(result.ends)
        report.found += [Found(result.seed, *one, again(result.seed, broken)) for one in result.violations]
    report.seconds = round(time.monotonic() - began, 1)
    report.faults, report.violations = kinds.total(), invariants.total()
    report.by_kind = {kind: kinds[kind] for kind in KINDS}
    report.by_invariant = {name: invariants[name] for name in INVARIANTS}
    report.found.sort(key=lambda one: one.seed)
    report.failing_seeds = list(dict.fromkeys(one.seed for one in report.found))
    report.compared, report.ends = dict(sorted(compared.items())), dict(sorted(ends.items()))
    return report


def run_one(task: tuple[int, str | None]) -> Result:
    """Runs one seed; what the simulation itself raises is a finding too."""
    seed, broken = task
    try:
        return simulate_mutant(broken, seed) if broken else simulate(seed)
    except Exception as error:
        logging.getLogger(__name__).exception("seed %d", seed)
        what = Violation("rest", f"the run raised {type(error).__name__}: {error}")
        return Result(seed, [what], Counter(), Counter(), {}, 0, 0)


def _results(tasks: Sequence[tuple[int, str | None]], processes: int) -> Iterator[Result]:
    if len(tasks) == 1:
        yield from map(run_one, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(processes, _quietly) as pool:
        yield from pool.imap_unordered(run_one, tasks, chunksize=4)


def _quietly() -> None:
    logging.disable(logging.CRITICAL)  # of thousands of deaths each is told
