"""A customer's numbers, updated by events, and the feature columns computed from them: two kernels.

Shapes: `numbers` float64[slots of the layout], `out` float32[columns of the layout]. Times are epoch seconds.
NaN says "never seen". Sums run in fixed order and exp is our own, so the last bit is the same on any machine.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forestall.pipeline.core.layout import FIELD_SLOTS, TYPE_SLOTS, Layout
from forestall.pipeline.core.models.arithmetic import exp
from forestall.pipeline.core.models.kernel import kernel

DAY_S = 86_400.0
#: The mean gap follows the customer's rhythm of about the last ten gaps.
GAP_STEP = 0.1
#: Beyond this a number is no measurement; it must fit a float32, which a JSON number need not.
LARGEST = 1e30
_TYPE = len(TYPE_SLOTS)
_FIELD = len(FIELD_SLOTS)

Floats = NDArray[np.float64]
Numbers = NDArray[np.float32] | Floats


def new_numbers(layout: Layout) -> Floats:
    """Numbers of a customer of whom nothing has been seen."""
    return layout.unseen.copy()


@kernel
def elapsed(since: float, time: float) -> float:
    """Seconds since then, at least 0; NaN of NaN (max would make it 0)."""
    gap = time - since
    return 0.0 if gap < 0.0 else gap


@kernel
def count(numbers: Floats, group: int, spans: Floats, time: float) -> None:
    """Counts an event of a type's block at `time`; an earlier time than the last counts as no gap."""
    base = group * (_TYPE + spans.shape[0])
    last = numbers[base]
    total = numbers[base + 1] + 1.0
    numbers[base + 1] = total
    if math.isnan(last):
        numbers[base] = time
        for s in range(spans.shape[0]):
            numbers[base + _TYPE + s] = 1.0
        return
    gap = elapsed(last, time)
    if total == 2.0:
        numbers[base + 2] = gap
    else:
        numbers[base + 2] += max(1.0 / (total - 1.0), GAP_STEP) * (gap - numbers[base + 2])
    numbers[base] = last + gap
    for s in range(spans.shape[0]):
        numbers[base + _TYPE + s] = numbers[base + _TYPE + s] * exp(-gap / spans[s]) + 1.0


@kernel
def measure(numbers: Floats, start: int, values: Floats) -> None:
    """Takes the event's numeric fields (NaN where absent) as the last ones, from slot `start` on."""
    for f in range(values.shape[0]):
        if not math.isnan(values[f]):
            numbers[start + _FIELD * f] = values[f]


@kernel
def take(numbers: Floats, group: int, spans: Floats, time: float, values: Floats) -> None:
    """Counts an event and takes its numeric fields: one call, for calls cost more than what they do."""
    count(numbers, group, spans, time)
    measure(numbers, numbers.shape[0] - _FIELD * values.shape[0], values)


@kernel
def fill(
    numbers: Floats, spans: Floats, values: Floats, first: float, latest: float, events: float, time: float,
    out: Numbers,
) -> None:  # fmt: skip
    """Writes the columns at `time`: types' blocks, all other types, the subject by its `first` and `latest` of
    `events`, then the fields, now or else last."""
    n_spans = spans.shape[0]
    width = _TYPE + n_spans
    types = (numbers.shape[0] - _FIELD * values.shape[0]) // width - 1
    column = 0
    for g in range(types):
        base = g * width
        gap = elapsed(numbers[base], time)
        for s in range(n_spans):
            counted = numbers[base + _TYPE + s]
            out[column + s] = counted * exp(-gap / spans[s]) if counted > 0.0 else 0.0
        column += n_spans
        mean_gap = numbers[base + 2]
        out[column] = gap / DAY_S
        out[column + 1] = gap / mean_gap if mean_gap > 0.0 else np.nan
        column += 2
    out[column] = elapsed(numbers[types * width], time) / DAY_S
    out[column + 1] = elapsed(first, time) / DAY_S
    out[column + 2] = events
    out[column + 3] = elapsed(latest, time) / DAY_S
    column += 4
    last = (types + 1) * width
    for f in range(values.shape[0]):
        out[column + f] = numbers[last + _FIELD * f] if math.isnan(values[f]) else values[f]


def numeric_values(layout: Layout, data: Mapping[str, Any] | None) -> Floats:
    """The layout's numeric fields as the event has them; NaN where absent or no finite number. Not to be written to."""
    if not data or layout.numeric_roots.isdisjoint(data):
        return layout.no_numbers
    found = [data.get(path[0]) if len(path) == 1 else lookup(data, path) for path in layout.numeric_paths]
    return np.array(
        [float(v) if isinstance(v, (int, float)) and -LARGEST < v < LARGEST else math.nan for v in found]
    )


def lookup(data: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The value at the end of a path of keys; None where there is none."""
    value: Any = data.get(path[0])
    for key in path[1:]:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
