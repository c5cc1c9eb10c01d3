"""What a customer has chosen: consent by purpose, a pause, erasure. Events like any other, keyed by customer."""

from collections.abc import Callable
from typing import Literal

import msgspec

from forestall.schemas.event import CONSENT, ERASURE, SILENCE, Moment, Name

Purpose = Literal["predict", "contact"]


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """Consent to a purpose, granted or refused. The later one counts; at equal times refusal wins."""

    purpose: Purpose
    granted: bool


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """No alerts until then (epoch ms of event time), about one problem, or (None) about any."""

    until: int
    problem: str | None = None


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the customer goes, and nothing is kept anew until a consent that is dated later."""


class ConsentEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A `forestall.consent` event."""

    id: Name
    source: Name
    time: Moment
    customer: str
    data: Consent
    type: Literal["forestall.consent"] = "forestall.consent"
    specversion: Literal["1.0"] = "1.0"


class SilenceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A `forestall.silence` event."""

    id: Name
    source: Name
    time: Moment
    customer: str
    data: Silence
    type: Literal["forestall.silence"] = "forestall.silence"
    specversion: Literal["1.0"] = "1.0"


class ErasureEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A `forestall.erasure` event."""

    id: Name
    source: Name
    time: Moment
    customer: str
    data: Erasure
    type: Literal["forestall.erasure"] = "forestall.erasure"
    specversion: Literal["1.0"] = "1.0"


PreferenceEvent = ConsentEvent | SilenceEvent | ErasureEvent

#: Reads an event of each type.
PREFERENCE_DECODERS: dict[str, Callable[[bytes], PreferenceEvent]] = {
    CONSENT: msgspec.json.Decoder(ConsentEvent).decode,
    SILENCE: msgspec.json.Decoder(SilenceEvent).decode,
    ERASURE: msgspec.json.Decoder(ErasureEvent).decode,
}
