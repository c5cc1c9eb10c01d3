"""Records of the journal, read: a customer's event, a tick, a notice, a configuration, or input to dead-letter."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from forestall.pipeline.core.depth import MAX_DEPTH, nests_deeper
from forestall.pipeline.core.effects import Record
from forestall.schemas.catalogue import Configuration
from forestall.schemas.deadletter import Cause
from forestall.schemas.event import (
    ACTION_CLAIMED,
    ACTION_DONE,
    CATALOGUE,
    MODEL_NOTICE,
    OWN_PREFIX,
    TICK,
    Event,
    decode_event,
)
from forestall.schemas.notice import ModelNotice, decode_notice_event
from forestall.schemas.outcome import ActionChange, OutcomeEvent, decode_outcome
from forestall.schemas.preference import PREFERENCE_DECODERS, PreferenceEvent

#: A larger event is no event: the journal would not carry it on any broker's defaults.
LARGEST_EVENT = 512 * 1024
#: How far ahead of its broker's time an event may be dated: one wrong clock must not close everybody's horizons.
FUTURE_MS = 5 * 60_000
#: Own records that are for a partition rather than a customer; one with a key came from somebody else.
_UNKEYED = frozenset((TICK, CATALOGUE, MODEL_NOTICE))


class CustomerEvent(msgspec.Struct, frozen=True, gc=False):
    """An event of a customer at `ms` (epoch ms of event time); `key` is the customer's document.

    A struct, for there is one for each event: it is made in a quarter of a tuple's time, and the collector need not
    see it.
    """

    event: Event
    ms: int
    key: str


class Tick(NamedTuple):
    """Time itself, dated by the broker where it stamps records, by the event otherwise."""

    ms: int


class ActionEvent(NamedTuple):
    """What the queue did with an action."""

    event: OutcomeEvent
    change: ActionChange
    ms: int
    key: str


class Preference(NamedTuple):
    """What a customer has chosen, and from when on it counts."""

    event: PreferenceEvent
    ms: int
    key: str


class Rejected(NamedTuple):
    """Input that cannot be processed, and why."""

    cause: Cause
    detail: str


_WRONG_KEY = Rejected("wrong_partition", "the record's key is not the event's customer")

JournalEntry = CustomerEvent | Tick | ModelNotice | Configuration | ActionEvent | Preference | Rejected


def read_record(record: Record) -> JournalEntry:
    """Reads one record; whatever its bytes are, the answer is an entry, never an exception."""
    value = record.value
    if value is None:
        return Rejected("wrong_shape", "the record has no value")
    if len(value) > LARGEST_EVENT:
        return Rejected("too_large", f"{len(value)} bytes; at most {LARGEST_EVENT} are taken")
    if value.count(b"[") + value.count(b"{") > MAX_DEPTH and nests_deeper(value):
        return Rejected("too_deep", f"nested more than {MAX_DEPTH} levels deep")
    try:
        event = decode_event(value)
        if event.type.startswith(OWN_PREFIX):
            return _read_own(event, record, value)
    except msgspec.ValidationError as error:
        return Rejected("wrong_shape", str(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejected("not_json", str(error))
    except OverflowError as error:
        return Rejected("wrong_shape", str(error))
    return _read_customers(event, record)


def _read_customers(event: Event, record: Record) -> JournalEntry:
    customer = event.customer
    if customer is None:
        return Rejected(
            "no_customer", "the event has no `customer` attribute, which is the key of the journal"
        )
    if record.key != _key(customer):
        return _WRONG_KEY
    try:
        ms = _epoch_ms(event.time)
    except OverflowError:
        return Rejected("wrong_shape", "the time is outside of the calendar once moved to UTC")
    if ms > record.ms + FUTURE_MS:
        return Rejected("from_the_future", f"dated {(ms - record.ms) / 1000:.0f} s after the broker's time")
    if ms < 0:
        return Rejected("wrong_shape", "dated before 1970")
    return CustomerEvent(event, ms, "c/" + customer)


def _read_own(event: Event, record: Record, value: bytes) -> JournalEntry:
    if record.key is not None and event.type in _UNKEYED:
        return Rejected("reserved_type", f"a {event.type} is addressed to a partition and has no key")
    match event.type:
        case t if t == TICK:
            return Tick(min(_epoch_ms(event.time), record.ms + FUTURE_MS))
        case t if t == MODEL_NOTICE:
            return decode_notice_event(value).data
        case t if t == CATALOGUE:
            return msgspec.convert(event.data, Configuration)
        case t if t in PREFERENCE_DECODERS:
            preference = PREFERENCE_DECODERS[t](value)
            if record.key != _key(preference.customer):
                return _WRONG_KEY
            # Dated ahead, it counts from its broker's time: a refusal is never lost for its date.
            return Preference(preference, min(_epoch_ms(event.time), record.ms), "c/" + preference.customer)
        case t if t in (ACTION_CLAIMED, ACTION_DONE):
            outcome = decode_outcome(value)
            if record.key != _key(outcome.customer):
                return _WRONG_KEY
            return ActionEvent(outcome, outcome.data, _epoch_ms(outcome.time), "c/" + outcome.customer)
        case _:
            return Rejected(
                "reserved_type", f"only Forestall itself writes types that begin with {OWN_PREFIX}"
            )


def _key(customer: str) -> bytes:
    return customer.encode(errors="surrogatepass")


def _epoch_ms(time: datetime) -> int:
    return round(time.timestamp() * 1000.0)
