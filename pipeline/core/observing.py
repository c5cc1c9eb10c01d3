"""Observing: an event is counted into the customer's numbers and its subject's; repeats are known by their ids."""

from hashlib import blake2b

from forestall.pipeline.core.customer import ID_BYTES, SEEN_LIMIT, Customer
from forestall.pipeline.core.features import Floats, take
from forestall.pipeline.core.layout import Layout
from forestall.schemas.event import Event


def is_repeated(customer: Customer, source: str, id_: str) -> bool:
    """Whether the event came before; if not, it is remembered (the latest SEEN_LIMIT are)."""
    identity = blake2b(f"{source}\0{id_}".encode(errors="surrogatepass"), digest_size=ID_BYTES).digest()
    seen = customer.seen
    at = seen.find(identity)
    while at >= 0:
        if at % ID_BYTES == 0:
            return True
        at = seen.find(identity, at + 1)  # across two ids
    customer.seen = (seen + identity)[-SEEN_LIMIT * ID_BYTES :]
    return False


def observe(customer: Customer, layout: Layout, event: Event, ms: int, values: Floats) -> None:
    """Counts the event; `values` are its numeric fields."""
    seconds = ms / 1000.0
    take(customer.numbers, layout.group(event.type), layout.spans, seconds, values)
    if event.subject:
        customer.subjects.saw(event.subject, seconds)
