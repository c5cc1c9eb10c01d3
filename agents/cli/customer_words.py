"""What is known of a customer, as sentences and as one document."""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import isnan
from typing import Any, NamedTuple

from forestall.agents.cli.output import plural, printable
from forestall.pipeline.core.customer import Customer


class Known(NamedTuple):
    """A customer as stored. `slots` are the numbers by their names, `watermark` the partition's event time (epoch
    ms), `titles` those of the problems by name."""

    id: str
    partition: int
    customer: Customer
    slots: dict[str, float]
    watermark: int
    titles: dict[str, str]


def explained(known: Known) -> list[str]:
    """In words: what happened, what is foreseen, what was raised, what they chose."""
    return [*_history(known), *_foreseen(known), *_alerts(known), *_choices(known)]


def exported(known: Known) -> dict[str, Any]:
    """Everything as one document; times are UTC."""
    customer = known.customer
    return {
        "customer": known.id,
        "partition": known.partition,
        "event_time": _time(known.watermark),
        "counted": {name: value for name, value in known.slots.items() if value and not isnan(value)},
        "subjects": [  # their names are not kept
            {"first": _time(first * 1000), "last": _time(last * 1000), "events": int(events)}
            for first, last, events in customer.subjects
        ],
        "questions": [
            {
                "problem": question.problem,
                "title": known.titles.get(question.problem),
                "subject": question.subject,
                "asked": _time(question.asked),
                "closes": _time(question.closes),
                "p": question.p,
                "answer": question.y,
                "treatment": question.treatment,
                "decision": question.decision or None,
            }
            for question in customer.questions.values()
        ],
        "alerts": [
            {
                "alert": alert.id,
                "problem": alert.problem,
                "subject": alert.subject,
                "p": alert.p,
                "raised": _time(alert.raised),
                "expires": _time(alert.expires),
            }
            for alert in customer.alerts.values()
        ],
        "answers": {name: {"answers": n, "yes": yes} for name, (n, yes) in customer.tallies.items()},
        "own_terms": {
            name: {"mean": term.mean, "variance": term.variance} for name, term in customer.residuals.items()
        },
        "consents": {
            purpose: {"granted": granted, "since": _time(since)}
            for purpose, (since, granted) in customer.consents.items()
        },
        "silences": {problem or "any": _time(until) for problem, until in customer.pauses.items()},
        "erased": None if customer.erased is None else _time(customer.erased),
    }


def _history(known: Known) -> Iterator[str]:
    yield f"{printable(known.id)}, by events up to {_time(known.watermark)} (journal partition {known.partition})"
    for name, total in known.slots.items():
        group, _, slot = name.rpartition("/")
        last = known.slots.get(f"{group}/last")
        if slot == "total" and total and last is not None:
            yield f"  {int(total):,} × {group}, the last at {_time(last * 1000)}"
    for problem, (answers, yes) in sorted(known.customer.tallies.items()):
        yield f'  "{_title(known, problem)}": {yes} of {answers} times so far'


def _foreseen(known: Known) -> Iterator[str]:
    questions = known.customer.questions.values()
    waiting = [question for question in questions if question.y is None]
    yield f"foreseen: {plural(len(waiting), 'open question')}"
    for question in waiting:
        about = f" ({printable(question.subject)})" if question.subject else ""
        yield (
            f"  {question.p:.0%}  {_title(known, question.problem)}{about}; "
            f"asked {_time(question.asked)}, known by {_time(question.closes)}"
        )
    if answered := len(questions) - len(waiting):
        yield f"  and {plural(answered, 'question')} already answered, to be learned when their time is over"


def _alerts(known: Known) -> Iterator[str]:
    alerts = known.customer.alerts.values()
    yield f"raised: {plural(len(alerts), 'open alert')}"
    for alert in alerts:
        yield f"  {alert.id}  {alert.p:.0%}  {_title(known, alert.problem)}; expires {_time(alert.expires)}"


def _choices(known: Known) -> Iterator[str]:
    customer = known.customer
    yield "chosen:" if customer.consents or customer.pauses or customer.erased else "chosen: nothing"
    for purpose, (since, granted) in sorted(customer.consents.items()):
        yield f"  {purpose}: {'granted' if granted else 'refused'} since {_time(since)}"
    for problem, until in sorted(customer.pauses.items()):
        yield f"  no alerts about {problem or 'anything'} until {_time(until)}"
    if customer.erased is not None:
        yield f"  erasure at {_time(customer.erased)}: nothing is kept until they consent anew"


def _title(known: Known, problem: str) -> str:
    return known.titles.get(problem, problem)


def _time(ms: float) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
