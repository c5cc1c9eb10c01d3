"""The event: something that happened to or was done by a customer, as a CloudEvents 1.0 JSON object."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One event of the journal. `customer` is a CloudEvents extension attribute, and the Kafka key.

    Unknown extension attributes are legal and ignored. `time` must carry a UTC offset. `forestalltaken`, which the
    intake sets, says where in another system's topic the event stood.
    """

    id: Name
    source: Name
    type: Name
    time: Moment
    specversion: Literal["1.0"]
    subject: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    customer: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None
    data: dict[str, Any] | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    forestalltaken: Annotated[str, msgspec.Meta(max_length=512)] | None = None


#: Types that Forestall itself writes into the journal; customers' events may not use the prefix.
OWN_PREFIX = "forestall."
TICK = "forestall.tick"
CATALOGUE = "forestall.catalogue"
MODEL_NOTICE: Final = "forestall.notice.model"
ACTION_CLAIMED = "forestall.action.claimed"
ACTION_DONE = "forestall.action.done"
CONSENT = "forestall.consent"
SILENCE = "forestall.silence"
ERASURE = "forestall.erasure"
EVENT_TYPES = (TICK, CATALOGUE, MODEL_NOTICE, ACTION_CLAIMED, ACTION_DONE, CONSENT, SILENCE, ERASURE)

decode_event = msgspec.json.Decoder(Event).decode
encode = msgspec.json.Encoder().encode
