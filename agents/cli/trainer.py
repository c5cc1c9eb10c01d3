"""`forestall trainer`: runs a trainer under its supervisor."""

import logging
import os
import sys

import click

from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.settings import Settings
from forestall.agents.supervisor import Supervisor


@click.command(epilog=NOTE)
@settings_options("kafka", "prefix", "session_timeout", "log_level")
@click.pass_context
def trainer(context: click.Context, settings: Settings) -> None:
    """Run a trainer: it fits boosted trees to the answers of problems with `model = "boosted"`, until told to end.

    It needs the extra boosting. The trees go into the answers' log, from where learn takes them, and uses them
    as long as they help; without a trainer such a problem runs on the default alone. It holds the last 20,000
    answers of each of these problems in memory, and reads the log from its beginning when it starts. One is
    enough; of several each takes its share, and another's when that one dies. One that crashes is started again.

    \b
    Example:
      forestall trainer --kafka 127.0.0.1:9092

    \b
    Exit codes (it ends with these only; whatever a fresh start may cure, it restarts from by itself):
      0   ended on SIGTERM or Ctrl-C
      78  a setting is wrong, or LightGBM is not installed
    """
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    os.environ.update(context.meta["forestall.environment"])
    command = [sys.executable, "-m", "forestall.agents.trainer"]
    context.exit(Supervisor(command, "trainer").run())
