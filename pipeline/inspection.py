"""What learn knows of a problem, to be looked at: `forestall model show`."""

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

import msgspec
import numpy as np

from forestall.pipeline.core.head import Written
from forestall.pipeline.core.learning import ProblemState
from forestall.pipeline.core.models import dense
from forestall.pipeline.core.models.arrays import Floats
from forestall.pipeline.core.models.boosted import Boosted
from forestall.pipeline.core.models.encoding import BEND
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.protocol import Model
from forestall.pipeline.core.models.residual import KEEP
from forestall.pipeline.core.models.weights import ABOVE, BELOW, FLAG, MEAN, SCALE, WEIGHT, Weights
from forestall.pipeline.core.program import Compiled
from forestall.pipeline.core.wording import title

#: The field and the value of a category, by its hash; None if nobody knows.
Name = Callable[[int], tuple[str, str] | None]

#: Standardised values, for what a feature moves; as often as in a normal distribution.
_GRID = np.linspace(-2.5, 2.5, 41)
_OFTEN = np.exp(-(_GRID**2) / 2.0) / np.exp(-(_GRID**2) / 2.0).sum()


@runtime_checkable
class Weighed(Protocol):
    """A model that gives weights to foresee."""

    def weights(self) -> Weights:
        """What it sends."""


class FeatureView(msgspec.Struct, frozen=True, kw_only=True):
    """One column. `weight` is logit a standard deviation; `below` and `above` are added to it under and over the usual,
    `missing` stands in where there is no value. `size` is the standard deviation of what the column adds to the logit,
    were its values normal: features compare by it. `usual`, `low` and `high` are the mean and one deviation around it,
    in the column's own units; `known` is the share of learned answers that had a value (None: not counted)."""

    feature: str
    words: str
    weight: float
    below: float
    above: float
    missing: float
    size: float
    usual: float
    low: float
    high: float
    known: float | None


class CategoryView(msgspec.Struct, frozen=True, kw_only=True):
    """One category's weight. `field` and `value` are None where only the hash is known; `labels` are counted up to 100,
    from where on the category is `dense`: it shares the full covariance."""

    hash: str
    field: str | None
    value: str | None
    weight: float
    labels: int | None
    dense: bool | None


class ModelView(msgspec.Struct, frozen=True, kw_only=True):
    """One problem as learn keeps it. `in_force`: whether the catalogue still has this revision (None: unknown).

    `answers` are all, `learned` those that trained (a contacted customer's do not); `own_term_counts` is λ, by the
    running mean log losses with and without the customers' own terms. `open_questions` and `maturity` (the share of the
    questions asked so far whose answer is in) are None unless they were counted. `scores` are of the window.
    """

    problem: str
    title: str | None
    partition: int
    revision: str
    in_force: bool | None
    state_version: int
    kernels: str
    bytes: int
    model: str
    answers: int
    learned: int
    base_rate: float
    threshold: float
    gate_open: bool
    own_term_counts: bool
    loss_with_own_term: float
    loss_without_own_term: float
    noticed: int
    next_notice: int
    open_questions: int | None
    maturity: float | None
    columns: int
    categories: int
    dense: int | None
    bias: float
    scores: dict[str, float]
    features: list[FeatureView]
    by_category: list[CategoryView]


