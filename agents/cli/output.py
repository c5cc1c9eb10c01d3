"""How commands speak: tables and sentences for people, JSON lines for programs, progress on long work."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

#: Every command that lists or tells has it.
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON: one document, or one a line.")


def print_json(document: Any) -> None:
    """One JSON document on a line of its own."""
    click.echo(msgspec.json.encode(document).decode())


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as their content; also readable in a file. Nothing without rows."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    for row in ([*header], *cells):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def when(ms: int | float) -> str:
    """Epoch milliseconds as a time in UTC, to the second."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def printable(text: object) -> str:
    """Foreign text for a terminal: one line, no control characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def plural(count: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
