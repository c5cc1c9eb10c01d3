"""Which action comes first: by expected saving, and by age."""

import math

from forestall.schemas.alert import Alert

#: Twice the expected saving goes before what is up to so much older (ms).
AGEING = 4 * 3_600_000

LEAST = 1e-6  # a saving below this counts as this
BOUND = 900_000_000_000_000  # ranks stay within 16 digits


def rank(alert: Alert) -> int:
    """The lower, the sooner: raised - AGEING * log2(saving).

    Everything ages alike, so the order of two actions never changes with time, and a stored number will do.
    The logarithm makes it the same whatever the currency of the costs.
    """
    exact = alert.raised - AGEING * math.log2(max(alert.saving, LEAST))
    return round(min(max(exact, -BOUND), BOUND))
