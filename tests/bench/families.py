"""The families of features that ablation leaves out in turn, and what a model sees without each."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import numpy as np

from forestall.pipeline.core.asking import known_categories
from forestall.pipeline.core.catalogue.declaration import Catalogue
from forestall.pipeline.core.layout import NOW, OTHER, PROBLEM_COLUMNS, SUBJECT_COLUMNS
from tests.bench.relearning import Course, View

WHOLE = "everything"
#: The kind of a category that a catalogue declares; others are named as Forestall names them.
DECLARED = "declared"

Named = Callable[[str], bool]


def _nothing(_: str) -> bool:
    return False


class Family(NamedTuple):
    """Features that are left out together: which columns and which categories, by name; and the catalogue without
    them, where it can be written so (else the making costs a division or two, too little to time)."""

    columns: Named = _nothing
    categories: Named = _nothing
    undeclared: Callable[[Catalogue], Catalogue] | None = None
    own_term: bool = False


def _of_type(name: str, ending: str) -> bool:
    return name.endswith(ending) and not name.startswith(f"{OTHER}/") and name not in SUBJECT_COLUMNS


def _without_fields(catalogue: Catalogue, kind: str) -> Catalogue:
    problems = tuple(
        msgspec.structs.replace(problem, features=msgspec.structs.replace(problem.features, **{kind: ()}))
        for problem in catalogue.problems
    )
    return msgspec.structs.replace(catalogue, problems=problems)


def _with_spans(catalogue: Catalogue, start: int | None) -> Catalogue:
    spans = () if start is None else catalogue.history.spans[start:]
    return msgspec.structs.replace(catalogue, history=msgspec.structs.replace(catalogue.history, spans=spans))


FAMILIES: dict[str, Family] = {
    "decayed counts": Family(lambda c: c.endswith(" d"), undeclared=lambda c: _with_spans(c, None)),
    "the shortest span": Family(lambda c: c.endswith("/1 d"), undeclared=lambda c: _with_spans(c, 1)),
    "recency (days since)": Family(lambda c: _of_type(c, "/days since")),
    "rhythm (gaps overdue)": Family(lambda c: c.endswith("/gaps overdue")),
    "all other events' recency": Family(lambda c: c.startswith(f"{OTHER}/")),
    "the subject's": Family(lambda c: c in SUBJECT_COLUMNS),
    "numeric fields": Family(
        lambda c: c.endswith(f"/{NOW}"), undeclared=lambda c: _without_fields(c, "numeric")
    ),
    "the declared categories": Family(
        categories=lambda c: c == DECLARED, undeclared=lambda c: _without_fields(c, "category")
    ),
    "weekday and time of day": Family(categories=lambda c: c in ("weekday", "time of day")),
    "the customer's own answers": Family(lambda c: c in PROBLEM_COLUMNS),
    "the customer's own term": Family(own_term=True),
}


def views_of(course: Course) -> dict[str, View]:
    """Everything, and for each family that the task has, what is seen without."""
    whole = _view(course, Family())
    views = {name: _view(course, family) for name, family in FAMILIES.items()}
    return {
        WHOLE: whole,
        **{
            name: view
            for name, view in views.items()
            if len(view.columns) < len(whole.columns) or view.hidden or not view.own_term
        },
    }


def _view(course: Course, family: Family) -> View:
    kept = [n for n, name in enumerate(course.names) if not family.columns(name)]
    named = known_categories(course.types)
    seen = {category for step in course.rows for category in step.categories}
    hidden = {c for c in seen if family.categories(named[c][0] if c in named else "declared")}
    history = sum(n < course.history for n in kept)
    return View(np.array(kept, np.intp), history, frozenset(hidden), not family.own_term)
