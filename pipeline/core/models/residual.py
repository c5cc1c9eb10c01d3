"""A customer's own residual: one number added to the population's logit, with its variance."""

from forestall.pipeline.core.models.arithmetic import log_loss
from forestall.pipeline.core.models.kernel import kernel

PRIOR_VARIANCE = 0.05
PROCESS_NOISE = 1e-8
#: Forgetting of the running losses: about the last 2,000 answers count.
KEEP = 1.0 - 1.0 / 2_000.0


def update(offset: float, variance: float, p: float, y: float, weight: float = 1.0) -> tuple[float, float]:
    """The residual's mean and variance (logits) after the answer `y` to a question with the probability `p`,
    taken with the residual included: a Kalman step. A new residual is (0, PRIOR_VARIANCE)."""
    shrink = 1.0 / (1.0 + weight * p * (1.0 - p) * variance)
    offset -= weight * variance * (p - y) * shrink
    return offset, variance * shrink + PROCESS_NOISE


@kernel
def weigh(z: float, offset: float, y: float, without: float, with_it: float) -> tuple[float, float]:
    """The running log losses (nats) without and with the residual `offset`, after the answer `y` to a question with
    the logit `z`. Residuals pay where the second is less."""
    return KEEP * without + log_loss(z, y), KEEP * with_it + log_loss(z + offset, y)
