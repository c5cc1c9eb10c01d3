"""The arithmetic of scores: one pass each over probabilities, answers (1 or 0) and weights."""

import numpy as np

from forestall.pipeline.core.models.arithmetic import log
from forestall.pipeline.core.models.arrays import Floats
from forestall.pipeline.core.models.kernel import kernel

BINS = 15  # of equal width, for the calibration error
CLIP = 2.0**-52  # log loss takes probabilities as at least this far from 0 and 1


@kernel
def auroc(p: Floats, y: Floats, weight: Floats) -> float:
    """The area, of pairs in ascending order of `p`."""
    below, yes, area = 0.0, 0.0, 0.0
    i = 0
    while i < p.shape[0]:
        tied_yes, tied_no = 0.0, 0.0
        tie = p[i]
        while True:
            tied_yes += weight[i] * y[i]
            tied_no += weight[i] * (1.0 - y[i])
            i += 1
            if i == p.shape[0] or p[i] != tie:
                break
        area += tied_yes * (below + 0.5 * tied_no)
        below += tied_no
        yes += tied_yes
    return area / (yes * below) if yes > 0.0 and below > 0.0 else np.nan


@kernel
def average_precision(p: Floats, y: Floats, weight: Floats) -> float:
    """The area of steps, of pairs in ascending order of `p`."""
    yes, acted, area = 0.0, 0.0, 0.0
    i = p.shape[0] - 1
    while i >= 0:
        tied_yes = 0.0
        tie = p[i]
        while True:
            tied_yes += weight[i] * y[i]
            acted += weight[i]
            i -= 1
            if i < 0 or p[i] != tie:
                break
        yes += tied_yes
        if tied_yes > 0.0:
            area += tied_yes * yes / acted
    return area / yes if yes > 0.0 else np.nan


@kernel
def log_loss(p: Floats, y: Floats, weight: Floats) -> float:
    """The mean loss, in nats."""
    total, loss = 0.0, 0.0
    for i in range(p.shape[0]):
        q = min(max(p[i], CLIP), 1.0 - CLIP)
        loss -= weight[i] * (y[i] * log(q) + (1.0 - y[i]) * log(1.0 - q))
        total += weight[i]
    return loss / total if total > 0.0 else np.nan


@kernel
def calibration_error(p: Floats, y: Floats, weight: Floats) -> float:
    """The mean distance of probability and frequency over the bins."""
    distance = np.zeros(BINS)
    total = 0.0
    for i in range(p.shape[0]):
        distance[min(int(p[i] * BINS), BINS - 1)] += weight[i] * (p[i] - y[i])
        total += weight[i]
    error = 0.0
    for i in range(BINS):
        error += abs(distance[i])
    return error / total if total > 0.0 else np.nan


@kernel
def above(p: Floats, y: Floats, weight: Floats, threshold: float) -> tuple[float, float, float, float]:
    """Weights of yes above the threshold, of all above, of all, and of all yes."""
    found, acted, total, yes = 0.0, 0.0, 0.0, 0.0
    for i in range(p.shape[0]):
        total += weight[i]
        yes += weight[i] * y[i]
        if p[i] > threshold:
            acted += weight[i]
            found += weight[i] * y[i]
    return found, acted, total, yes


@kernel
def effective_counts(y: Floats, weight: Floats) -> tuple[float, float]:
    """(sum of weights)² / sum of squares, of yes and of no."""
    yes, yes_squares, no, no_squares = 0.0, 0.0, 0.0, 0.0
    for i in range(y.shape[0]):
        yes += weight[i] * y[i]
        yes_squares += weight[i] * weight[i] * y[i]
        no += weight[i] * (1.0 - y[i])
        no_squares += weight[i] * weight[i] * (1.0 - y[i])
    return (
        yes * yes / yes_squares if yes_squares > 0.0 else 0.0,
        no * no / no_squares if no_squares > 0.0 else 0.0,
    )
