"""One run: faults by the seed, then quiet, then the invariants."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from forestall.agents.lag import lag_meter
from forestall.pipeline.errors import ForestallError
from tests.chaos.faults import Faults
from tests.chaos.invariants import check, fitted
from tests.chaos.quiet import unrest
from tests.chaos.schedule import DECK, GAP, TRAINED_DECK, schedule
from tests.chaos.stage import Stage

#: How long until all is quiet, at most, in seconds.
PATIENCE = 300.0
#: And once a worker has ended for good.
SHORT_PATIENCE = 30.0
#: Who comes so much too late for a fault has stood still: what follows is put off too.
LATE = 20.0


class Report(msgspec.Struct, kw_only=True):
    """What a run did and found. `broken` are the safeguards that the workers did without. `faults` and `violations` are
    numbers; `by_kind`, `by_invariant` and `found` tell them; `compared` counts, by destination, the records that were
    compared with the replay's; `trees` were fitted by the trainers, if there were any."""

    seed: int
    seconds: float
    broken: list[str]
    trainers: int
    events: int
    faults: int
    by_kind: dict[str, int]
    restarts: int
    done: int
    quiet_after: float = 0.0
    compared: dict[str, int] = {}
    trees: int = 0
    repeats: int = 0
    violations: int = 0
    by_invariant: dict[str, int] = {}
    found: list[str] = []


def run(
    folder: Path,
    seed: int,
    seconds: float,
    *,
    gap: float = GAP,
    trainers: int = 0,
    breaks: Sequence[str] = (),
    tell: Callable[[str], None] = lambda text: None,
) -> Report:
    """Faults for `seconds`, with so many trainers; `breaks` are safeguards that the workers do without
    (tests/chaos/worker.py)."""
    with Stage(folder, seed, seconds, trainers=trainers, breaks=breaks) as stage:
        faults = Faults(stage)
        began = time.monotonic()
        for fault in schedule(seed, seconds, gap, TRAINED_DECK if trainers else DECK):
            if (late := time.monotonic() - began - fault.at) > LATE:
                began += late
            _until(stage, faults, began + fault.at)
            tell(f"{time.monotonic() - began:6.1f} s  {fault.kind.replace('_', ' ')}")
            faults.do(fault)
        _until(stage, faults, began + seconds)
        faults.mend_all()
        quiet_after, restless = _quiet(stage, tell)
        stage.support.stop()
        stage.workers.end()
        report = Report(seed=seed, seconds=seconds, broken=list(breaks), trainers=trainers,
                        events=stage.events, faults=faults.done.total(), by_kind=dict(sorted(faults.done.items())),
                        restarts=stage.workers.restarts, done=stage.support.done,
                        quiet_after=round(quiet_after, 1))  # fmt: skip
        tell("recording and replaying")
        found, verified = check(stage.settings, folder / "recording", stage.feed.file)
        report.trees = fitted(folder / "recording")
    found = {"it becomes quiet": restless, "workers end as asked": stage.workers.violations, **found}
    report.by_invariant = {invariant: len(texts) for invariant, texts in found.items()}
    report.found = [text for texts in found.values() for text in texts]
    report.violations, report.repeats = len(report.found), verified.repeats
    for one in verified.partitions:
        for destination, count in one.emitted.items():
            report.compared[destination] = report.compared.get(destination, 0) + count
    return report


def _until(stage: Stage, faults: Faults, moment: float) -> None:
    while (now := time.monotonic()) < moment:
        stage.workers.mind(now)
        faults.mend(now)
        time.sleep(0.05)


def _quiet(stage: Stage, tell: Callable[[str], None]) -> tuple[float, list[str]]:
    """Waits until nothing is left to do; returns how long that took, and what was left if it took too long."""
    began, calm, words = time.monotonic(), 0, "the events are still being sent"
    stopped = False
    while calm < 3:
        now = time.monotonic()
        patience = SHORT_PATIENCE if stage.workers.violations else PATIENCE
        if now - began > patience:
            return now - began, [f"not quiet after {patience:g} s: {words}"]
        stage.workers.mind(now)
        time.sleep(0.3)
        if not stage.feed.done.is_set():
            continue
        if not stopped:
            stage.support.stop()
            for trainer in stage.trainers:
                trainer.stop()
            stopped = True
        try:
            with lag_meter(stage.settings) as lag:
                words = unrest(stage.settings, lag)
        except ForestallError as error:
            words = str(error)
        calm = 0 if words else calm + 1
    tell(f"quiet after {time.monotonic() - began:.1f} s")
    return time.monotonic() - began, []
