"""Where a key stands in a TOML text: a best effort, for `tomllib` does not say. A plain scan does: headers,
`key =` at the start of a line, multi-line strings skipped; a key in an inline table has the table's line."""

import re

Path = tuple[str, ...]

_HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def lines_of(text: str) -> dict[Path, int]:
    """The first line (from 1) of every table and key that begins a line."""
    found: dict[Path, int] = {}
    table: Path = ()
    within = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if not within:
            if header := _HEADER.match(line):
                table = _parts(header[1])
                found.setdefault(table, number)
            elif key := _KEY.match(line):
                found.setdefault(table + _parts(key[1]), number)
        within = _string_open_after(line, within)
    return found


def line_of(key: Path, found: dict[Path, int]) -> int | None:
    """The line of `key`, or of the nearest table around it; None if neither was found."""
    for length in range(len(key), 0, -1):
        if key[:length] in found:
            return found[key[:length]]
    return None


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _string_open_after(line: str, within: str) -> str:
    """The quotes of the multi-line string that is still open at the end of the line, or nothing."""
    for quotes in re.findall(r'"""|\'\'\'', line):
        if not within:
            within = quotes
        elif within == quotes:
            within = ""
    return within
