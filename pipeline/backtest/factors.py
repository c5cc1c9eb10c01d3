"""What features matter: by how much each moves the predictions of the sample's last rows, by the model as it ends."""

from collections.abc import Mapping, Sequence

import numpy as np

from forestall.pipeline.backtest.categories import Categories
from forestall.pipeline.backtest.result import Factor
from forestall.pipeline.backtest.sample import Row
from forestall.pipeline.core.models.arrays import Floats
from forestall.pipeline.core.models.protocol import Learned
from forestall.pipeline.core.program import Compiled
from forestall.pipeline.core.wording import title

#: Rows that are asked at most.
ROWS = 5_000
#: What is not named among the categories.
CALENDAR = "weekday, time of day"
#: A term that goes with its value by less than this goes up and down.
CLEAR = 0.3


def factors_of(
    rows: Sequence[Row], compiled: Compiled, weights: Learned, categories: Categories
) -> list[Factor]:
    """All features that move anything, the strongest first; none where the model cannot tell its terms."""
    chosen = rows[:ROWS]
    if not chosen:
        return []
    values = np.array([np.frombuffer(row.features, np.float32) for row in chosen])
    terms = np.zeros(values.shape)
    by_field: dict[str, Floats] = {}
    for n, row in enumerate(chosen):
        hashes = row.categories()
        terms[n], of_categories = weights.terms(values[n], hashes)
        for hash_, term in zip(hashes, of_categories, strict=True):
            field = (categories.name(hash_) or (CALENDAR,))[0]
            by_field.setdefault(field, np.zeros(len(chosen)))[n] += term
    words = compiled.problem.words
    found = [
        _factor(name, words, terms[:, j], _direction(values[:, j], terms[:, j]))
        for j, name in enumerate(compiled.names)
    ]
    found += [_factor(field, words, moved, 0) for field, moved in by_field.items()]
    return sorted((f for f in found if f.weight > 0.0), key=lambda factor: (-factor.weight, factor.feature))


def _factor(name: str, words: Mapping[str, str], terms: Floats, direction: int) -> Factor:
    """What is the same for all moves nothing."""
    weight = float(np.abs(terms - terms.mean()).mean())
    return Factor(feature=name, words=title(words, name), weight=weight, direction=direction)


def _direction(values: "np.ndarray[tuple[int], np.dtype[np.float32]]", terms: Floats) -> int:
    known = np.isfinite(values)
    x, term = np.sign(values[known]) * np.log1p(np.abs(values[known].astype(np.float64))), terms[known]
    if len(x) < 2 or x.std() == 0.0 or term.std() == 0.0:
        return 0
    together = float(np.corrcoef(x, term)[0, 1])
    return 0 if abs(together) < CLEAR else (1 if together > 0.0 else -1)
