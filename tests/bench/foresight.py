"""Foresight: how well the shipped catalogues foresee the six published tasks, against LightGBM on the same rows.

Each file of events goes through the live core once for each model. The questions asked last are scored, 30 % of a
task's, as they were predicted when asked. Intervals come of 200 draws of customers with replacement, for one
customer's questions are much alike.
"""

import platform
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from forestall.pipeline.backtest.reference import Reference
from forestall.pipeline.backtest.scoring import LAST
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.protocol import Model
from forestall.pipeline.core.partition import Prediction
from forestall.pipeline.core.program import Program
from forestall.pipeline.core.scores import auprc, auroc, calibration_error, log_loss
from forestall.pipeline.inline import Inline
from forestall.schemas.answer import Answer
from tests.bench.samples import program_of, through
from tests.scenarios.samples import TASKS, Task

#: Our own models by the names that the table gives them, and the one that is trained once.
MODELS: dict[str, str | None] = {"default": None, "boosted": "boosted"}
REFERENCE = "LightGBM once"
METRICS: dict[str, Callable[[Any, Any, Any], float]] = {
    "auroc": auroc,
    "auprc": auprc,
    "log_loss": log_loss,
    "calibration_error": calibration_error,
}
#: AUROC of LightGBM, tuned and trained once on features made by hand: the published anchor of each task.
ANCHORS = {"A1": 0.725, "A2": 0.823, "A3b": 0.681, "C1": 0.770, "C2": 0.833, "E1": 0.783}
DRAWS = 200
TIMED = 2_000

Floats = NDArray[np.float64]


class Answered(NamedTuple):
    """A question's probability and answer, whose it was, and when it was asked (epoch s)."""

    question: str
    customer: str
    asked: int
    p: float
    y: bool


class Ran(NamedTuple):
    """One model's run over one file: answered questions by problem, µs a prediction, the reference it fed."""

    answered: dict[str, list[Answered]]
    us: dict[str, float]
    reference: Reference


def run(console: Console, *, quick: bool, draws: int = DRAWS) -> dict[str, Any]:
    """Runs everything in turn; returns what the JSON says. `quick` takes the smallest file alone."""
    samples = ["helpdesk"] if quick else sorted({task.sample for task in TASKS.values()})
    found: dict[str, Any] = {
        "machine": {"system": platform.platform(), "python": platform.python_version()},
        "tasks": {},
    }
    for sample in samples:
        runs = {}
        for name, model in MODELS.items():
            console.log(f"{sample}: {name}")
            runs[name] = _run(sample, model)
        program = program_of(sample)
        for task_name, task in TASKS.items():
            if task.sample == sample:
                console.log(f"{task_name}: {REFERENCE}, and {draws} draws")
                found["tasks"][task_name] = _scored(task, program, runs, draws)
    found["mean"] = _means(found["tasks"])
    console.print(_table(found))
    return found


