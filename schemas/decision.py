"""The decision: what became of a prediction that was worth an alert, for the ledger."""

from typing import Literal

import msgspec

Verdict = Literal["raised", "updated", "held_back"]


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The one final decision about a prediction above its threshold. `gate` names the refusing gate, if any."""

    sender: str
    sequence: int
    id: str
    verdict: Verdict
    gate: str | None
    problem: str
    customer: str
    subject: str | None
    question: str
    alert: str | None
    asked: int
    p: float
    threshold: float
    saving: float
    catalogue: int


decode_decision = msgspec.json.Decoder(Decision).decode
