"""What a problem's model was asked and told by the live core, in order; and how it does when it sees less of it."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.customer import Residual
from forestall.pipeline.core.learning import ProblemState, new_live
from forestall.pipeline.core.models.arithmetic import sigmoid
from forestall.pipeline.core.models.residual import update
from forestall.pipeline.core.partition import Prediction
from forestall.pipeline.inline import Inline
from forestall.schemas.answer import Answer
from forestall.schemas.event import Event
from tests.bench.samples import milliseconds, program_of, through
from tests.scenarios.samples import Task

Floats = NDArray[np.float64]


class Asked(NamedTuple):
    """A question of a task that has its answer: whose it is, when it was asked (epoch s), and before which of the
    file's answers (counted from 0)."""

    customer: str
    at: int
    before: int
    y: bool
    row: NDArray[np.float32]
    categories: list[int]


class Told(NamedTuple):
    """An answer to learn: which of the file's it is, and the customer whom it names by a hash alone."""

    number: int
    customer: str
    answer: Answer


class Course(NamedTuple):
    """All that a task's problem is asked and told before its test begins, in order; `scored` are the places of the
    questions asked between two quantiles of the task's. The columns have `names`, the first `history` tell of the
    past, and `types` are the events that it is asked at."""

    names: tuple[str, ...]
    history: int
    types: tuple[str, ...]
    steps: list[Asked | Told]
    scored: list[int]

    @property
    def rows(self) -> list[Asked]:
        """The scored questions."""
        return [step for step in map(self.steps.__getitem__, self.scored) if isinstance(step, Asked)]


class View(NamedTuple):
    """What a model sees: which columns, which categories, and whether it has the customer's own term beside it."""

    columns: NDArray[np.intp]
    history: int
    hidden: frozenset[int]
    own_term: bool

    def of(self, row: NDArray[np.float32], categories: list[int]) -> tuple[NDArray[np.float32], list[int]]:
        """What it sees of a row."""
        return row[self.columns], [c for c in categories if c not in self.hidden]


def courses(sample: str, tasks: dict[str, Task], first: float, last: float) -> dict[str, Course]:
    """The tasks of one file. The file goes through the live core once."""
    told: list[Answer] = []
    customers: dict[str, str] = {}
    times: list[int] = []
    counts: list[int] = []

    def before(event: Event) -> None:
        times.append(milliseconds(event))
        counts.append(len(told))

    def predicted(one: Prediction) -> None:
        customers[one.question] = one.customer

    through(Inline(1, None, predicted, None, told.append), sample, before)
    problems = program_of(sample).problems
    found = {}
    for name, task in tasks.items():
        compiled = problems[task.problem]
        own = [
            Told(number, customers[answer.question], answer)
            for number, answer in enumerate(told)
            if answer.problem == task.problem and answer.question in customers
        ]
        asked = [_asked(one, counts[bisect_left(times, one.answer.asked)]) for one in own if _is_final(one)]
        steps, scored = _course(task, asked, own, first, last)
        found[name] = Course(compiled.names, compiled.history, compiled.problem.ask.on, steps, scored)
    return found


def learned_again(course: Course, view: View) -> tuple[Floats, ProblemState]:
    """The logits of the scored questions, each asked of what was learned by then; and the state at the end."""
    state: ProblemState | None = None
    residuals: dict[str, Residual] = {}
    scored = set(course.scored)
    z: list[float] = []
    for place, step in enumerate(course.steps):
        if isinstance(step, Told):
            state = _learn(state, residuals, step, view)
        elif place in scored:
            residual = residuals.get(step.customer)
            z.append(0.0 if state is None else _logit(state, residual, *view.of(step.row, step.categories)))
    assert state is not None, "a task has answers before its test"
    return np.array(z), state


def _learn(
    state: ProblemState | None, residuals: dict[str, Residual], told: Told, view: View
) -> ProblemState:
    """The live core's own steps: the answer goes to learn with the residual as it is, then the residual learns."""
    row, categories = view.of(np.frombuffer(told.answer.features, np.float32), told.answer.categories)
    residual = residuals.get(told.customer) or Residual()
    answer = msgspec.structs.replace(
        told.answer,
        features=row.tobytes(),
        categories=categories,
        history=view.history,
        offset=residual.mean,
        variance=residual.variance,
    )
    state = state or ProblemState.new(answer, new_live)
    if view.own_term and answer.stage != "open":
        p = sigmoid(state.model.predict(row, categories) + residual.mean)
        mean, variance = update(residual.mean, residual.variance, p, float(answer.y), answer.weight)
        residuals[told.customer] = Residual(mean, variance)
    state.learn(answer)
    return state


def _logit(
    state: ProblemState, residual: Residual | None, row: NDArray[np.float32], categories: Sequence[int]
) -> float:
    own = residual.mean if residual is not None and state.offset_counts else 0.0
    return state.model.predict(row, categories, own)


def _is_final(told: Told) -> bool:
    return told.answer.stage != "open"


def _asked(told: Told, before: int) -> Asked:
    answer = told.answer
    row = np.frombuffer(answer.features, np.float32)
    return Asked(told.customer, answer.asked // 1000, before, answer.y, row, answer.categories)


def _course(
    task: Task, asked: list[Asked], told: list[Told], first: float, last: float
) -> tuple[list[Asked | Told], list[int]]:
    """Everything in order up to the first question of the test, and which of the questions are scored."""
    of_task = np.array([one.at for one in asked if task.since <= one.at <= task.until])
    since, until = np.quantile(of_task, [first, last])
    every: list[Any] = sorted([*asked, *told], key=_place)
    steps = list(_until(every, lambda one: isinstance(one, Asked) and task.since <= one.at >= until))
    scored = [n for n, one in enumerate(steps) if isinstance(one, Asked) and since <= one.at < until]
    return steps, scored


def _place(one: Asked | Told) -> tuple[int, int, int]:
    """A question stands before the answer that came next; questions among themselves as they were asked."""
    return (one.before, 0, one.at) if isinstance(one, Asked) else (one.number, 1, 0)


def _until(steps: list[Any], ends: Callable[[Any], bool]) -> Iterator[Any]:
    for step in steps:
        if ends(step):
            return
        yield step
