"""A customer's own residual: one number added to the population's logit, with its variance."""

PRIOR_VARIANCE = 0.05
PROCESS_NOISE = 1e-8


def update(offset: float, variance: float, p: float, y: float, weight: float = 1.0) -> tuple[float, float]:
    """The residual's mean and variance (logits) after the answer `y` to a question with the probability `p`,
    taken with the residual included: a Kalman step. A new residual is (0, PRIOR_VARIANCE)."""
    shrink = 1.0 / (1.0 + weight * p * (1.0 - p) * variance)
    offset -= weight * variance * (p - y) * shrink
    return offset, variance * shrink + PROCESS_NOISE
