"""Migrating: a customer that was stored under another layout is moved to today's, place by place, by name.

Questions outlive a change of the catalogue that leaves their problem as it is; so the features that were frozen when
they were asked move as the numbers do.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.customer import Customer, Moment
from forestall.pipeline.core.layout import Layout, categories_of, columns_over, slots_of
from forestall.pipeline.core.program import EVENT_CATEGORIES

Number = TypeVar("Number", np.float64, np.float32, np.uint32)


def migrate(customer: Customer, old: Sequence[str], layout: Layout) -> None:
    """Moves numbers and moments from the layout with the places `old`; what is new starts as never seen."""
    slots = slots_of(old)
    columns, fields = columns_over(slots), categories_of(old)
    customer.numbers = _moved(customer.numbers, slots, layout.slots, layout.unseen)
    for moment in customer.moments.values():
        _move(moment, columns, fields, layout)
    customer.layout = layout.key


def _move(moment: Moment, columns: Sequence[str], fields: Sequence[str], layout: Layout) -> None:
    numbers = np.frombuffer(moment.columns, np.float32)
    unseen = np.full(len(layout.columns), np.nan, np.float32)
    moment.columns = _moved(numbers, columns, layout.columns, unseen).tobytes()
    hashes = np.frombuffer(moment.categories, np.uint32)
    declared = len(hashes) - len(EVENT_CATEGORIES)
    if not fields:  # whoever stored it kept no names: they are today's, or nobody knows
        fields = layout.category if len(layout.category) == declared else ("",) * declared
    names, today = (*fields, *EVENT_CATEGORIES), (*layout.category, *EVENT_CATEGORIES)
    moment.categories = _moved(hashes, names, today, np.zeros(len(today), np.uint32)).tobytes()


def _moved(
    values: NDArray[Number], old: Sequence[str], new: Sequence[str], unseen: NDArray[Number]
) -> NDArray[Number]:
    """Values by their new names, and `unseen` where there was none; where they have not as many places as the old
    names, nothing is known of them."""
    found = unseen.copy()
    place = {name: index for index, name in enumerate(old)} if len(old) == len(values) else {}
    for index, name in enumerate(new):
        if name in place:
            found[index] = values[place[name]]
    return found
