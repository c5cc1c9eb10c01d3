"""`forestall topics`: creates and verifies the topics."""

import click

from forestall.agents.cli.failures import Failed
from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.output import json_option, print_json
from forestall.agents.settings import Settings
from forestall.agents.topics import apply_topics, plan


@click.group()
def topics() -> None:
    """Create or verify the topics."""


@topics.command(epilog=NOTE)
@settings_options("kafka", "prefix", "partitions", "answers_partitions", "replication", "retention_days")
@json_option
def apply(settings: Settings, as_json: bool) -> None:
    """Create the topics that are missing, and say what differs about those that are there.

    Nothing that is there is changed. Exit code 1 if something differs from the settings.

    \b
    Example:
      forestall topics apply --kafka 127.0.0.1:9092 --partitions 8
    """
    found = apply_topics(settings)
    for one in found:
        print_json(one._asdict()) if as_json else click.echo(str(one))
    wrong = sum(one.kind == "differs" for one in found)
    if wrong:
        raise Failed("" if as_json else "the topics are not as the settings want them (see above)", 1)
    if not as_json and not found:
        click.echo(f"all {len(plan(settings))} topics are there, as the settings want them")
