"""Who is foreseen well, and who is not: the last questions in slices, from the sample."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from forestall.pipeline.backtest.categories import Categories
from forestall.pipeline.backtest.result import Slice
from forestall.pipeline.backtest.sample import Row
from forestall.pipeline.core.models.arrays import Floats
from forestall.pipeline.core.scores import auroc, base_rate, precision_and_recall

CUSTOMERS, NEW, KNOWN = "customers", "new (first 30 days)", "known"
#: A slice has at least so many rows, a field is shown with so many of its values, and so many fields are.
LEAST, VALUES, FIELDS = 50, 5, 4


def slices_of(
    rows: Sequence[Row], categories: Categories, fields: Sequence[str], threshold: float
) -> list[Slice]:
    """New against known customers, then the most frequent values of these fields, in this order."""
    if not rows:
        return []
    p = np.array([row.p for row in rows])
    y = np.array([float(row.y) for row in rows])
    new = np.array([row.new for row in rows])
    named = [{name[0]: name[1] for h in row.categories() if (name := categories.name(h))} for row in rows]
    found = [
        _slice(CUSTOMERS, words, mask, p, y, threshold)
        for words, mask in ((NEW, new), (KNOWN, ~new))
        if mask.any()
    ]
    shown = 0
    for field in fields:
        values = np.array([names.get(field, "") for names in named])
        made = list(_by_field(field, values, p, y, threshold))
        if len(made) > 1 and shown < FIELDS:
            found += made
            shown += 1
    return found


def _by_field(
    field: str, values: "np.ndarray[tuple[int], np.dtype[np.str_]]", p: Floats, y: Floats, threshold: float
) -> Iterator[Slice]:
    for value, count in Counter(values.tolist()).most_common(VALUES):
        if value and count >= LEAST:
            yield _slice(field, value, values == value, p, y, threshold)


def _slice(
    field: str,
    value: str,
    mask: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
    p: Floats,
    y: Floats,
    threshold: float,
) -> Slice:
    inside, came = p[mask], y[mask]
    ones = np.ones(len(inside))
    precision, recall = precision_and_recall(inside, came, ones, threshold)
    return Slice(
        field=field,
        value=value,
        count=len(inside),
        share=len(inside) / len(p),
        base_rate=base_rate(came, ones),
        said=float(inside.mean()),
        auroc=auroc(inside, came, ones),
        precision=precision,
        recall=recall,
    )
