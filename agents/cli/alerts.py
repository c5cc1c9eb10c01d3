"""`forestall alerts`: follows the alerts as they come."""

from itertools import islice

import click

from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.output import json_option, print_json, printable, when
from forestall.agents.follow import Followed, follow
from forestall.agents.settings import Settings
from forestall.schemas.alert import Alert, decode_alert


@click.group()
def alerts() -> None:
    """Follow the alerts as they come."""


@alerts.command(name="follow", epilog=NOTE)
@settings_options("kafka", "prefix")
@click.option("--from-beginning", is_flag=True, help="Start with the oldest that the topic still has.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="End after so many.")
@click.option("--until-now", is_flag=True, help="End with what is there, instead of waiting for more.")
@click.option("--problem", help="Only alerts of this problem.")
@json_option
def follow_alerts(
    settings: Settings,
    from_beginning: bool,
    limit: int | None,
    until_now: bool,
    problem: str | None,
    as_json: bool,
) -> None:
    """Print every change of an alert as it comes: raised, updated, withdrawn, expired, resolved.

    Ctrl-C ends it. The JSON is what stands on the topic, and where (schemas/json/alert.schema.json).

    \b
    Example: the first ten ever raised, with their reasons
      forestall alerts follow --from-beginning --limit 10
    """
    found = follow(
        settings.topics.alerts,
        decode_alert,
        settings,
        start="beginning" if from_beginning else "now",
        until_now=until_now,
    )
    wanted = (one for one in found if problem in (None, one.content.problem))
    for one in islice(wanted, limit):
        _print_json(one) if as_json else click.echo("\n".join(lines_of(one.content)))


def lines_of(alert: Alert) -> list[str]:
    """An alert in words: who, what, how likely, and why."""
    subject = f" ({printable(alert.subject)})" if alert.subject else ""
    about = f"{when(alert.changed)}  {alert.state:9}  {printable(alert.customer)}{subject}: {alert.title}"
    why = f", {alert.occasion}" if alert.occasion else f", p = {alert.p:.0%}, saves {alert.saving:.2f}"
    return [about + why, *(f"{'':21}because {printable(reason.text)}" for reason in alert.reasons)]


def _print_json(one: Followed[Alert]) -> None:
    print_json({"partition": one.partition, "offset": one.offset, "alert": one.content})
