"""What it costs to make the features of a moment, and to predict with them."""

import time
from collections.abc import Callable
from itertools import islice

from forestall.pipeline.core.asking import Occasion, moment_of
from forestall.pipeline.core.catalogue.declaration import Catalogue
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.customer import Customer
from forestall.pipeline.core.features import numeric_values
from forestall.pipeline.core.learning import ProblemState
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.observing import observe
from forestall.pipeline.core.partition import Partition, read_weights
from forestall.pipeline.core.program import compile_program
from forestall.schemas.event import Event
from tests.bench.families import FAMILIES, WHOLE
from tests.bench.relearning import Course, View
from tests.bench.samples import configuration, events, milliseconds

#: Rows and moments that are timed, in so many rounds; the quickest counts.
TIMED, ROUNDS = 300, 100

Work = Callable[[], None]


def making_us(sample: str) -> dict[str, float]:
    """µs to make a moment's features, and how many of them each family takes that a catalogue can do without."""
    catalogue = parse(configuration(sample).files)
    seen = list(islice(events(sample), TIMED))
    make = {WHOLE: _moments(seen, catalogue)}
    for name, family in FAMILIES.items():
        if family.undeclared is not None:
            make[name] = _moments(seen, family.undeclared(catalogue))
    us = us_of_each(make)
    return {name: us[WHOLE] - of if name != WHOLE else of for name, of in us.items()}


def _moments(seen: list[Event], catalogue: Catalogue) -> Work:
    """Makes the features of the events' moments, as of one customer who has seen them all."""
    partition = Partition(("bench", 0), 1, read_weights, None)
    partition.program = compile_program(catalogue)
    layout = partition.program.layout
    customer = Customer(layout, 0)
    for event in seen:
        observe(customer, layout, event, milliseconds(event), numeric_values(layout, event.data))

    def make() -> None:
        for event in seen:
            values = numeric_values(layout, event.data)
            moment_of(partition, customer, Occasion(event, milliseconds(event), event.type, values))

    return make


def prediction(state: ProblemState, course: Course, view: View) -> Callable[[], None]:
    """Predicts some rows by the weights as *foresee* has them."""
    assert isinstance(state.model, BayesianFilter)
    logit = state.model.weights().logit
    ready = [view.of(row.row, row.categories) for row in course.rows[-TIMED:]]

    def predict() -> None:
        for columns, categories in ready:
            logit(columns, categories)

    return predict


def us_of_each(works: dict[str, Callable[[], None]]) -> dict[str, float]:
    """µs that each takes for one of TIMED; in turns, so that all are timed in the machine's quiet moments."""
    quickest = dict.fromkeys(works, float("inf"))
    for _ in range(ROUNDS):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            quickest[name] = min(quickest[name], time.perf_counter() - started)
    return {name: seconds / TIMED * 1e6 for name, seconds in quickest.items()}
