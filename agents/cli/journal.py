"""`forestall journal`: records the logs."""

from pathlib import Path

import click

from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.output import json_option, plural, print_json
from forestall.agents.recorder import dump_journal
from forestall.agents.settings import Settings
from forestall.pipeline.sources.recording import RecordedPartition


@click.group()
def journal() -> None:
    """Record the logs for a replay elsewhere."""


@journal.command(epilog=NOTE)
@settings_options("kafka", "redis", "prefix")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@json_option
def dump(settings: Settings, folder: Path, as_json: bool) -> None:
    """Record the states and every topic as they stand now into DIR, which must not hold a recording yet.

    \b
    Example: does a replay of what was recorded give what the workers computed?
      forestall journal dump recording/
      forestall backtest --journal recording/
    """

    def told(done: RecordedPartition) -> None:
        click.echo(f"{done.topic}/{done.partition}: {plural(done.records, 'record')}", err=True)

    manifest = dump_journal(folder, settings, told)
    if as_json:
        print_json(manifest)
        return
    records = sum(one.records for one in manifest.recorded)
    click.echo(
        f"recorded {plural(records, 'record')} of {plural(len(manifest.recorded), 'partition')} in {folder}"
    )
