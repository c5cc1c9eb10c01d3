"""The life of an alert: raised, updated, and ended (withdrawn, expired, resolved). Every change is two effects:
one for the alert topic and one for the queue."""

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from forestall.pipeline.core.blanks import blank_alert
from forestall.pipeline.core.customer import Customer, OpenAlert, Question
from forestall.pipeline.core.effects import ALERTS, QUEUE
from forestall.pipeline.core.partition import Partition
from forestall.pipeline.core.program import Compiled
from forestall.schemas.alert import AlertState, Reason
from forestall.schemas.event import encode


def standing_alerts(customer: Customer, problem: str, subject: str | None) -> list[OpenAlert]:
    """The open alerts that a new question of this problem and subject takes over: the one of the same subject
    first, then those whose question it has superseded."""
    alerts = [alert for alert in customer.alerts.values() if alert.problem == problem]
    same = [alert for alert in alerts if alert.subject == subject]
    return same + [a for a in alerts if a.subject != subject and a.question not in customer.questions]


def raise_alert(
    partition: Partition,
    key: str,
    customer: Customer,
    compiled: Compiled,
    question: Question,
    reasons: list[Reason],
    earlier: OpenAlert | None,
) -> OpenAlert:
    """Opens an alert for the question, or moves the `earlier` one on to it."""
    name = compiled.problem.name
    if earlier is None:
        customer.episodes += 1
        id_ = partition.keyed_hash(f"alert\0{key}\0{name}\0{question.subject or ''}\0{customer.episodes}")
    else:
        id_ = earlier.id
    alert = OpenAlert(
        id=id_,
        problem=name,
        subject=question.subject,
        question=question.number,
        p=question.p,
        raised=question.asked if earlier is None else earlier.raised,
        expires=question.closes,
    )
    customer.set_alert(alert)
    state: AlertState = "raised" if earlier is None else "updated"
    _emit(partition, key, alert, state, question.asked, None, reasons)
    return alert


def end_alerts(
    partition: Partition,
    key: str,
    customer: Customer,
    questions: Sequence[int],
    ms: int,
    state: Literal["withdrawn", "resolved", "expired"],
    occasion: str,
) -> None:
    """Ends the open alerts that stand on these questions."""
    if not questions or not customer.alerts:
        return
    for alert in [alert for alert in customer.alerts.values() if alert.question in questions]:
        end_alert(partition, key, customer, alert, ms, state, occasion)


def end_alert(
    partition: Partition,
    key: str,
    customer: Customer,
    alert: OpenAlert,
    ms: int,
    state: Literal["withdrawn", "resolved", "expired"],
    occasion: str,
) -> None:
    """Ends one open alert."""
    del customer.alerts[alert.id]
    _emit(partition, key, alert, state, ms, occasion, [])


def _emit(
    partition: Partition,
    key: str,
    alert: OpenAlert,
    state: AlertState,
    ms: int,
    occasion: str | None,
    reasons: list[Reason],
) -> None:
    name = alert.problem
    compiled = partition.program.problems.get(name)
    blank = partition.blank_alerts.get(name) or blank_alert(partition.sender, name, None)
    sequence = partition.head.next_sequence(ALERTS)
    queued = partition.head.next_sequence(QUEUE)
    change = replace(
        blank,
        sequence=sequence,
        id=alert.id,
        state=state,
        customer=key[2:],
        subject=alert.subject,
        p=alert.p,
        saving=compiled.problem.saving(alert.p) if compiled is not None else 0.0,
        reasons=reasons,
        question=partition.question_id(key, alert.question),
        raised=alert.raised,
        changed=max(ms, alert.raised),  # a late event may be dated before the one that raised it
        expires=alert.expires,
        occasion=occasion,
    )
    payload = encode(change)
    partition.emit(ALERTS, sequence, key[2:], payload)
    partition.emit(QUEUE, queued, key[2:], payload)
    partition.counts["alerts", name, state] += 1
