"""Where each number of a customer stands: named slots and feature columns, compiled from the catalogue.

A customer's numbers are one flat float64 array: a block for each counted event type (and one for all others),
then one for each numeric field. What a problem's model sees is a row of feature columns computed from them.

The columns are few, by ablation (docs/learning.md): what only grows with time (totals, the time since a customer's
first event) tells early from late rather than one customer from another, and misleads.
"""

from collections.abc import Iterable
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.catalogue.declaration import DAY, Catalogue, Problem

#: A type's block: last time (epoch s), total count, running mean gap (s), then a decayed count a span.
TYPE_SLOTS = ("last", "total", "gap")
#: A numeric field's block.
FIELD_SLOTS = ("last",)
#: Columns of a type's block after the decayed counts; of the block for all other types the first alone.
TYPE_COLUMNS = ("days since", "gaps overdue")
SUBJECT_COLUMNS = ("subject age in days", "subject events", "subject days since")
#: The event's own fields, after all that is history; where the event has none, as an event before it had it last:
#: so a silence knows them too, and a field may be of other events than the asking one.
NOW = "now"
#: Columns that differ by problem, before all others: the customer's own past answers. Only where time alone
#: gives the answer: with an open end the quick answers come first, and how many there are tells early from late.
PROBLEM_COLUMNS = ("past answers", "past yes rate over usual")
OTHER = "any other event"
#: What ends the name of a category field among the places.
CATEGORY = "/category"


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Slots and columns of one catalogue. `key` names the layout; equal `places` (of all that is stored by its place:
    the slots, which tell the columns, and the category fields) have equal keys. The paths are the keys that lead from
    `data` to each numeric and category field; an event without any of the `numeric_roots` has `no_numbers`, all NaN; a
    customer of whom nothing has been seen has the numbers `unseen`."""

    key: str
    types: dict[str, int]
    spans: NDArray[np.float64]
    numeric: tuple[str, ...]
    category: tuple[str, ...]
    numeric_paths: tuple[tuple[str, ...], ...]
    numeric_roots: frozenset[str]
    no_numbers: NDArray[np.float64]
    category_paths: tuple[tuple[str, ...], ...]
    slots: tuple[str, ...]
    places: tuple[str, ...]
    unseen: NDArray[np.float64]
    columns: tuple[str, ...]

    @property
    def groups(self) -> int:
        """Blocks of event types, the one for all other types included."""
        return len(self.types) + 1

    def group(self, type_: str) -> int:
        """The block that counts events of this type."""
        return self.types.get(type_, len(self.types))


def compile_layout(catalogue: Catalogue) -> Layout:
    """The layout of a catalogue: the same for the same declaration, whatever the order of its files."""
    types = sorted(set(catalogue.history.types) or _named_types(catalogue.problems))
    numeric = _fields(problem.features.numeric for problem in catalogue.problems)
    category = _fields(problem.features.category for problem in catalogue.problems)
    groups = [*types, OTHER]
    spans = [_days(span) for span in catalogue.history.spans]
    slots = [f"{g}/{s}" for g in groups for s in (*TYPE_SLOTS, *spans)]
    slots += [f"{f}/{s}" for f in numeric for s in FIELD_SLOTS]
    places = (*slots, *(field + CATEGORY for field in category))
    numeric_paths = tuple(_steps(field) for field in numeric)
    return Layout(
        key=f"{crc32(chr(0).join(places).encode()):08x}",
        types={name: index for index, name in enumerate(types)},
        spans=np.array([span / 1000.0 for span in catalogue.history.spans]),
        numeric=numeric,
        category=category,
        numeric_paths=numeric_paths,
        numeric_roots=frozenset(path[0] for path in numeric_paths),
        no_numbers=np.full(len(numeric), np.nan),
        category_paths=tuple(_steps(field) for field in category),
        slots=tuple(slots),
        places=places,
        unseen=np.array([0.0 if slot.endswith(("/total", " d")) else np.nan for slot in slots]),
        columns=columns_over(slots),
    )


def slots_of(places: Iterable[str]) -> tuple[str, ...]:
    """The slots among a layout's places."""
    return tuple(place for place in places if not place.endswith(CATEGORY))


def categories_of(places: Iterable[str]) -> tuple[str, ...]:
    """The category fields among a layout's places."""
    return tuple(place.removesuffix(CATEGORY) for place in places if place.endswith(CATEGORY))


def columns_over(slots: Iterable[str]) -> tuple[str, ...]:
    """The columns that are computed from these slots, in order."""
    blocks: dict[str, list[str]] = {}
    for slot in slots:
        block, _, name = slot.rpartition("/")
        blocks.setdefault(block, []).append(name)
    fields = [block for block, names in blocks.items() if len(names) == len(FIELD_SLOTS)]
    types = {block: names[len(TYPE_SLOTS) :] for block, names in blocks.items() if block not in fields}
    del types[OTHER]
    columns = [f"{t}/{c}" for t, spans in types.items() for c in (*spans, *TYPE_COLUMNS)]
    columns += [f"{OTHER}/{TYPE_COLUMNS[0]}", *SUBJECT_COLUMNS]
    return (*columns, *(f"{field}/{NOW}" for field in fields))


def columns_of(problem: Problem, layout: Layout) -> tuple[str, ...]:
    """Names of the columns that the problem's model sees, in order."""
    own = PROBLEM_COLUMNS if problem.happens is not None else ()
    return (*own, *(layout.columns[i] for i in column_indices(problem, layout)))


def history_columns(names: tuple[str, ...]) -> int:
    """How many of a problem's columns, from the first, tell of the past; the rest tell of the event itself."""
    return sum(not name.endswith(f"/{NOW}") for name in names)


def column_indices(problem: Problem, layout: Layout) -> list[int]:
    """Which of the layout's columns the problem's model sees: all but other problems' fields."""
    foreign = {f"{field}/{NOW}" for field in layout.numeric if field not in problem.features.numeric}
    return [i for i, column in enumerate(layout.columns) if column not in foreign]


def _named_types(problems: Iterable[Problem]) -> set[str]:
    named: set[str] = set()
    for problem in problems:
        named.update(problem.ask.on)
        end = problem.happens or problem.answered
        if end is not None:
            named.update(end.on)
    return named


def _fields(declared: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({field for fields in declared for field in fields}))


def _steps(field: str) -> tuple[str, ...]:
    """The keys that lead from `data` to the field."""
    return tuple(field.split(".")[1:])


def _days(span: int) -> str:
    return f"{span / DAY:g} d"
