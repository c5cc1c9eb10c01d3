"""The alert: a decision to act, with its reasons, as it stands on the alert topic and enters the queue."""

from typing import Literal

import msgspec

AlertState = Literal["raised", "updated", "withdrawn", "expired", "resolved"]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One term of the prediction in words. `weight` is its share of the logit; `value` is what was seen."""

    feature: str
    text: str
    weight: float
    value: float | str | None = None


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalogue proposes to do."""

    title: str
    channels: list[str] = []
    say: str = ""


class Alert(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One change in the life of an alert. `id` is stable over its life; (`sender`, `sequence`) names the change.

    Times are epoch milliseconds of event time. `saving` is the expected saving of acting, in the units of the
    catalogue's costs. `occasion` says what caused this change ("occurred", "cleared", "horizon", ...).
    """

    sender: str
    sequence: int
    id: str
    state: AlertState
    problem: str
    title: str
    customer: str
    subject: str | None
    p: float
    threshold: float
    saving: float
    reasons: list[Reason]
    action: Action
    question: str
    raised: int
    changed: int
    expires: int
    occasion: str | None = None


decode_alert = msgspec.json.Decoder(Alert).decode
