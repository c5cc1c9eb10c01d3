"""The outcome: what support did with an action and what came of it; an event like any other."""

from typing import Literal

import msgspec

from forestall.schemas.event import Moment


class ActionChange(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of the events that the queue writes into the journal (`forestall.action.*`)."""

    alert: str
    problem: str
    worker: str
    result: str | None = None


class OutcomeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A journal event that tells what the queue's workers did, keyed by customer."""

    id: str
    source: str
    type: Literal["forestall.action.claimed", "forestall.action.done"]
    time: Moment
    customer: str
    data: ActionChange
    subject: str | None = None
    specversion: Literal["1.0"] = "1.0"


decode_outcome = msgspec.json.Decoder(OutcomeEvent).decode
