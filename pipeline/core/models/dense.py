"""The filter's arithmetic: one Kalman step over a dense block and a diagonal of categories.

Coordinates of the dense block: the columns, their parts below and above the usual, the bias, then flags and slots
as they came. Columns' flags are
coordinates `flag_of[column]`, categories' slots `tally[SLOT, entry]` (-1: none).
`table` has a row of weights and one of variances of the categories on the diagonal.
Sums skip zeros and run in the order of coordinates, so the same row gives the same bits.
"""

import numpy as np

from forestall.pipeline.core.models.arithmetic import sigmoid
from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.models.encoding import above, below, scale_of, standardise
from forestall.pipeline.core.models.kernel import kernel

WEIGHT, VARIANCE = 0, 1  # rows of `table`
LABELS, SLOT = 0, 1  # rows of `tally`
LABELS_FOR_A_SLOT = 100
PRIOR_VARIANCE = 0.05
PROCESS_NOISE = 3e-8  # old answers fade: by rows before each task's test, more costs and less misses drift


@kernel
def predict(
    squashed: Floats,
    mean: Floats,
    variance: Floats,
    flag_of: Integers,
    weights: Floats,
    entries: Integers,
    table: Floats,
    tally: Integers,
) -> float:
    """The logit of a row; `entries` are those of its categories that have an entry."""
    columns = squashed.shape[0]
    z = float(weights[3 * columns])
    for j in range(columns):
        if np.isfinite(squashed[j]):
            encoded = standardise(squashed[j], mean[j], scale_of(variance[j]))
            z += weights[j] * encoded
            z += weights[columns + j] * below(encoded) + weights[2 * columns + j] * above(encoded)
        elif flag_of[j] >= 0:
            z += weights[flag_of[j]]
    for i in range(entries.shape[0]):
        slot = tally[SLOT, entries[i]]
        z += weights[slot] if slot >= 0 else table[WEIGHT, entries[i]]
    return z


@kernel
def place(squashed: Floats, flag_of: Integers, entries: Integers, tally: Integers, row: Floats) -> int:
    """Completes the encoded `row` with bias, flags and slots, and counts its categories' labels (to 100).

    Returns how many categories have just had enough labels to deserve a slot.
    """
    columns = squashed.shape[0]
    bias = 3 * columns
    deserving = 0
    row[bias] = 1.0
    for j in range(bias + 1, row.shape[0]):
        row[j] = 0.0
    for j in range(columns):
        if flag_of[j] >= 0 and not np.isfinite(squashed[j]):
            row[flag_of[j]] = 1.0
    for i in range(entries.shape[0]):
        if tally[SLOT, entries[i]] >= 0:
            row[tally[SLOT, entries[i]]] = 1.0
        if tally[LABELS, entries[i]] < LABELS_FOR_A_SLOT:
            tally[LABELS, entries[i]] += 1
            deserving += tally[LABELS, entries[i]] == LABELS_FOR_A_SLOT
    return deserving


@kernel
def project(row: Floats, weights: Floats, covariance: Floats, gain: Floats) -> tuple[float, float]:
    """Writes covariance·row to `gain`; returns the row's logit and its variance."""
    size = row.shape[0]
    z = 0.0
    for i in range(size):
        gain[i] = 0.0
    for j in range(size):
        x = row[j]
        if x != 0.0:
            z += x * weights[j]
            for i in range(size):
                gain[i] += x * covariance[j, i]
    s = 0.0
    for j in range(size):
        if row[j] != 0.0:
            s += row[j] * gain[j]
    return z, max(s, 0.0)


@kernel
def shrink(covariance: Floats, gain: Floats, factor: float, priors: Floats) -> None:
    """covariance -= factor·gain·gain', plus process noise on the diagonal, capped at the priors.

    The root of the factor goes into the gain, so that the product is the same on both sides of the diagonal.
    """
    size = gain.shape[0]
    root = np.sqrt(factor)
    for i in range(size):
        gain[i] *= root
    for i in range(size):
        g = gain[i]
        if g != 0.0:
            for j in range(size):
                covariance[i, j] -= g * gain[j]
        covariance[i, i] = min(covariance[i, i] + PROCESS_NOISE, priors[i])


@kernel
def learn(
    row: Floats,
    weights: Floats,
    covariance: Floats,
    gain: Floats,
    entries: Integers,
    table: Floats,
    tally: Integers,
    y: float,
    weight: float,
    offset: float,
    extra: float,
    priors: Floats,
) -> None:
    """One step of the extended Kalman filter, towards the answer `y`. `priors` cap the variances of the dense
    block's coordinates."""
    z, s = project(row, weights, covariance, gain)
    z += offset
    s += extra
    for i in range(entries.shape[0]):
        if tally[SLOT, entries[i]] < 0:
            z += table[WEIGHT, entries[i]]
            s += table[VARIANCE, entries[i]]
    p = sigmoid(z)
    h = weight * p * (1.0 - p)
    step = weight * (p - y) / (1.0 + h * s)
    factor = h / (1.0 + h * s)
    for j in range(row.shape[0]):
        weights[j] -= step * gain[j]
    shrink(covariance, gain, factor, priors)
    for i in range(entries.shape[0]):
        if tally[SLOT, entries[i]] < 0:
            v = table[VARIANCE, entries[i]]
            table[WEIGHT, entries[i]] -= step * v
            table[VARIANCE, entries[i]] = min(v - factor * v * v + PROCESS_NOISE, PRIOR_VARIANCE)
