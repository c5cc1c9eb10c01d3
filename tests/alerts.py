"""Builders of alerts as the queue gets them."""

from typing import Any

from forestall.schemas.alert import Action, Alert, Reason
from forestall.schemas.event import encode

HOUR = 3_600_000
MORNING = 1_700_000_000_000


def alert(sequence: int, alert_id: str, state: str = "raised", **changes: Any) -> Alert:
    """An alert of customer c-1 with a saving of 2, raised in the morning."""
    plain: dict[str, Any] = {
        "sender": "foresee/0", "sequence": sequence, "id": alert_id, "state": state, "problem": "return",
        "title": "Will send part of this order back", "customer": "c-1", "subject": None, "p": 0.7,
        "threshold": 0.43, "saving": 2.0, "reasons": [Reason(feature="rate", text="often before", weight=0.8)],
        "action": Action(title="Call", channels=["email"], say="ü"), "question": "q-1", "raised": MORNING,
        "changed": MORNING, "expires": MORNING + 24 * HOUR,
    }  # fmt: skip
    return Alert(**(plain | changes))


def record(sequence: int, alert_id: str, state: str = "raised", **changes: Any) -> tuple[int, bytes]:
    """The same as a numbered record."""
    return sequence, encode(alert(sequence, alert_id, state, **changes))
