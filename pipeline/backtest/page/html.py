"""Pieces of HTML: tables. All text that is given is escaped here."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple


class Row(NamedTuple):
    """Cells of a table's row, the first of which names it; `kind` is its class."""

    cells: Sequence[str]
    kind: str = ""


def table(header: Sequence[str], rows: Sequence[Row], name: str) -> str:
    """A table that scrolls by itself where the page is narrow; `name` is read out."""
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in header)
    body = "".join(_row(row, len(header)) for row in rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name)}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(row: Row, width: int) -> str:
    kind = f' class="{row.kind}"' if row.kind else ""
    if row.kind == "group":
        return f'<tr{kind}><th scope="rowgroup" colspan="{width}">{escape(row.cells[0])}</th></tr>'
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in row.cells[1:])
    return f'<tr{kind}><th scope="row">{escape(row.cells[0])}</th>{cells}</tr>'
