"""Ablation: what each family of features is worth, and what it costs a prediction, on rows before each task's test.

Each file goes through the live core once; what a task's problem was asked and told is kept up to its test. Then the
default model learns it again: as it was, and for each family without what belongs to it. Scored are the questions
asked between the 30 % and the 70 % quantile of the task's; the test, which begins there, is not looked at. Intervals
come of draws of customers with replacement, the same for both sides of a difference.
"""

import platform
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from forestall.pipeline.core.scores import auroc, log_loss
from tests.bench.costs import making_us, prediction, us_of_each
from tests.bench.families import FAMILIES, WHOLE, views_of
from tests.bench.relearning import Course, courses, learned_again
from tests.bench.tables import Rows
from tests.scenarios.samples import TASKS

#: Which of a task's questions are scored: quantiles of when they were asked.
FIRST, LAST = 0.3, 0.7
DRAWS = 100

Floats = NDArray[np.float64]


def run(console: Console, *, quick: bool, draws: int = DRAWS) -> dict[str, Any]:
    """Runs everything in turn; returns what the JSON says. `quick` takes the smallest file alone."""
    samples = ["helpdesk"] if quick else sorted({task.sample for task in TASKS.values()})
    found: dict[str, Any] = {
        "machine": {"system": platform.platform(), "python": platform.python_version()},
        "scored": {"from_quantile": FIRST, "to_quantile": LAST},
        "tasks": {},
        "making_us": {},
    }
    for sample in samples:
        console.log(f"{sample}: through the live core")
        own = {name: task for name, task in TASKS.items() if task.sample == sample}
        for name, course in courses(sample, own, FIRST, LAST).items():
            found["tasks"][name] = _task(console, name, own[name].problem, course, draws)
        found["making_us"][sample] = making_us(sample)
    found["tasks"] = {name: found["tasks"][name] for name in TASKS if name in found["tasks"]}
    found["families"] = {name: _family(found, name) for name in FAMILIES}
    table(found).show(console)
    return found


def _task(console: Console, name: str, problem: str, course: Course, draws: int) -> dict[str, Any]:
    y = np.array([float(row.y) for row in course.rows])
    weights = list(_weights([row.customer for row in course.rows], draws))
    scores: dict[str, Floats] = {}
    predict: dict[str, Callable[[], None]] = {}
    for left_out, view in views_of(course).items():
        console.log(f"{name}: {left_out}")
        z, state = learned_again(course, view)
        scores[left_out] = _scores(z, y, weights)
        predict[left_out] = prediction(state, course, view)
    us = us_of_each(predict)
    whole = scores.pop(WHOLE)
    return {
        "problem": problem,
        "rows": len(y),
        "base_rate": float(y.mean()),
        "auroc": float(whole[0, 0]),
        "log_loss": float(whole[0, 1]),
        "predicting_us": us[WHOLE],
        "without": {
            left_out: {
                "auroc": _interval((without - whole)[:, 0]),
                "log_loss": _interval((without - whole)[:, 1]),
                "predicting_us": us[WHOLE] - us[left_out],
            }
            for left_out, without in scores.items()
        },
    }


def _scores(z: Floats, y: Floats, weights: list[Floats]) -> Floats:
    """AUROC and log loss, of all rows alike and then for each draw: shape (1 + draws, 2)."""
    p = 1.0 / (1.0 + np.exp(-z))
    return np.array([(auroc(p, y, weight), log_loss(p, y, weight)) for weight in weights])


def _weights(customers: list[str], draws: int) -> Iterator[Floats]:
    """Weights of the rows: all alike, then as often as each customer was drawn."""
    names = {customer: n for n, customer in enumerate(sorted(set(customers)))}
    whose = np.array([names[customer] for customer in customers])
    random = np.random.default_rng(0)
    even = np.full(len(names), 1.0 / len(names))
    yield np.ones(len(customers))
    for _ in range(draws):
        yield random.multinomial(len(names), even).astype(np.float64)[whose]


def _interval(values: Floats) -> list[float]:
    """The first, and the 95 % interval of the others."""
    return [float(values[0]), *map(float, np.nanquantile(values[1:], [0.025, 0.975]))]


def _family(found: dict[str, Any], name: str) -> dict[str, float]:
    """Means over the tasks that have the family (a task without it loses nothing), and what it costs in µs."""
    tasks = found["tasks"].values()
    losses = [task["without"][name] for task in tasks if name in task["without"]]
    making = [of_sample.get(name, 0.0) for of_sample in found["making_us"].values()]
    return {
        "tasks": len(losses),
        "auroc": sum(one["auroc"][0] for one in losses) / len(tasks),
        "log_loss": sum(one["log_loss"][0] for one in losses) / len(tasks),
        "making_us": float(np.mean(making)),
        "predicting_us": float(np.mean([one["predicting_us"] for one in losses])) if losses else 0.0,
    }


def table(found: dict[str, Any]) -> Rows:
    """AUROC / log loss with everything, and the changes in 1/10,000 without each family, in brackets where 0 is in
    their interval; µs a prediction with everything, and of each family."""
    making = float(np.mean([of[WHOLE] for of in found["making_us"].values()]))
    predicting = float(np.mean([task["predicting_us"] for task in found["tasks"].values()]))
    whole = [f"{task['auroc']:.4f} / {task['log_loss']:.4f}" for task in found["tasks"].values()]
    cells: list[list[str]] = [[WHOLE, *whole, "", f"{making + predicting:.2f}"]]
    for name, family in found["families"].items():
        changes = [_cell(task["without"].get(name)) for task in found["tasks"].values()]
        mean = f"{family['auroc'] * 1e4:+.1f} / {family['log_loss'] * 1e4:+.1f}"
        us = family["making_us"] + family["predicting_us"]
        cells.append([f"- {name}", *changes, mean, f"{us:.2f}"])
    title = "Ablation: AUROC / log loss, and without each family the change in 1/10,000, before the tests"
    return Rows(title, ("features", *found["tasks"], "mean", "µs"), cells)


def _cell(change: dict[str, Any] | None) -> str:
    return " / ".join(_change(change[metric]) for metric in ("auroc", "log_loss")) if change else ""


def _change(interval: list[float]) -> str:
    value, lower, upper = interval
    shown = f"{value * 1e4:+.0f}"
    return f"({shown})" if lower <= 0.0 <= upper else shown
