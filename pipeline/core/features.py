"""A customer's numbers, updated by events, and the feature columns computed from them: two kernels.

Shapes: `numbers` float64[slots of the layout], `out` float64[columns of the layout]. Times are epoch seconds.
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


def new_numbers(layout: Layout) -> Floats:
    """Numbers of a customer of whom nothing has been seen."""
    numbers = np.zeros(len(layout.slots))
    for index, slot in enumerate(layout.slots):
        if not slot.endswith(("/total", "/seen", " d")):
            numbers[index] = np.nan
    return numbers


@kernel
def count(numbers: Floats, group: int, spans: Floats, time: float) -> None:
    """Counts an event of a type's block at `time`; an earlier time than the last counts as no gap."""
    base = group * (_TYPE + spans.shape[0])
    last = numbers[base + 1]
    total = numbers[base + 2] + 1.0
    numbers[base + 2] = total
    if math.isnan(last):
        numbers[base] = time
        numbers[base + 1] = time
        for s in range(spans.shape[0]):
            numbers[base + _TYPE + s] = 1.0
        return
    gap = max(0.0, time - last)
    if total == 2.0:
        numbers[base + 3] = gap
    else:
        numbers[base + 3] += max(1.0 / (total - 1.0), GAP_STEP) * (gap - numbers[base + 3])
    numbers[base + 1] = last + gap
    for s in range(spans.shape[0]):
        numbers[base + _TYPE + s] = numbers[base + _TYPE + s] * exp(-gap / spans[s]) + 1.0


@kernel
def measure(numbers: Floats, start: int, values: Floats) -> None:
    """Takes the event's numeric fields (NaN where absent) into last, mean and seen, from slot `start` on."""
    for f in range(values.shape[0]):
        value = values[f]
        if math.isnan(value):
            continue
        base = start + _FIELD * f
        seen = numbers[base + 2] + 1.0
        numbers[base] = value
        if seen == 1.0:
            numbers[base + 1] = value
        else:
            numbers[base + 1] += max(1.0 / seen, GAP_STEP) * (value - numbers[base + 1])
        numbers[base + 2] = seen


@kernel
def fill(numbers: Floats, spans: Floats, values: Floats, subject: Floats, time: float, out: Floats) -> None:
    """Writes the columns at `time`: types' blocks, fields' blocks, customer, subject, then the fields now."""
    n_spans = spans.shape[0]
    width = _TYPE + n_spans
    groups = (numbers.shape[0] - _FIELD * values.shape[0]) // width
    column = 0
    earliest = time
    for g in range(groups):
        base = g * width
        last = numbers[base + 1]
        gap = max(0.0, time - last)
        for s in range(n_spans):
            counted = numbers[base + _TYPE + s]
            out[column + s] = counted * exp(-gap / spans[s]) if counted > 0.0 else 0.0
        column += n_spans
        out[column] = numbers[base + 2]
        if math.isnan(last):
            out[column + 1] = np.nan
            out[column + 2] = np.nan
            out[column + 3] = np.nan
        else:
            mean_gap = numbers[base + 3]
            out[column + 1] = gap / DAY_S
            out[column + 2] = mean_gap / DAY_S
            out[column + 3] = gap / mean_gap if mean_gap > 0.0 else np.nan
            earliest = min(earliest, numbers[base])
        column += 4
    for f in range(values.shape[0]):
        base = groups * width + _FIELD * f
        out[column] = numbers[base]
        out[column + 1] = numbers[base + 1]
        column += 2
    out[column] = (time - earliest) / DAY_S
    out[column + 1] = max(0.0, time - subject[0]) / DAY_S
    out[column + 2] = subject[2]
    out[column + 3] = max(0.0, time - subject[1]) / DAY_S
    column += 4
    for f in range(values.shape[0]):
        out[column + f] = values[f]


def numeric_values(layout: Layout, data: Mapping[str, Any] | None) -> Floats:
    """The layout's numeric fields as the event has them; NaN where absent or no finite number."""
    if not data:
        return np.full(len(layout.numeric), np.nan)
    return np.array([_number(lookup(data, path)) for path in layout.numeric_paths])


def lookup(data: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The value at the end of a path of keys; None where there is none."""
    value: Any = data.get(path[0])
    for key in path[1:]:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _number(value: Any) -> float:
    if isinstance(value, int | float) and -LARGEST < value < LARGEST:
        return float(value)
    return math.nan
