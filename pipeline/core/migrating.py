"""Migrating: a customer that was stored under another layout is moved to today's, place by place, by name.

Questions outlive a change of the catalogue that leaves their problem as it is; so the features that were frozen when
they were asked move as the numbers do.
"""

from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.customer import Customer, Moment
from forestall.pipeline.core.layout import Layout, categories_of, columns_over, slots_of
from forestall.pipeline.core.program import EVENT_CATEGORIES

Number = TypeVar("Number", np.float64, np.float32, np.uint32)


class _Names(NamedTuple):
    """What stands where in an earlier layout."""

    slots: tuple[str, ...]
    columns: tuple[str, ...]
    fields: tuple[str, ...]


def migrate(customer: Customer, old: tuple[str, ...], layout: Layout) -> None:
    """Moves numbers and moments from the layout with the places `old`; what is new starts as never seen."""
    names = _names(old)
    customer.numbers = _moved(customer.numbers, names.slots, layout.slots, layout.unseen)
    for moment in customer.moments.values():
        _move(moment, names, layout)
    customer.layout = layout.key


@lru_cache(maxsize=16)  # a changed catalogue moves every customer
def _names(old: tuple[str, ...]) -> _Names:
    slots = slots_of(old)
    return _Names(slots, columns_over(slots), categories_of(old))


def _move(moment: Moment, old: _Names, layout: Layout) -> None:
    numbers = np.frombuffer(moment.columns, np.float32)
    unseen = np.full(len(layout.columns), np.nan, np.float32)
    moment.columns = _moved(numbers, old.columns, layout.columns, unseen).tobytes()
    hashes = np.frombuffer(moment.categories, np.uint32)
    declared = len(hashes) - len(EVENT_CATEGORIES)
    fields = old.fields
    if not fields:  # whoever stored it kept no names: they are today's, or nobody knows
        fields = layout.category if len(layout.category) == declared else ("",) * declared
    names, today = (*fields, *EVENT_CATEGORIES), (*layout.category, *EVENT_CATEGORIES)
    moment.categories = _moved(hashes, names, today, np.zeros(len(today), np.uint32)).tobytes()


def _moved(
    values: NDArray[Number], old: tuple[str, ...], new: tuple[str, ...], unseen: NDArray[Number]
) -> NDArray[Number]:
    """Values by their new names, and `unseen` where there was none; where they have not as many places as the old
    names, nothing is known of them."""
    found = unseen.copy()
    if len(old) == len(values):
        here, there = _places(old, new)
        found[here] = values[there]
    return found


@lru_cache(maxsize=64)
def _places(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Where the names that both have stand in `new`, and where in `old`."""
    place = {name: index for index, name in enumerate(old)}
    kept = [index for index, name in enumerate(new) if name in place]
    return kept, [place[new[index]] for index in kept]
