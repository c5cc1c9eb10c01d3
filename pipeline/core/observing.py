"""Observing: an event is counted into the customer's numbers and its subject's; repeats are known by their ids."""

from forestall.pipeline.core.customer import SEEN_LIMIT, Customer
from forestall.pipeline.core.features import Floats, take
from forestall.pipeline.core.identities import IDENTITY, find, identity_of
from forestall.pipeline.core.layout import Layout
from forestall.schemas.event import Event


def is_repeated(customer: Customer, source: str, id_: str) -> bool:
    """Whether the event came before; if not, it is remembered (the latest SEEN_LIMIT are)."""
    identity = identity_of(f"{source}\0{id_}")
    if find(customer.seen, identity) >= 0:
        return True
    customer.seen = (customer.seen + identity)[-SEEN_LIMIT * IDENTITY :]
    return False


def observe(customer: Customer, layout: Layout, event: Event, ms: int, values: Floats) -> None:
    """Counts the event; `values` are its numeric fields."""
    seconds = ms / 1000.0
    take(customer.numbers, layout.group(event.type), layout.spans, seconds, values)
    if event.subject:
        customer.subjects.saw(event.subject, seconds)
