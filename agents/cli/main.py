"""`forestall`: the tree of commands. Each is loaded when it is called, so that `--help` comes at once."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import click

from forestall.agents.cli.failures import EXIT_CODES, reported


class Entry(NamedTuple):
    """One row of the tree: the module under agents/cli that has the click command `name`, and one line of help."""

    name: str
    words: str


#: The first look, from the demo to a problem of one's own.
COMMANDS = (
    Entry("demo", "Foresee problems in a real sample, live, on this machine alone."),
    Entry("check", "Say every mistake in catalogues and settings at once."),
    Entry("backtest", "Say how well a catalogue would have foreseen a file of events."),
    Entry("topics", "Create or verify the topics."),
    Entry("catalogue", "Put problem catalogues in force, show and compare them."),
    Entry("worker", "Run a worker: it takes in, foresees, learns and delivers."),
    Entry("trainer", "Run a trainer: boosted trees for problems that ask for them."),
    Entry("replay", "Send a file of events into the journal."),
    Entry("alerts", "Follow the alerts as they come."),
    Entry("queue", "Work the queue of actions."),
    Entry("customer", "Say what is known of a customer; take their choices."),
    Entry("model", "See what has been learned of each problem."),
    Entry("deadletters", "See what could not be processed, and send it again."),
    Entry("journal", "Record the logs for a replay elsewhere."),
    Entry("state", "Look at the committed state; verify it by replay."),
)

HELP = """Foresees the problem a customer is about to have, in time to prevent it.

\b
See it work, on this machine alone:
  forestall demo

\b
With your own Kafka and Redis (see docs/settings.md for every setting):
  export FORESTALL_KAFKA=127.0.0.1:9092 FORESTALL_REDIS=redis://127.0.0.1:6379/0
  forestall topics apply
  forestall catalogue apply deploy/catalogues/retail.toml
  forestall worker &
  forestall replay events.jsonl.gz
  forestall alerts follow --from-beginning
"""


class Tree(click.Group):
    """The commands of the table; what they raise on purpose ends them with a message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads one command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"forestall.agents.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, out of the table: nothing is loaded for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.words) for entry in COMMANDS])

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command."""
        with reported():
            return super().invoke(ctx)


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - costs more than all the rest of --help

        click.echo(f"forestall {version('forestall')}")
        ctx.exit()


@click.command(
    cls=Tree, help=HELP, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
              help="Show the version.")  # fmt: skip
def forestall() -> None:
    """The root of the tree."""


#: What pyproject.toml installs as `forestall`.
main: Callable[[], Any] = forestall