def model_view(
    problem: str,
    partition: int,
    state: ProblemState,
    written: Written,
    size: int,
    compiled: Compiled | None,
    name: Name,
    open_questions: int | None = None,
) -> ModelView:
    """The view of one problem's state, `size` bytes stored. `compiled` is the problem in force, if there is one."""
    in_force = None if compiled is None else compiled.revision == state.revision
    model = state.model.filter if isinstance(state.model, Boosted) else state.model
    weights = model.weights() if isinstance(model, Weighed) else None
    losses = _mean_losses(state)
    return ModelView(
        problem=problem,
        title=compiled.problem.title if compiled is not None else None,
        partition=partition,
        revision=state.revision,
        in_force=in_force,
        state_version=written.version,
        kernels=written.fingerprint,
        bytes=size,
        model=state.kind or type(state.model).__name__,
        answers=state.answers,
        learned=state.model.answers,
        base_rate=state.base_rate,
        threshold=state.threshold,
        gate_open=state.gate_open,
        own_term_counts=state.offset_counts,
        loss_with_own_term=losses[0],
        loss_without_own_term=losses[1],
        noticed=state.noticed_ms,
        next_notice=state.next_notice,
        open_questions=open_questions,
        maturity=_maturity(state.answers, open_questions),
        columns=weights.table.shape[1] if weights is not None else 0,
        categories=len(weights.categories) if weights is not None else 0,
        dense=model.slots if isinstance(model, BayesianFilter) else None,
        bias=weights.bias if weights is not None else 0.0,
        scores=state.scores(),
        features=_features(model, weights, compiled if in_force else None),
        by_category=_categories(model, weights, name),
    )


def _maturity(answers: int, open_questions: int | None) -> float | None:
    if open_questions is None or not answers + open_questions:
        return None
    return answers / (answers + open_questions)


def _mean_losses(state: ProblemState) -> tuple[float, float]:
    """The running sums of losses as means, with and without the customers' own terms."""
    counted = (1.0 - KEEP ** max(state.model.answers, 1)) / (1.0 - KEEP)
    return state.loss_with / counted, state.loss_without / counted


def _features(model: Model, weights: Weights | None, compiled: Compiled | None) -> list[FeatureView]:
    """All columns, what moves most first."""
    if weights is None:
        return []
    seen = model.seen / max(model.answers, 1) if isinstance(model, BayesianFilter) else None
    views = []
    for j in range(weights.table.shape[1]):
        name = compiled.names[j] if compiled is not None else f"column {j + 1}"
        views.append(_feature(name, weights.table[:, j], None if seen is None else min(float(seen[j]), 1.0)))
    return sorted(views, key=lambda view: (-view.size, view.feature))


def _feature(name: str, column: Floats, known: float | None) -> FeatureView:
    terms = column[WEIGHT] * _GRID
    terms += column[BELOW] * np.minimum(_GRID + BEND, 0.0) + column[ABOVE] * np.maximum(_GRID - BEND, 0.0)
    mean = float((terms * _OFTEN).sum())
    deviation = 1.0 / column[SCALE] if column[SCALE] else 0.0
    usual, low, high = (_unsquashed(float(column[MEAN]) + step * deviation) for step in (0.0, -1.0, 1.0))
    return FeatureView(
        feature=name,
        words=title({}, name),
        weight=float(column[WEIGHT]),
        below=float(column[BELOW]),
        above=float(column[ABOVE]),
        missing=float(column[FLAG]),
        size=float(np.sqrt((_OFTEN * (terms - mean) ** 2).sum())) if deviation else 0.0,
        usual=usual,
        low=low,
        high=high,
        known=known,
    )


def _categories(model: Model, weights: Weights | None, name: Name) -> list[CategoryView]:
    """All categories, the heaviest first."""
    if weights is None:
        return []
    tallies = dict(_tallies(model))
    views = []
    for hash_, weight in weights.categories.items():
        field, value = name(hash_) or (None, None)
        labels, in_block = tallies.get(hash_, (None, None))
        views.append(
            CategoryView(
                hash=f"{hash_:08x}", field=field, value=value, weight=weight, labels=labels, dense=in_block
            )
        )
    return sorted(views, key=lambda view: (-abs(view.weight), view.hash))


def _tallies(model: Model) -> Iterator[tuple[int, tuple[int, bool]]]:
    """Labels, and whether it is in the dense block, by hash."""
    if isinstance(model, BayesianFilter):
        known = model.categories
        for hash_, entry in known.entries.items():
            yield hash_, (int(known.tally[dense.LABELS, entry]), bool(known.tally[dense.SLOT, entry] >= 0))


def _unsquashed(encoded: float) -> float:
    """The value whose signed log1p is `encoded`."""
    return float(np.sign(encoded) * np.expm1(abs(encoded)))
