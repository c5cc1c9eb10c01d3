"""Reads one TOML text and goes on after a syntax error, so that one slip does not hide the other mistakes."""

import re
import tomllib
from typing import Any, NamedTuple

MAX_CHARACTERS = 1_000_000
MAX_SLIPS = 20
_AT = re.compile(r"\(at line (\d+), column (\d+)\)")
_HOW = "correct the TOML there"


class Reading(NamedTuple):
    """What was read. `slips` are syntax errors with their lines; if there are any, keys may be missing."""

    table: dict[str, Any]
    slips: list[tuple[int | None, str]]


def read(text: str) -> Reading:
    """Reads as much of `text` as it can; never raises."""
    if len(text) > MAX_CHARACTERS:
        return Reading({}, [(None, f"the file has {len(text)} characters; use at most {MAX_CHARACTERS}")])
    try:
        text.encode()
    except UnicodeEncodeError:  # a caller that read bytes with errors="surrogateescape" hears it from here
        return Reading({}, [(None, "the file is not UTF-8; save it as UTF-8")])
    slips: list[tuple[int | None, str]] = []
    lines = text.replace("\r\n", "\n").split("\n")
    while len(slips) < MAX_SLIPS:
        try:
            return Reading(tomllib.loads("\n".join(lines)), slips)
        except RecursionError:
            slips.append((None, "tables or arrays are nested too deeply; a catalogue needs four levels"))
            break
        except ValueError as error:  # TOMLDecodeError, and Python's own on an integer of thousands of digits
            line = _slip(error, slips)
            if line is None or not _drop(lines, line):
                break
    return Reading({}, slips)


def _slip(error: ValueError, slips: list[tuple[int | None, str]]) -> int | None:
    """Notes the error; returns its line, if it names one."""
    at = _AT.search(str(error))
    wrong = _AT.sub("", str(error)).strip()[:200]
    slips.append((int(at[1]), f"{wrong}, at column {at[2]}; {_HOW}") if at else (None, f"{wrong}; {_HOW}"))
    return int(at[1]) if at else None


def _drop(lines: list[str], number: int) -> bool:
    """Blanks the line, of a header the whole table; numbers stay. False if the line was blank."""
    first = number - 1
    if first >= len(lines) or not lines[first].strip():
        return False
    is_header = lines[first].lstrip().startswith("[")
    lines[first] = ""
    following = first + 1
    while is_header and following < len(lines) and not lines[following].lstrip().startswith("["):
        lines[following] = ""
        following += 1
    return True
