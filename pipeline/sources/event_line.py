"""What a replay must know of a line: its key and its time, as far as they can be read."""

from typing import NamedTuple

import msgspec

from forestall.schemas.event import OWN_PREFIX, Event, decode_event

#: In the journal only Forestall's own records have no key, so what comes from a file always has one.
NO_CUSTOMER = b""


class ReadLine(NamedTuple):
    """`key` is the customer, or NO_CUSTOMER; `ms` the event's time (epoch ms), if it is an event at all.

    `well_formed` says that the journal's reader will take it for a customer's event, future dates aside. `event` is
    what was read, if it is an event at all.
    """

    key: bytes
    ms: int | None
    well_formed: bool
    event: Event | None = None


class _OnlyCustomer(msgspec.Struct):
    customer: str | None = None


_decode_customer = msgspec.json.Decoder(_OnlyCustomer).decode
#: What decoding raises on bytes that are no event.
_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)


def read_line(text: bytes) -> ReadLine:
    """Reads a line of any bytes; never raises."""
    try:
        event = decode_event(text)
    except _UNREADABLE:
        return ReadLine(_customer(text), None, False)
    key = NO_CUSTOMER if event.customer is None else event.customer.encode(errors="surrogatepass")
    ms = round(event.time.timestamp() * 1000.0)
    return ReadLine(key, ms, bool(key) and not event.type.startswith(OWN_PREFIX), event)


def _customer(text: bytes) -> bytes:
    """The customer of a line that is no event, where it names one all the same."""
    try:
        customer = _decode_customer(text).customer
    except _UNREADABLE:
        return NO_CUSTOMER
    return NO_CUSTOMER if customer is None else customer.encode(errors="surrogatepass")
