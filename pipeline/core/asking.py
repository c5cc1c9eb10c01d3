"""Asking: the features of the moment, a question for each problem that asks there, its prediction."""

from collections.abc import Iterable, Sequence
from math import nan
from typing import Any, NamedTuple

import numpy as np

from forestall.pipeline.core.catalogue.declaration import DAY
from forestall.pipeline.core.customer import QUESTION_LIMIT, Customer, Moment, Question
from forestall.pipeline.core.deciding import decide
from forestall.pipeline.core.ending import supersede
from forestall.pipeline.core.features import Floats, fill, lookup
from forestall.pipeline.core.layout import Layout
from forestall.pipeline.core.models.arithmetic import sigmoid
from forestall.pipeline.core.partition import Model, Partition
from forestall.pipeline.core.program import (
    EVENT_CATEGORIES,
    Compiled,
    category_hash,
    category_seed,
    seeded_hash,
)
from forestall.pipeline.core.rows import Columns, Hashes, packed, row_of
from forestall.schemas.event import Event

#: How many answers the base rate weighs in a customer's own rate of yes.
RATE_PRIOR = 4.0
#: Before a problem's first notice nothing is known.
NO_MODEL = 0.5
_NEVER = (nan, nan, nan)
_HOUR_MS = 3_600_000
#: 1970-01-01 was a Thursday.
_FIRST_WEEKDAY = 3
_TYPE, _WEEKDAY, _TIME = EVENT_CATEGORIES
#: The type of an occasion that no event is.
SILENCE = "silence"
_TYPE_SEED = category_seed(_TYPE)
#: Each with its hash.
_WEEKDAYS = [
    (day, category_hash(_WEEKDAY, day))
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
]
_TIMES = [(hours, category_hash(_TIME, hours)) for hours in (f"{h:02}-{h + 3:02} h" for h in range(0, 24, 3))]


def known_categories(types: Iterable[str]) -> dict[int, tuple[str, str]]:
    """The name and value, by hash, of the categories whose values are known beforehand: these event types, the days and
    times."""
    named = {category_hash(_TYPE, type_): (_TYPE, type_) for type_ in types}
    for field, values in ((_WEEKDAY, _WEEKDAYS), (_TIME, _TIMES)):
        named.update({hash_: (field, value) for value, hash_ in values})
    return named


class Occasion(NamedTuple):
    """What asks: an event, or (event None) a silence; its type as a category, and its numeric fields."""

    event: Event | None
    ms: int
    type: str
    numbers: Floats

    @property
    def subject(self) -> str | None:
        """The event's subject."""
        return self.event.subject if self.event is not None else None


def ask_all(
    partition: Partition, key: str, customer: Customer, asking: Sequence[Compiled], occasion: Occasion
) -> None:
    """Asks the problems at one moment: all questions share its features."""
    shared: _Shared | None = None
    for compiled in asking:
        where = compiled.problem.ask.where
        if where is not None and occasion.event is not None and not where.test(occasion.event):
            continue
        if not _may_ask(partition, key, customer, compiled, occasion.ms):
            continue
        if shared is None:
            shared = _share(partition, customer, occasion)
        shared.moment.questions += 1
        _ask(partition, key, customer, compiled, occasion, shared)


class _Shared(NamedTuple):
    """The features that all questions of one moment share, and the moment's number."""

    number: int
    moment: Moment
    columns: Columns
    categories: Hashes


def _share(partition: Partition, customer: Customer, occasion: Occasion) -> _Shared:
    columns, categories = moment_of(partition, customer, occasion)
    number = customer.asked + 1
    moment = Moment(columns.tobytes(), packed(categories), 0)
    customer.moments[number] = moment
    return _Shared(number, moment, columns, categories)


