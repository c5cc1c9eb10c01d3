"""exp, log and their kin, with the same bits on every machine.

libm's last bits vary by platform and version. These use only IEEE operations that are exactly rounded: range
reduction by bits, then a Taylor polynomial in Horner form. Accurate to 1e-15 relative.
"""

import math

import numpy as np

from forestall.pipeline.core.models.kernel import kernel

LN2_HIGH = (
    6.93147180369123816490e-01  # the first 33 bits of ln 2, so that k * LN2_HIGH is exact for |k| < 2**20
)
LN2_LOW = 1.90821492927058770002e-10
INVERSE_LN2 = 1.44269504088896338700
ROOT_HALF = 0.70710678118654752440
SMALLEST_NORMAL = 2.2250738585072014e-308
TWO_54 = 18014398509481984.0
EXP_SERIES = tuple(1.0 / math.factorial(n) for n in range(13, -1, -1))
LOG_SERIES = tuple(1.0 / n for n in range(21, 0, -2))


@kernel
def exp(x: float) -> float:
    """e to the x; infinite above 709, 0 below -708 (no subnormal numbers), NaN of NaN."""
    if np.isnan(x):
        return x
    if x > 709.0:
        return np.inf
    if x < -708.0:
        return 0.0
    k = np.floor(x * INVERSE_LN2 + 0.5)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    series = EXP_SERIES[0]
    for coefficient in EXP_SERIES[1:]:
        series = series * r + coefficient
    return series * np.int64((np.int64(k) + 1023) << 52).view(np.float64)


@kernel
def log(x: float) -> float:
    """The natural logarithm; minus infinity at 0, NaN below."""
    if np.isnan(x) or x == np.inf:
        return x
    if x <= 0.0:
        return -np.inf if x == 0.0 else np.nan
    k = 0
    if x < SMALLEST_NORMAL:
        x = x * TWO_54
        k = -54
    bits = np.float64(x).view(np.int64)
    k += int(bits >> 52) - 1023
    m = np.int64((bits & 0x000FFFFFFFFFFFFF) | 0x3FE0000000000000).view(np.float64)  # in [.5, 1)
    if m < ROOT_HALF:
        m = m + m
    else:
        k += 1
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    series = LOG_SERIES[0]
    for coefficient in LOG_SERIES[1:]:
        series = series * square + coefficient
    return k * LN2_HIGH + (2.0 * s * series + k * LN2_LOW)


@kernel
def log1p(x: float) -> float:
    """log(1 + x), accurate also for a small x."""
    u = 1.0 + x
    if u in (1.0, np.inf):
        return x
    return log(u) + (x - (u - 1.0)) / u


@kernel
def sigmoid(z: float) -> float:
    """The probability of a logit."""
    if z < 0.0:
        e = exp(z)
        return e / (1.0 + e)
    return 1.0 / (1.0 + exp(-z))


@kernel
def logit(p: float) -> float:
    """The logit of a probability, which is kept at least 1e-15 off 0 and 1."""
    p = min(max(p, 1e-15), 1.0 - 1e-15)
    return log(p / (1.0 - p))


@kernel
def softplus(z: float) -> float:
    """log(1 + e to the z)."""
    return max(z, 0.0) + log1p(exp(-abs(z)))


@kernel
def log_loss(z: float, y: float) -> float:
    """The log loss (nats) of the logit `z` where the answer was `y` (1 or 0)."""
    return softplus(z) - y * z
