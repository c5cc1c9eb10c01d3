"""ADWIN: a window over a stream of numbers in [0, 1] that shrinks where its older part no longer fits its newer.

After Bifet and Gavaldà (2007), as River has it: buckets of 1, 2, 4, … numbers, at most six of a size, so that the
window's memory grows with the logarithm of its length. Here its state is arrays, and its arithmetic the same on every
machine.
"""

import numpy as np

from forestall.pipeline.core.models.arithmetic import log
from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.models.kernel import kernel

#: Sizes of buckets: up to 2**(LEVELS - 1) numbers. What is older than the largest hold is dropped.
LEVELS = 22
BUCKETS = 5
#: A cut is looked for at every 32nd number, once there are more than 10, between parts of at least 5.
CLOCK, GRACE, LEAST = 32, 10, 5
#: How seldom a window is cut where nothing has changed.
DELTA = 0.002
TOTAL, VARIANCE = 0, 1  # of `sums`, and of the last axis of `buckets`


@kernel
def add(value: float, counts: Integers, buckets: Floats, sums: Floats, width: int) -> int:
    """Takes a number in; returns the window's width. `counts` has how many buckets each level has, `buckets` their
    totals and variances, the oldest first."""
    buckets[0, counts[0], TOTAL] = value
    buckets[0, counts[0], VARIANCE] = 0.0
    counts[0] += 1
    width += 1
    if width > 1:
        away = value - sums[TOTAL] / (width - 1)
        sums[VARIANCE] += (width - 1) * away * away / width
    sums[TOTAL] += value
    level, size = 0, 1.0
    while counts[level] > BUCKETS:
        if level + 1 == LEVELS:
            return drop_oldest(level, counts, buckets, sums, width)
        one, other = buckets[level, 0], buckets[level, 1]
        away = one[TOTAL] / size - other[TOTAL] / size
        to = counts[level + 1]
        buckets[level + 1, to, TOTAL] = one[TOTAL] + other[TOTAL]
        buckets[level + 1, to, VARIANCE] = (
            one[VARIANCE] + other[VARIANCE] + size * size * away * away / (2.0 * size)
        )
        counts[level + 1] += 1
        remove(level, 2, counts, buckets)
        level += 1
        size *= 2.0
    return width


@kernel
def extend(values: Floats, counts: Integers, buckets: Floats, sums: Floats, width: int) -> int:
    """Takes several numbers in, one after the other; returns the window's width."""
    for i in range(values.shape[0]):
        width = add(values[i], counts, buckets, sums, width)
    return width


@kernel
def remove(level: int, number: int, counts: Integers, buckets: Floats) -> None:
    """Removes the oldest buckets of a level."""
    for k in range(counts[level] - number):
        buckets[level, k] = buckets[level, k + number]
    for k in range(counts[level] - number, counts[level]):
        buckets[level, k] = 0.0
    counts[level] -= number


@kernel
def drop_oldest(level: int, counts: Integers, buckets: Floats, sums: Floats, width: int) -> int:
    """Drops the window's oldest bucket, which is the first of this level; returns the window's width."""
    size = 1 << level
    total, variance = buckets[level, 0, TOTAL], buckets[level, 0, VARIANCE]
    width -= size
    sums[TOTAL] -= total
    if width > 0:
        away = total / size - sums[TOTAL] / width
        sums[VARIANCE] -= variance + size * width * away * away / (size + width)
    else:
        sums[VARIANCE] = 0.0
    remove(level, 1, counts, buckets)
    return width


@kernel
def differs(
    older: float, n: float, newer: float, m: float, variance: float, width: float, delta: float
) -> bool:
    """Whether the means of two parts of `n` and `m` numbers are farther apart than chance leaves them."""
    confidence = log(2.0 * log(width) / delta)
    parts = 1.0 / (n - LEAST + 1.0) + 1.0 / (m - LEAST + 1.0)
    return bool(
        abs(older - newer) > np.sqrt(2.0 * parts * variance * confidence) + 2.0 / 3.0 * confidence * parts
    )


@kernel
def cut_once(counts: Integers, buckets: Floats, sums: Floats, width: int, delta: float) -> int:
    """Drops the oldest bucket if there is a place where the parts differ; returns the window's width."""
    top = LEVELS - 1
    while top > 0 and counts[top] == 0:
        top -= 1
    n, total = 0.0, 0.0
    for level in range(top, -1, -1):
        for k in range(counts[level]):
            n += 1 << level
            total += buckets[level, k, TOTAL]
            m = width - n
            if n < LEAST or m < LEAST:
                continue
            newer = (sums[TOTAL] - total) / m
            if differs(total / n, n, newer, m, sums[VARIANCE] / width, width, delta):
                return drop_oldest(top, counts, buckets, sums, width)
    return width


@kernel
def cut(counts: Integers, buckets: Floats, sums: Floats, width: int, delta: float) -> int:
    """Drops old buckets as long as the parts differ somewhere; returns the window's width."""
    if width <= GRACE:
        return width
    while True:
        left = cut_once(counts, buckets, sums, width, delta)
        if left == width:
            return width
        width = left
