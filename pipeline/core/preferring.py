"""What a customer has chosen takes effect: consent by purpose, a pause, erasure. Refusal wins at equal times."""

from typing import assert_never

from forestall.pipeline.core.alerting import end_alert
from forestall.pipeline.core.customer import Customer
from forestall.pipeline.core.ending import drop_all
from forestall.pipeline.core.identities import IDENTITY
from forestall.pipeline.core.partition import Partition
from forestall.pipeline.core.program import Program
from forestall.schemas.preference import Consent, ConsentEvent, ErasureEvent, PreferenceEvent, SilenceEvent


def apply_preference(
    partition: Partition, key: str, customer: Customer, event: PreferenceEvent, ms: int
) -> Customer:
    """Applies one choice that counts from `ms` on; returns the customer, a new and empty one after erasure."""
    now = max(ms, partition.head.watermark)
    match event:
        case ConsentEvent():
            _consent(partition, key, customer, event.data, ms, now)
        case SilenceEvent():
            customer.pauses[event.data.problem or ""] = event.data.until
            for alert in [a for a in customer.alerts.values() if event.data.problem in (None, a.problem)]:
                end_alert(partition, key, customer, alert, now, "withdrawn", "silence")
        case ErasureEvent():
            drop_all(partition, key, customer, now, "erasure")
            customer = _erased(partition.program, customer, ms)
        case _:
            assert_never(event)
    return customer


def _consent(partition: Partition, key: str, customer: Customer, choice: Consent, ms: int, now: int) -> None:
    since, granted = customer.consents.get(choice.purpose, (-1, True))
    if ms < since or (ms == since and not granted):
        return
    customer.consents[choice.purpose] = (ms, choice.granted)
    if (
        choice.purpose == "predict"
        and choice.granted
        and customer.erased is not None
        and ms > customer.erased
    ):
        customer.erased = None
    if choice.granted:
        return
    if choice.purpose == "predict":
        drop_all(partition, key, customer, now, "consent")
    else:
        for alert in list(customer.alerts.values()):
            end_alert(partition, key, customer, alert, now, "withdrawn", "consent")


def _erased(program: Program, customer: Customer, ms: int) -> Customer:
    """What stays: that erasure was asked for, and refusals; nothing that was learned or counted.

    The counts of questions and alerts go on, so that no id is ever used twice.
    """
    empty = Customer(program.layout, program.version)
    empty.erased = max(ms, customer.erased or 0)
    empty.asked, empty.episodes = customer.asked, customer.episodes
    empty.consents = {purpose: choice for purpose, choice in customer.consents.items() if not choice[1]}
    empty.seen = customer.seen[-IDENTITY:]
    return empty
