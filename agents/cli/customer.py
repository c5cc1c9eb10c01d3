"""`forestall customer`: what is known of a customer, in words; and the choices that are theirs."""

import time
import uuid

import click

from forestall.agents.cli.customer_words import Known, explained, exported
from forestall.agents.cli.failures import Failed
from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.output import json_option, plural, print_json, printable, when
from forestall.agents.cli.parameters import DURATION, MOMENT
from forestall.agents.cli.stored_customer import load_customer, partition_of
from forestall.agents.kafka_clients import producer
from forestall.agents.own_events import moment
from forestall.agents.redis_calls import ask_redis
from forestall.agents.settings import Settings
from forestall.schemas.event import encode
from forestall.schemas.preference import (
    Consent,
    ConsentEvent,
    Erasure,
    ErasureEvent,
    PreferenceEvent,
    Purpose,
    Silence,
    SilenceEvent,
)

SOURCE = "forestall/cli"
DAY = 86_400_000
LONGEST_SILENCE = 180 * DAY

_customer = click.argument("customer", metavar="ID")
_purpose = click.Choice(["predict", "contact"])


@click.group()
def customer() -> None:
    """Say what is known of a customer; take their choices.

    \b
    Example:
      forestall customer show c-42
      forestall customer consent c-42 --refuse contact
      forestall customer forget c-42
    """


@customer.command(epilog=NOTE)
@settings_options("kafka", "redis", "prefix")
@_customer
@json_option
def show(settings: Settings, customer: str, as_json: bool) -> None:
    """Say in words what is known of customer ID, what is foreseen, and what they have chosen.

    Exit code 1 if nothing is known.

    \b
    Example:
      forestall customer show c-42
    """
    known = _known(settings, customer, as_json)
    print_json(exported(known)) if as_json else click.echo("\n".join(explained(known)))


@customer.command(epilog=NOTE)
@settings_options("kafka", "redis", "prefix")
@_customer
@json_option
def export(settings: Settings, customer: str, as_json: bool) -> None:
    """Print everything that is stored of customer ID, as JSON, to be handed to them.

    Exit code 1 if nothing is known.

    \b
    Example:
      forestall customer export c-42 > c-42.json
    """
    print_json(exported(_known(settings, customer, as_json)))


@customer.command(epilog=NOTE)
@settings_options("kafka", "prefix")
@_customer
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@json_option
def forget(settings: Settings, customer: str, yes: bool, as_json: bool) -> None:
    """Erase what was learned and counted of customer ID, and keep nothing anew until they consent again.

    Their open alerts are withdrawn. Events that are in the topics already stay there until their retention
    ends (retention_days).

    \b
    Example:
      forestall customer forget c-42 --yes
    """
    if not yes:
        click.confirm(f"Erase all that was learned of {printable(customer)}? It cannot be undone", abort=True)
    event = ErasureEvent(
        id=uuid.uuid4().hex, source=SOURCE, time=moment(_now()), customer=customer, data=Erasure()
    )
    _append(settings, [event], as_json, "erasure was asked for")


@customer.command(epilog=NOTE)
@settings_options("kafka", "prefix")
@_customer
@click.option("--grant", "granted", type=_purpose, multiple=True, help="What they agree to.")
@click.option("--refuse", "refused", type=_purpose, multiple=True, help="What they refuse.")
@click.option("--since", type=MOMENT, help="When they said so. [now]")
@json_option
def consent(
    settings: Settings,
    customer: str,
    granted: tuple[Purpose, ...],
    refused: tuple[Purpose, ...],
    since: int | None,
    as_json: bool,
) -> None:
    """Record what customer ID agrees to or refuses: to be predicted, to be contacted.

    Without consent to predict nothing is scored or learned; without consent to contact nothing is raised. The
    choice with the later date counts, and a refusal at equal dates.

    \b
    Example:
      forestall customer consent c-42 --refuse contact
      forestall customer consent c-42 --grant predict --grant contact --since 2026-05-01
    """
    if not granted and not refused:
        raise click.UsageError("say --grant or --refuse, with predict or contact")
    if both := set(granted) & set(refused):
        raise click.UsageError(f"{min(both)} is both granted and refused; say one of them")
    at = moment(_now() if since is None else since)
    choices = [Consent(purpose=purpose, granted=purpose in granted) for purpose in (*refused, *granted)]
    events = [
        ConsentEvent(id=uuid.uuid4().hex, source=SOURCE, time=at, customer=customer, data=choice)
        for choice in choices
    ]
    words = " and ".join(
        f"{choice.purpose} {'granted' if choice.granted else 'refused'}" for choice in choices
    )
    _append(settings, list(events), as_json, words)


@customer.command(epilog=NOTE)
@settings_options("kafka", "prefix")
@_customer
@click.option("--for", "ms", type=DURATION, help="How long from now, at most 180d.")
@click.option("--until", type=MOMENT, help="Until when; a time that has passed ends the silence.")
@click.option("--problem", help="Only about this problem. [any]")
@json_option
def silence(
    settings: Settings, customer: str, ms: int | None, until: int | None, problem: str | None, as_json: bool
) -> None:
    """Raise no alerts about customer ID for a while; what is foreseen is still learned from.

    \b
    Example:
      forestall customer silence c-42 --for 30d
      forestall customer silence c-42 --problem return --until 2026-12-31
    """
    if (ms is None) == (until is None):
        raise click.UsageError("say how long: --for 30d, or --until 2026-12-31")
    now = _now()
    end = now + ms if ms is not None else until or 0
    if end > now + LONGEST_SILENCE:
        raise click.UsageError(
            "a silence lasts 180d at most; for longer, refuse contact with `customer consent`"
        )
    event = SilenceEvent(
        id=uuid.uuid4().hex,
        source=SOURCE,
        time=moment(now),
        customer=customer,
        data=Silence(until=end, problem=problem),
    )
    _append(settings, [event], as_json, f"no alerts about {problem or 'any problem'} until {when(end)} UTC")


def _known(settings: Settings, customer: str, as_json: bool) -> Known:
    with producer(settings) as client:
        partition = partition_of(client, settings, customer)
    known = ask_redis(settings, lambda redis: load_customer(redis, settings, partition, customer))
    if known is None:
        raise Failed("" if as_json else f"nothing is known of {printable(customer)}", 1)
    return known


def _append(settings: Settings, events: list[PreferenceEvent], as_json: bool, words: str) -> None:
    """Into the journal, where it takes its place among the customer's other events."""
    customer = events[0].customer
    with producer(settings) as client:
        partition = partition_of(client, settings, customer)
        key = customer.encode()
        sent = [
            client.send(settings.topics.events, encode(event), key=key, partition=partition)
            for event in events
        ]
        offsets = [each.get(30).offset for each in sent]
    if as_json:
        print_json({"customer": customer, "partition": partition, "events": [event.id for event in events]})
        return
    click.echo(f"{printable(customer)}: {words}; {plural(len(events), 'event')} in the journal, partition {partition}, "
               f"offset {offsets[-1]}, in effect once the worker has read it")  # fmt: skip


def _now() -> int:
    return round(time.time() * 1000)
