"""Records of the journal, read: a customer's event, a tick, a notice, a configuration, or input to dead-letter."""

from typing import NamedTuple

import msgspec

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

#: A larger event is no event: the journal would not carry it on any broker's defaults.
LARGEST_EVENT = 512 * 1024
#: How far ahead of its broker's time an event may be dated: one wrong clock must not close everybody's horizons.
FUTURE_MS = 5 * 60_000


class CustomerEvent(NamedTuple):
    """An event of a customer at `ms` (epoch ms of event time); `key` is the customer's document."""

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


class Rejected(NamedTuple):
    """Input that cannot be processed, and why."""

    cause: Cause
    detail: str


JournalEntry = CustomerEvent | Tick | ModelNotice | Configuration | ActionEvent | Rejected


def read_record(record: Record) -> JournalEntry:
    """Reads one record; whatever its bytes are, the answer is an entry, never an exception."""
    value = record.value
    if value is None:
        return Rejected("wrong_shape", "the record has no value")
    if len(value) > LARGEST_EVENT:
        return Rejected("too_large", f"{len(value)} bytes; at most {LARGEST_EVENT} are taken")
    try:
        event = decode_event(value)
        if event.type.startswith(OWN_PREFIX):
            return _read_own(event, value)
    except msgspec.ValidationError as error:
        return Rejected("wrong_shape", str(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejected("not_json", str(error))
    except RecursionError:
        return Rejected("too_deep", "nested too deeply to be read")
    return _read_customers(event, record)


def _read_customers(event: Event, record: Record) -> JournalEntry:
    customer = event.customer
    if customer is None:
        return Rejected(
            "no_customer", "the event has no `customer` attribute, which is the key of the journal"
        )
    if record.key != customer.encode(errors="surrogatepass"):
        return Rejected("wrong_partition", "the record's key is not the event's customer")
    ms = round(event.time.timestamp() * 1000.0)
    if ms > record.ms + FUTURE_MS:
        return Rejected("from_the_future", f"dated {(ms - record.ms) / 1000:.0f} s after the broker's time")
    if ms < 0:
        return Rejected("wrong_shape", "dated before 1970")
    return CustomerEvent(event, ms, "c/" + customer)


def _read_own(event: Event, value: bytes) -> JournalEntry:
    match event.type:
        case t if t == TICK:
            return Tick(round(event.time.timestamp() * 1000.0))
        case t if t == MODEL_NOTICE:
            return decode_notice_event(value).data
        case t if t == CATALOGUE:
            return msgspec.convert(event.data, Configuration)
        case t if t in (ACTION_CLAIMED, ACTION_DONE):
            outcome = decode_outcome(value)
            return ActionEvent(
                outcome, outcome.data, round(outcome.time.timestamp() * 1000.0), "c/" + outcome.customer
            )
        case _:
            return Rejected(
                "reserved_type", f"only Forestall itself writes types that begin with {OWN_PREFIX}"
            )
