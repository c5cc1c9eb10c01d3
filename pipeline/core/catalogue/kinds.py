"""The kinds of values that keys of a catalogue take: each with its name for the reference and its reader.

A reader returns the value as the declaration holds it, or raises ConfigurationError with "wrong; remedy".
"""

import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any, NamedTuple

from forestall.pipeline.core.catalogue.durations import duration, milliseconds
from forestall.pipeline.core.catalogue.expression import Expression
from forestall.pipeline.core.models.names import LIVE, RIVER
from forestall.pipeline.errors import ConfigurationError
from forestall.schemas.event import OWN_PREFIX

MAX_TEXT = 2_000
MAX_ITEMS = 100
MAX_TYPE = 512
MAX_NAME = 200

_PATH = re.compile(r"data(?:\.[\w-]+)+")
_TYPES: dict[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    list: "an array",
    dict: "a table",
    datetime: "a date",
    date: "a date",
    time: "a time",
}


class Kind(NamedTuple):
    """A kind of value. `name` is for people; `read` turns what TOML gave into what the declaration holds."""

    name: str
    read: Callable[[Any], Any]


def wrong(what: str, remedy: str) -> ConfigurationError:
    """One mistake in a value."""
    return ConfigurationError([f"{what}; {remedy}"])


def shown(value: object) -> str:
    """A value as a message shows it: short, on one line."""
    try:
        text = f'"{value}"' if isinstance(value, str) and value.isprintable() else repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, tables in tables without end
        text = "the value"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _need(value: Any, kind: type, article: str) -> Any:
    if type(value) is not kind:
        raise wrong(f"{shown(value)} is {_TYPES.get(type(value), 'of a strange type')}", f"write {article}")
    return value


def _text(value: Any) -> str:
    text: str = _need(value, str, "a string in quotes")
    if len(text) > MAX_TEXT:
        raise wrong(f"the text has {len(text)} characters", f"use at most {MAX_TEXT}")
    return text


def _filled(value: Any) -> str:
    text = _text(value)
    if not text.strip():
        raise wrong("the text is empty", "write a few words")
    return text


def _event_type(value: Any) -> str:
    name = _filled(value)
    if len(name) > MAX_TYPE:
        raise wrong(f"the event type has {len(name)} characters", f"use at most {MAX_TYPE}")
    if name.startswith(OWN_PREFIX):
        raise wrong(
            f'types that begin with "{OWN_PREFIX}" are Forestall\'s own', "name a type of your events"
        )
    return name


def _field_path(value: Any) -> str:
    name = _filled(value)
    if _PATH.fullmatch(name) is None:
        raise wrong(f"{shown(name)} is not a field of data", 'begin it with data., such as "data.amount"')
    return name


def _flag(value: Any) -> bool:
    return bool(_need(value, bool, "true or false, without quotes"))


def _expression(value: Any) -> Expression:
    return Expression(_need(value, str, "the condition in quotes"))


def _words(value: Any) -> dict[str, str]:
    """A table of texts; `data.amount = "…"` without quotes is a table in a table, and means the same."""
    words: dict[str, str] = {}
    waiting = [("", _need(value, dict, 'a table such as { "data.amount" = "the amount" }'))]
    while waiting:
        prefix, table = waiting.pop()
        for name, text in table.items():
            if len(prefix) + len(name) > MAX_NAME:
                raise wrong(
                    f"the name {shown(prefix + name)} is too long", f"use at most {MAX_NAME} characters"
                )
            if isinstance(text, dict):
                waiting.append((f"{prefix}{name}.", text))
            else:
                words[f"{prefix}{name}"] = _filled(text)
    return dict(sorted(words.items()))


TEXT = Kind("text", _text)
TITLE = Kind("text, not empty", _filled)
FLAG = Kind("true or false", _flag)
EXPRESSION = Kind("condition", _expression)
WORDS = Kind("table of texts", _words)


def several(kind: Kind, at_least: int = 0, at_most: int = MAX_ITEMS) -> Kind:
    """An array of `kind` without repetition, or a single one."""

    def read(value: Any) -> tuple[Any, ...]:
        items = tuple(kind.read(item) for item in (value if isinstance(value, list) else [value]))
        if not at_least <= len(items) <= at_most:
            raise wrong(f"there are {len(items)}", f"give {at_least} to {at_most}")
        for position, item in enumerate(items):
            if item in items[:position]:
                raise wrong(f"{shown(value[position])} stands there twice", "remove one")
        return items

    return Kind(f"{kind.name}, or an array of them", read)


TEXTS = several(TITLE)
EVENT_TYPES = several(Kind("event type", _event_type), at_least=1)
FIELDS = several(Kind("field of `data`", _field_path))


def time_span(at_least: str, at_most: str) -> Kind:
    """A duration between two others, in milliseconds once read."""
    low, high = milliseconds(at_least), milliseconds(at_most)

    def read(value: Any) -> int:
        ms = milliseconds(_need(value, str, 'a duration in quotes, such as "30d"'))
        if not low <= ms <= high:
            raise wrong(f"{shown(value)} is out of range", f"use {at_least} to {at_most}")
        return ms

    return Kind(f"duration, {at_least} to {at_most}", read)


def choice(*options: str) -> Kind:
    """One of a few texts."""
    listed = " or ".join(f'"{option}"' for option in options)

    def read(value: Any) -> str:
        if value not in options or not isinstance(value, str):
            raise wrong(f"{shown(value)} is not known", f"write {listed}")
        return value

    return Kind(listed, read)


def _model(value: Any) -> str:
    name = _filled(value)
    if name in LIVE:
        return name
    listed = ", ".join(f'"{live}"' for live in LIVE)
    if "." in name:
        plain = name.removeprefix(RIVER)
        raise wrong(
            f"{shown(name)} has no stored form and runs in a backtest only (forestall backtest --model {plain})",
            f"write one of {listed}",
        )
    raise wrong(f"{shown(name)} is not known", f"write one of {listed}")


MODEL = Kind("name of a model: " + ", ".join(f'"{name}"' for name in LIVE), _model)


def number(at_most: float, above: float | None = None) -> Kind:
    """A finite number from 0 (or above `above`) to `at_most`."""
    span = f"0 to {at_most:g}" if above is None else f"above {above:g}, at most {at_most:g}"

    def read(value: Any) -> float:
        if type(value) not in (int, float):
            raise wrong(
                f"{shown(value)} is {_TYPES.get(type(value), 'no number')}", "write a number without quotes"
            )
        if not (0 <= value <= at_most) or (above is not None and value <= above):
            raise wrong(f"{shown(value)} is out of range", f"use {span}")
        return float(value)

    return Kind(f"number, {span}", read)


def spans(at_most: int) -> Kind:
    """A few durations, each longer than the one before."""
    several_spans = several(time_span("1m", "730d"), at_least=1, at_most=at_most)

    def read(value: Any) -> tuple[int, ...]:
        lengths: tuple[int, ...] = several_spans.read(value)
        if list(lengths) != sorted(lengths):
            ordered = ", ".join(duration(length) for length in sorted(lengths))
            raise wrong("the spans are not in order", f"write the shortest first: {ordered}")
        return lengths

    return Kind(f"1 to {at_most} durations, the shortest first", read)
