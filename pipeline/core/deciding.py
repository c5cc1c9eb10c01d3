"""Deciding: a prediction above its threshold passes the gates, and is raised or held back; the ledger hears of it."""

from collections.abc import Callable, Mapping, Sequence

from forestall.pipeline.core.alerting import end_alert, raise_alert, standing_alerts
from forestall.pipeline.core.customer import Customer, Question
from forestall.pipeline.core.effects import LEDGER
from forestall.pipeline.core.explaining import reasons_for
from forestall.pipeline.core.partition import Partition
from forestall.pipeline.core.program import Compiled
from forestall.pipeline.core.rows import Columns
from forestall.schemas.decision import Decision, Verdict
from forestall.schemas.event import encode

Gate = Callable[[Partition, Customer, Compiled, int], bool]


def _shadow(partition: Partition, customer: Customer, compiled: Compiled, ms: int) -> bool:
    return compiled.problem.mode == "live"


def _skill(partition: Partition, customer: Customer, compiled: Compiled, ms: int) -> bool:
    model = partition.models.get(compiled.problem.name)
    return model is not None and model.noticed.gate_open


def _consent(partition: Partition, customer: Customer, compiled: Compiled, ms: int) -> bool:
    return customer.allows("contact")


def _silence(partition: Partition, customer: Customer, compiled: Compiled, ms: int) -> bool:
    pauses = customer.pauses
    return ms >= max(pauses.get("", 0), pauses.get(compiled.problem.name, 0)) if pauses else True


#: In this order; the first gate that does not let pass names the refusal. (Without consent to predict, nothing is
#: asked in the first place; an open alert is updated rather than doubled.)
GATES: tuple[tuple[str, Gate], ...] = (
    ("shadow", _shadow),
    ("skill", _skill),
    ("consent", _consent),
    ("silence", _silence),
)


def _refusing(partition: Partition, customer: Customer, compiled: Compiled, ms: int) -> str | None:
    """The first gate that does not let pass."""
    for name, gate in GATES:
        if not gate(partition, customer, compiled, ms):
            return name
    return None


def decide(
    partition: Partition,
    key: str,
    customer: Customer,
    compiled: Compiled,
    question: Question,
    row: Columns,
    categories: Sequence[int],
    labels: Callable[[], Mapping[int, tuple[str, str]]],
) -> None:
    """Ends the prediction in its one final decision; below the threshold there is none to make."""
    problem = compiled.problem
    ms = question.asked
    standing = standing_alerts(customer, problem.name, question.subject) if customer.alerts else []
    if question.p <= compiled.threshold:
        for alert in standing:
            end_alert(partition, key, customer, alert, ms, "withdrawn", "risk fell")
        return
    refused = _refusing(partition, customer, compiled, ms)
    alert_id: str | None = None
    verdict: Verdict = "held_back"
    if refused is None:
        model = partition.models[problem.name]
        reasons = reasons_for(compiled, model, row, categories, labels, customer)
        earlier = standing[0] if standing else None
        alert_id = raise_alert(partition, key, customer, compiled, question, reasons, earlier).id
        verdict = "raised" if earlier is None else "updated"
        question.raised = True
    for alert in standing:
        if alert.id != alert_id and alert.question not in customer.questions:
            end_alert(partition, key, customer, alert, ms, "withdrawn", "superseded")
    question.decision = verdict if refused is None else f"{verdict}:{refused}"
    partition.counts["decisions", problem.name, verdict, refused or "none"] += 1
    _record(partition, key, compiled, question, verdict, refused, alert_id)


def _record(
    partition: Partition,
    key: str,
    compiled: Compiled,
    question: Question,
    verdict: Verdict,
    gate: str | None,
    alert: str | None,
) -> None:
    sequence = partition.head.next_sequence(LEDGER)
    id_ = partition.question_id(key, question.number)
    decision = Decision(
        sender=partition.sender,
        sequence=sequence,
        id=f"decision/{id_}",
        verdict=verdict,
        gate=gate,
        problem=compiled.problem.name,
        customer=key[2:],
        subject=question.subject,
        question=id_,
        alert=alert,
        asked=question.asked,
        p=question.p,
        threshold=compiled.threshold,
        saving=compiled.problem.saving(question.p),
        catalogue=partition.program.version,
    )
    partition.emit(LEDGER, sequence, key[2:], encode(decision))
