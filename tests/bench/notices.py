"""How often a notice pays: quality lost against bytes sent, by how many more answers learn waits for before it tells.

Each sample goes through the live core in line, so that nothing but the notices' pace differs. Looked at are the rows
before each task's test (asked between the 40 % and the 70 % quantile): the pace was chosen on them.
"""

from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import rich.console

from forestall.pipeline.core import learning
from forestall.pipeline.core.learn import Learn
from forestall.pipeline.core.partition import Prediction
from forestall.pipeline.core.scores import auroc, log_loss
from forestall.pipeline.inline import Inline
from tests.bench.foresight import Answered
from tests.bench.samples import program_of, through
from tests.bench.tables import Rows
from tests.scenarios.samples import TASKS, Task

#: Shares of the answers so far; 0 is a notice after each answer, and what the others are held against.
SHARES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3)
SINCE, UNTIL = 0.4, 0.7


class Told(NamedTuple):
    """Of all problems of a sample: answered questions by problem, notices, and their bytes in one partition."""

    answered: dict[str, list[Answered]]
    notices: int
    bytes: int


def run(console: rich.console.Console, *, quick: bool) -> dict[str, Any]:
    """Every sample at every pace; returns what the JSON says. `quick` takes the smallest sample alone."""
    samples = ["helpdesk"] if quick else sorted({task.sample for task in TASKS.values()})
    paces = {}
    for share in SHARES:
        told = {}
        for sample in samples:
            console.log(f"{sample}: a notice after {share:.1%} more answers")
            told[sample] = _told(sample, share)
        paces[f"{share:g}"] = _summed(told)
    found = {"paces": paces}
    table(found).show(console)
    return found


def _told(sample: str, share: float) -> Told:
    answered: dict[str, list[Answered]] = {name: [] for name in program_of(sample).problems}
    sizes: list[int] = []
    take_effects = Learn.take_effects

    def predicted(one: Prediction) -> None:
        if one.y is not None:
            row = Answered(one.question, one.customer, one.asked // 1000, one.p, one.y)
            answered[one.problem].append(row)

    def counted(core: Learn) -> list[Any]:
        effects = take_effects(core)
        sizes.extend(len(effect.payload) for effect in effects)
        return effects

    with patch.object(learning, "NOTICE_SHARE", share), patch.object(Learn, "take_effects", counted):
        through(Inline(1, None, predicted), sample, lambda event: None)
    return Told(answered, len(sizes), sum(sizes))


def _summed(told: dict[str, Told]) -> dict[str, Any]:
    tasks = {
        name: _scored(task, told[task.sample].answered[task.problem])
        for name, task in TASKS.items()
        if task.sample in told
    }
    return {
        "tasks": tasks,
        "auroc": float(np.mean([task["auroc"] for task in tasks.values()])),
        "log_loss": float(np.mean([task["log_loss"] for task in tasks.values()])),
        "notices": sum(one.notices for one in told.values()),
        "megabytes": sum(one.bytes for one in told.values()) / 1e6,
    }


def _scored(task: Task, answered: list[Answered]) -> dict[str, float]:
    rows = [one for one in answered if task.since <= one.asked <= task.until]
    start, end = np.quantile([one.asked for one in rows], [SINCE, UNTIL])
    chosen = [one for one in rows if start <= one.asked < end]
    y, p = np.array([float(one.y) for one in chosen]), np.array([one.p for one in chosen])
    ones = np.ones(len(y))
    return {"auroc": auroc(p, y, ones), "log_loss": log_loss(p, y, ones)}


def table(found: dict[str, Any]) -> Rows:
    """Each pace, against a notice after every answer."""
    every = found["paces"]["0"]
    cells = []
    for share, pace in found["paces"].items():
        cells.append(
            (
                f"{float(share):.1%}" if float(share) else "every answer",
                f"{pace['auroc']:.4f}",
                f"{pace['auroc'] - every['auroc']:+.4f}",
                f"{pace['log_loss']:.4f}",
                f"{pace['log_loss'] - every['log_loss']:+.4f}",
                f"{pace['notices']:,}",
                f"{pace['megabytes']:,.1f}",
            )
        )
    columns = ("a notice after", "AUROC", "against every", "log loss", "against every", "notices", "MB each")
    return Rows("How often a notice pays, mean of the tasks", columns, cells)
