"""Reasons: the largest terms of a prediction's logit, as sentences with their values."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite

from forestall.pipeline.core.customer import Customer
from forestall.pipeline.core.models.arithmetic import exp
from forestall.pipeline.core.partition import Model
from forestall.pipeline.core.program import Compiled
from forestall.pipeline.core.rows import Columns
from forestall.pipeline.core.wording import sentence
from forestall.schemas.alert import Reason

MOST_REASONS = 3
OWN_TERM = "this customer"


def reasons_for(
    compiled: Compiled,
    model: Model,
    row: Columns,
    categories: Sequence[int],
    labels: Callable[[], Mapping[int, tuple[str, str]]],
    customer: Customer,
) -> list[Reason]:
    """The terms that raise the probability most, largest first. `labels` gives each category's field and value by hash.

    Where no term is positive it is the base rate alone that speaks, and the one reason says so.
    """
    columns, category_terms = model.weights.terms(row, categories)
    terms = [(-w, i) for i, w in enumerate(columns) if w > 0.0 and isfinite(row[i])]
    terms += [(-w, len(columns) + i) for i, w in enumerate(category_terms) if w > 0.0]
    residual = customer.residuals.get(compiled.problem.name)
    if model.noticed.offset_counts and residual is not None and residual.mean > 0.0:
        terms.append((-residual.mean, -1))
    reasons = []
    for negative, index in sorted(terms)[:MOST_REASONS]:
        weight = -negative
        if index < 0:
            reasons.append(_own_reason(compiled, weight))
        elif index < len(columns):
            reasons.append(_column_reason(compiled, model, index, float(row[index]), weight))
        else:
            label = labels()[categories[index - len(columns)]]
            reasons.append(_category_reason(compiled, label, weight))
    return reasons or [_base_reason(model)]


def _column_reason(compiled: Compiled, model: Model, index: int, value: float, weight: float) -> Reason:
    name = compiled.names[index]
    text = sentence(compiled.problem.words, name, value, _unsquash(model.weights.usual(index)))
    return Reason(feature=name, text=text, weight=round(weight, 4), value=float(f"{value:.6g}"))


def _category_reason(compiled: Compiled, label: tuple[str, str], weight: float) -> Reason:
    name, value = label
    text = sentence(compiled.problem.words, name, value)
    return Reason(feature=name, text=text, weight=round(weight, 4), value=value)


def _own_reason(compiled: Compiled, weight: float) -> Reason:
    text = compiled.problem.words.get(
        OWN_TERM, "this customer's answers so far are above what the rest explains"
    )
    return Reason(feature=OWN_TERM, text=text, weight=round(weight, 4))


def _base_reason(model: Model) -> Reason:
    rate = float(f"{model.noticed.base_rate:.3g}")
    return Reason(feature="base rate", text=f"it happens in {rate:.0%} of all cases", weight=0.0, value=rate)


def _unsquash(encoded: float) -> float:
    """The value whose signed log1p is `encoded`."""
    return exp(encoded) - 1.0 if encoded >= 0.0 else 1.0 - exp(-encoded)
