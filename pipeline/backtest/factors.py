"""What features matter: by how much each moves the predictions of the sample's last rows, by the model as it ends.

A model that knows its terms tells them. Another is asked again with each feature as it usually is: a number at the
sample's median, a category taken away.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from forestall.pipeline.backtest.categories import Categories
from forestall.pipeline.backtest.result import Factor
from forestall.pipeline.backtest.sample import Row
from forestall.pipeline.core.models.arrays import Floats
from forestall.pipeline.core.models.protocol import Learned
from forestall.pipeline.core.program import Compiled
from forestall.pipeline.core.rows import Columns
from forestall.pipeline.core.wording import title

#: Rows whose terms are told, and rows that are asked again for each feature, at most.
ROWS, ASKED_AGAIN = 5_000, 300
#: What is not named among the categories.
CALENDAR = "weekday, time of day"
#: A term that goes with its value by less than this goes up and down.
CLEAR = 0.3


def factors_of(
    rows: Sequence[Row], compiled: Compiled, weights: Learned, categories: Categories
) -> list[Factor]:
    """All features that move anything, the strongest first."""
    chosen = rows[:ROWS]
    if not chosen:
        return []
    values = np.array([np.frombuffer(row.features, np.float32) for row in chosen])
    hashes = [row.categories() for row in chosen]
    fields = [[(categories.name(hash_) or (CALENDAR,))[0] for hash_ in of_row] for of_row in hashes]
    terms, by_field = _terms(weights, values, hashes, fields)
    if not terms.any() and not any(moved.any() for moved in by_field.values()):
        values = values[:ASKED_AGAIN]
        terms, by_field = _taken_away(weights, values, hashes[:ASKED_AGAIN], fields[:ASKED_AGAIN])
    words = compiled.problem.words
    found = [
        _factor(name, words, terms[:, j], _direction(values[:, j], terms[:, j]))
        for j, name in enumerate(compiled.names)
    ]
    found += [_factor(field, words, moved, 0) for field, moved in by_field.items()]
    return sorted((f for f in found if f.weight > 0.0), key=lambda factor: (-factor.weight, factor.feature))


def _terms(
    weights: Learned, values: Columns, hashes: list[list[int]], fields: list[list[str]]
) -> tuple[Floats, dict[str, Floats]]:
    """What each column (rows, columns) and each category field (rows) adds to the logits."""
    terms = np.zeros(values.shape)
    by_field: dict[str, Floats] = {}
    for n, (of_row, names) in enumerate(zip(hashes, fields, strict=True)):
        terms[n], of_categories = weights.terms(values[n], of_row)
        for field, term in zip(names, of_categories, strict=True):
            by_field.setdefault(field, np.zeros(len(values)))[n] += term
    return terms, by_field


def _taken_away(
    weights: Learned, values: Columns, hashes: list[list[int]], fields: list[list[str]]
) -> tuple[Floats, dict[str, Floats]]:
    """By how much the logits fall without each: the same shapes."""
    known = np.isfinite(values)
    usual = np.array(
        [np.median(column[k]) if k.any() else np.nan for column, k in zip(values.T, known.T, strict=True)]
    )
    terms = np.zeros(values.shape)
    by_field = {field: np.zeros(len(values)) for names in fields for field in names}
    for n, (row, of_row, names) in enumerate(zip(values, hashes, fields, strict=True)):
        z = weights.logit(row, of_row)
        for j, value in enumerate(usual):
            changed = row.copy()
            changed[j] = value
            terms[n, j] = z - weights.logit(changed, of_row)
        for field in by_field.keys() & set(names):
            rest = [hash_ for hash_, of in zip(of_row, names, strict=True) if of != field]
            by_field[field][n] = z - weights.logit(row, rest)
    return terms, by_field


def _factor(name: str, words: Mapping[str, str], terms: Floats, direction: int) -> Factor:
    """What is the same for all moves nothing."""
    weight = float(np.abs(terms - terms.mean()).mean())
    return Factor(feature=name, words=title(words, name), weight=weight, direction=direction)


def _direction(values: Columns, terms: Floats) -> int:
    known = np.isfinite(values)
    x, term = np.sign(values[known]) * np.log1p(np.abs(values[known].astype(np.float64))), terms[known]
    if len(x) < 2 or x.std() == 0.0 or term.std() == 0.0:
        return 0
    together = float(np.corrcoef(x, term)[0, 1])
    return 0 if abs(together) < CLEAR else (1 if together > 0.0 else -1)