def _run(sample: str, model: str | None) -> Ran:
    program = program_of(sample)
    reference = Reference(program)
    answered: dict[str, list[Answered]] = {name: [] for name in program.problems}
    rows: dict[str, list[Answer]] = {name: [] for name in program.problems}

    def predicted(one: Prediction) -> None:
        if one.y is not None:
            made = Answered(one.question, one.customer, one.asked // 1000, one.p, one.y)
            answered[one.problem].append(made)

    def learned(answer: Answer) -> None:
        reference.answered(answer)
        if len(rows[answer.problem]) < TIMED:
            rows[answer.problem].append(answer)

    inline = Inline(1, None, predicted, model, learned)
    through(inline, sample, reference.event)
    us = {name: _us(inline.learn.model(name), rows[name]) for name in program.problems}
    return Ran(answered, us, reference)


def _us(model: Model | None, rows: list[Answer]) -> float:
    """µs for one prediction: of the weights, where the model is asked by its weights."""
    assert model is not None
    asked = model.weights().logit if isinstance(model, BayesianFilter) else model.predict
    ready = [(np.frombuffer(answer.features, np.float32), answer.categories) for answer in rows]
    started = time.perf_counter()
    for columns, categories in ready:
        asked(columns, categories)
    return (time.perf_counter() - started) / len(ready) * 1e6


def _scored(task: Task, program: Program, runs: dict[str, Ran], draws: int) -> dict[str, Any]:
    tests = {name: test_rows(task, ran.answered[task.problem]) for name, ran in runs.items()}
    first = tests["default"]
    customers = [answered.customer for answered in first]
    y = np.array([float(answered.y) for answered in first])
    p = {name: np.array([answered.p for answered in test]) for name, test in tests.items()}
    problem = program.problems[task.problem].problem
    asked = runs["default"].reference.ask(problem, task.since * 1000, task.until * 1000 + 999)
    assert asked is not None
    of = dict(zip(asked.questions, asked.p.tolist(), strict=True))
    p[REFERENCE] = np.array([of[answered.question] for answered in first])
    us = {name: ran.us[task.problem] for name, ran in runs.items()}
    return {
        "problem": task.problem,
        "rows": len(y),
        "customers": len(set(customers)),
        "base_rate": float(y.mean()),
        "anchor_auroc": ANCHORS[next(name for name, other in TASKS.items() if other == task)],
        "reference_settings": asked.settings,
        "models": {
            name: {**_intervals(values, y, customers, draws), "us_a_prediction": us.get(name)}
            for name, values in p.items()
        },
    }


def test_rows(task: Task, answered: list[Answered]) -> list[Answered]:
    """The rows of the task that were asked last, by question, so that all models' stand in the same order."""
    rows = [one for one in answered if task.since <= one.asked <= task.until]
    start = np.quantile([one.asked for one in rows], 1.0 - LAST)
    return sorted((one for one in rows if one.asked >= start), key=lambda one: one.question)


def _intervals(p: Floats, y: Floats, customers: list[str], draws: int) -> dict[str, list[float]]:
    """Each metric with the 95 % interval over draws of customers: [value, lower, upper]."""
    names = {customer: n for n, customer in enumerate(sorted(set(customers)))}
    whose = np.array([names[customer] for customer in customers])
    random = np.random.default_rng(0)
    even = np.full(len(names), 1.0 / len(names))
    drawn: dict[str, list[float]] = {name: [] for name in METRICS}
    for _ in range(draws):
        weight = random.multinomial(len(names), even).astype(np.float64)[whose]
        for name, metric in METRICS.items():
            drawn[name].append(metric(p, y, weight))
    ones = np.ones(len(y))
    return {
        name: [metric(p, y, ones), *map(float, np.nanquantile(drawn[name], [0.025, 0.975]))]
        for name, metric in METRICS.items()
    }


def _means(tasks: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Each model's mean over the tasks, and on how many its log loss is below the reference's."""
    means: dict[str, dict[str, float]] = {}
    for name in (*MODELS, REFERENCE):
        models = [task["models"] for task in tasks.values()]
        means[name] = {metric: float(np.mean([m[name][metric][0] for m in models])) for metric in METRICS}
        below = sum(m[name]["log_loss"][0] < m[REFERENCE]["log_loss"][0] for m in models)
        means[name]["tasks_with_less_log_loss_than_the_reference"] = below
    return means


def _table(found: dict[str, Any]) -> Table:
    headings = ("task", "model", "AUROC (95 %)", "AUPRC", "log loss", "calibration error", "µs a prediction")
    table = Table(*headings, title="Foresight, six tasks: the questions asked last", title_justify="left")
    for name, task in found["tasks"].items():
        label = f"{name}: {task['problem']}, {task['rows']:,} rows"
        for model, scores in task["models"].items():
            area, lower, upper = scores["auroc"]
            rest = [f"{scores[metric][0]:.4f}" for metric in METRICS if metric != "auroc"]
            us = scores["us_a_prediction"]
            cells = [f"{area:.4f} ({lower:.3f} to {upper:.3f})", *rest, f"{us:.1f}" if us else ""]
            table.add_row(label, model, *cells)
            label = ""
        table.add_row("", "by hand, published", f"{task['anchor_auroc']:.3f}", *[""] * 4, end_section=True)
    for model, means in found["mean"].items():
        table.add_row("mean", model, *(f"{means[metric]:.4f}" for metric in METRICS), "")
    return table
