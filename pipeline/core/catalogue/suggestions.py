"""What the author of a catalogue may have meant by a key that is not known."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from forestall.pipeline.core.catalogue.keys import PARTS, Key, Section


def instead(name: str, known: Sequence[str]) -> str:
    """The remedy for an unknown key where `known` are: a similar key, its right place, or all."""
    close = _closest(name, known)
    if close is not None:
        return f"did you mean {close}?"
    homes = [part for part, section in PARTS.items() if name in (key.name for key in section.keys)]
    if homes:
        return f"it belongs into {' or '.join(homes)}"
    return f"known here: {', '.join(known)}"


def meant(name: str, section: Section) -> str | None:
    """The section's key that an unknown `name` resembles; None for a known name or a strange one."""
    known = [key.name for key in section.keys]
    return None if name in known else _closest(name, known)


def is_misspelt(table: dict[str, Any], section: Section, *names: str) -> bool:
    """Whether the table has one of `names` under a wrong spelling: then it is not missing as well."""
    return any(meant(name, section) in names for name in table)


def example(key: Key) -> str:
    """A line of TOML with the key."""
    if isinstance(key.kind, Section):
        first = key.kind.keys[0]
        return f"{key.name} = {{ {first.name} = {first.example} }}"
    return f"{key.name} = {key.example}"


def _closest(name: str, known: Sequence[str]) -> str | None:
    return next(iter(get_close_matches(name[:100].lower(), known, n=1)), None)
