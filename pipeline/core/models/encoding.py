"""How raw numbers become what a linear model can use: sign(x)·log1p|x|, centred, scaled, clipped to ±4.

Each column gives three coordinates: its encoded value, and how far that is below and above the usual. So the model
can bend: what is unusually little may count differently from what is unusually much.
"""

import numpy as np

from forestall.pipeline.core.models.arithmetic import log1p
from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.models.kernel import kernel

CLIP = 4.0
#: Half a standard deviation around the mean is usual.
BEND = 0.5
SMALLEST_STEP = 1e-4
SMALLEST_VARIANCE = 1e-12


@kernel
def squash(x: float) -> float:
    """sign(x)·log1p|x|."""
    return log1p(x) if x >= 0.0 else -log1p(-x)


@kernel
def scale_of(variance: float) -> float:
    """What a centred value is multiplied by; 0 while the column has not varied."""
    return 1.0 / np.sqrt(variance) if variance > SMALLEST_VARIANCE else 0.0


@kernel
def scales_of(variances: Floats) -> Floats:
    """The scale of each column."""
    scales = np.zeros(variances.shape[0])
    for j in range(variances.shape[0]):
        scales[j] = scale_of(variances[j])
    return scales


@kernel
def standardise(squashed: float, mean: float, scale: float) -> float:
    """The encoded value."""
    return min(max((squashed - mean) * scale, -CLIP), CLIP)


@kernel
def below(encoded: float) -> float:
    """How far the encoded value is below the usual; 0 or negative."""
    return min(encoded + BEND, 0.0)


@kernel
def above(encoded: float) -> float:
    """How far the encoded value is above the usual; 0 or positive."""
    return max(encoded - BEND, 0.0)


@kernel
def lacks_flag(raw: Floats, flag_of: Integers) -> bool:
    """Whether a column is missing for the first time: not finite, and without a flag."""
    lacking = False
    for j in range(raw.shape[0]):
        lacking = lacking or (flag_of[j] < 0 and not np.isfinite(raw[j]))
    return lacking


@kernel
def squash_all(numbers: Floats) -> None:
    """Squashes a row in place. What is not finite stays so."""
    for j in range(numbers.shape[0]):
        numbers[j] = squash(numbers[j])


@kernel
def observe(squashed: Floats, mean: Floats, variance: Floats, seen: Integers, row: Floats) -> None:
    """Takes a row into each column's running mean and variance, and writes its encoding to `row`: all values, then
    all parts below the usual, then all above. Not finite is missing: encoded as 0."""
    columns = squashed.shape[0]
    for j in range(columns):
        if not np.isfinite(squashed[j]):
            row[j] = row[columns + j] = row[2 * columns + j] = 0.0
            continue
        seen[j] += 1
        step = max(1.0 / seen[j], SMALLEST_STEP)
        delta = squashed[j] - mean[j]
        mean[j] += step * delta
        variance[j] = (1.0 - step) * (variance[j] + step * delta * delta)
        encoded = standardise(squashed[j], mean[j], scale_of(variance[j]))
        row[j] = encoded
        row[columns + j] = below(encoded)
        row[2 * columns + j] = above(encoded)
