"""What commands raise on purpose, as a message on stderr and an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from forestall.pipeline.errors import (
    ConfigurationError,
    ForestallError,
    LeaseLost,
    ReplayStalled,
    ServerFailed,
    StateError,
    UnknownAction,
    Unreachable,
)

#: The first row that fits counts. The numbers are those of sysexits.h that come nearest; `worker` has its own
#: (agents/exits.py), of which these are a part.
CODES: tuple[tuple[type[ForestallError], int], ...] = (
    (ConfigurationError, 78),
    (Unreachable, 69),
    (ServerFailed, 69),
    (ReplayStalled, 75),
    (UnknownAction, 1),
    (LeaseLost, 1),
    (StateError, 76),
    (ForestallError, 70),
)
INTERRUPTED = 130

EXIT_CODES = """\b
Exit codes:
  0    done
  1    what was looked at is wrong, differs, or is not there
  2    the command was called wrongly
  69   Kafka or Redis does not answer
  70   failed otherwise
  75   nobody processes what is replayed
  76   stored state does not fit this program
  78   a setting, file or catalogue is wrong
  130  ended by Ctrl-C
`forestall worker --help` has the worker's own."""


class Failed(click.ClickException):
    """Ends the command with this message and exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        """Each line on its own: a ConfigurationError has one for each mistake."""
        click.echo(self.message, file=sys.stderr if file is None else file)


@contextmanager
def reported() -> Iterator[None]:
    """Turns our errors and Ctrl-C into `Failed`."""
    try:
        yield
    except ForestallError as error:
        raise Failed(str(error), code_of(error)) from error
    except KeyboardInterrupt as stopped:
        raise Failed("", INTERRUPTED) from stopped


def code_of(error: ForestallError) -> int:
    """The exit code of an error."""
    return next(code for kind, code in CODES if isinstance(error, kind))
