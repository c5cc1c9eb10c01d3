"""`forestall worker`: runs a worker under its supervisor."""

import logging
import os
import sys

import click

from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.settings import Settings
from forestall.agents.supervisor import Supervisor


@click.command(epilog=NOTE)
@settings_options(
    "kafka", "redis", "prefix", "intake", "breaker", "session_timeout", "web_host", "web_port", "log_level"
)
@click.pass_context
def worker(context: click.Context, settings: Settings) -> None:
    """Run a worker: it takes in, foresees, learns and delivers, until it is told to end.

    Start as many as you like, on one machine or many; they share the partitions among them. A worker that
    crashes is started again. /metrics and /health are served at --web-host and --web-port.

    \b
    Example:
      forestall worker --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379/0 --breaker off

    \b
    Exit codes (it ends with these only; whatever a fresh start may cure, it restarts from by itself):
      0   ended on SIGTERM or Ctrl-C: the chunk in hand was committed
      65  too many dead letters: the breaker opened
      66  the log no longer has the position that the state holds
      76  stored state does not fit this program
      78  a setting or file is wrong
    """
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    os.environ.update(context.meta["forestall.environment"])
    command = [sys.executable, "-m", "forestall.agents.worker", "--alone"]
    context.exit(Supervisor(command).run())