def moment_of(partition: Partition, customer: Customer, occasion: Occasion) -> tuple[Columns, Hashes]:
    """The layout's columns (float32) and category hashes (0 where absent) at this moment."""
    layout = partition.program.layout
    subject = customer.subjects.of(occasion.subject) if occasion.subject else None
    columns = np.empty(len(layout.columns), np.float32)
    first, last, events = subject or _NEVER
    fill(
        customer.numbers,
        layout.spans,
        occasion.numbers,
        first,
        last,
        events,
        occasion.ms / 1000.0,
        columns,
    )
    seeds = partition.program.category_seeds
    values = category_fields(layout, occasion)
    hashes = [
        0 if value is None else seeded_hash(seed, value) for seed, value in zip(seeds, values, strict=True)
    ]
    hashes += (
        seeded_hash(_TYPE_SEED, occasion.type),
        _WEEKDAYS[_weekday(occasion.ms)][1],
        _TIMES[_time(occasion.ms)][1],
    )
    return columns, hashes


def category_fields(layout: Layout, occasion: Occasion) -> list[Any]:
    """The values of the declared category fields; None where absent."""
    data = occasion.event.data if occasion.event is not None else None
    paths = layout.category_paths
    return [lookup(data, path) for path in paths] if data else [None] * len(paths)


def category_values(layout: Layout, occasion: Occasion) -> list[Any]:
    """The values of the declared category fields (None where absent), then of EVENT_CATEGORIES."""
    ms = occasion.ms
    return [
        *category_fields(layout, occasion),
        occasion.type,
        _WEEKDAYS[_weekday(ms)][0],
        _TIMES[_time(ms)][0],
    ]


def _weekday(ms: int) -> int:
    return (ms // DAY + _FIRST_WEEKDAY) % 7


def _time(ms: int) -> int:
    return ms % DAY // (3 * _HOUR_MS)


def predict(model: Model | None, logit: float, customer: Customer, problem: str) -> float:
    """The probability of yes, the customer's residual included where it counts."""
    if model is None:
        return NO_MODEL
    if model.noticed.offset_counts and problem in customer.residuals:
        logit += customer.residuals[problem].mean
    return sigmoid(logit)


def _may_ask(partition: Partition, key: str, customer: Customer, compiled: Compiled, ms: int) -> bool:
    problem = compiled.problem
    if problem.ask.keep == "last per day":
        for earlier in reversed(customer.questions.values()):
            if earlier.problem == problem.name:
                if earlier.asked // DAY == ms // DAY:
                    supersede(partition, key, customer, earlier)
                break
    if customer.open.get(problem.name, 0) >= QUESTION_LIMIT:
        partition.counts["questions_refused", problem.name] += 1
        return False
    return True


def _ask(
    partition: Partition,
    key: str,
    customer: Customer,
    compiled: Compiled,
    occasion: Occasion,
    shared: _Shared,
) -> None:
    name = compiled.problem.name
    model = partition.models.get(name)
    own = _own_answers(customer, name, model)
    learned = model.weights if model is not None else None
    row, hashes, logit = row_of(compiled, shared.columns, shared.categories, own, learned)
    customer.asked += 1
    question = Question(
        number=customer.asked,
        problem=name,
        revision=compiled.revision,
        subject=occasion.subject,
        asked=occasion.ms,
        closes=occasion.ms + compiled.ends_after,
        due=occasion.ms + compiled.due_after,
        p=predict(model, logit, customer, name),
        moment=shared.number,
        own=own,
    )
    customer.add(question)
    partition.counts["questions_asked", name] += 1
    decide(partition, key, customer, compiled, question, row, hashes, lambda: _labels(partition, occasion))


def _labels(partition: Partition, occasion: Occasion) -> dict[int, tuple[str, str]]:
    """The name and value of each category of the moment, by hash."""
    layout = partition.program.layout
    names = (*layout.category, *EVENT_CATEGORIES)
    values = category_values(layout, occasion)
    return {category_hash(n, v): (n, str(v)) for n, v in zip(names, values, strict=True) if v is not None}


def _own_answers(customer: Customer, problem: str, model: Model | None) -> tuple[float, float]:
    """How many answers the customer has given to this problem, and by how much their rate of yes, shrunk to the
    base rate, is above it: the base rate moves, and what is learned of this should not move with it."""
    answers, yes = customer.tallies.get(problem, (0, 0))
    base = model.noticed.base_rate if model is not None else NO_MODEL
    rate = (yes + RATE_PRIOR * base) / (answers + RATE_PRIOR)
    return float(answers), float(np.float32(rate - base))
