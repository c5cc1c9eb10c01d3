"""Reads the mappings of foreign topics from TOML ([[intake]], see mapping.py), every mistake at once."""

import difflib
import re
from collections.abc import Callable
from collections.abc import Mapping as Table
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from forestall.pipeline.core.catalogue.kinds import shown
from forestall.pipeline.core.catalogue.toml import read
from forestall.pipeline.errors import ConfigurationError
from forestall.pipeline.sources.mapping import Mapping, Path, TimeFrom, TypeFrom
from forestall.schemas.event import OWN_PREFIX

_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_HEADER = re.compile(r"\s*\[\[\s*intake\s*\]\]")
_ROW = "row"


class _Wrong(Exception):
    """A value is wrong; says how, and the remedy."""


def read_mappings(text: str, file: str = "intake.toml") -> tuple[Mapping, ...]:
    """The mappings of a file. Raises ConfigurationError with lines `file:line: intake.key: wrong; remedy`."""
    table, slips = read(text)
    lines = [number for number, line in enumerate(text.split("\n"), 1) if _HEADER.match(line)]
    mistakes = [f"{file}:{line or 1}: TOML: {slip}" for line, slip in slips]
    mistakes += [f"{file}: {name}: is not known here; write [[intake]]" for name in table if name != "intake"]
    tables = table.get("intake", [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise ConfigurationError([*mistakes, f"{file}: intake: is not an array of tables; write [[intake]]"])
    if not tables and not mistakes:
        mistakes.append(f"{file}: intake: no topic is mapped; add [[intake]] with topic, type and customer")
    mappings = []
    for number, raw in enumerate(tables):
        reading = _Reading(raw)
        mappings.append(reading.mapping())
        at = f"{file}:{lines[number]}" if number < len(lines) else file
        mistakes += [f"{at}: intake.{key}: {what}" for key, what in reading.mistakes]
    mistakes += [
        f"{file}: intake.topic: {shown(topic)} is mapped {n} times; map a topic once"
        for topic in sorted({raw["topic"] for raw in tables if isinstance(raw.get("topic"), str)})
        if (n := sum(raw.get("topic") == topic for raw in tables)) > 1
    ]
    if mistakes:
        raise ConfigurationError(mistakes)
    return tuple(mapping for mapping in mappings if mapping is not None)


class _Reading:
    """One table and what is wrong with it."""

    def __init__(self, raw: Table[str, Any]) -> None:
        self.mistakes: list[tuple[str, str]] = []
        self._raw = raw
        self._has_rows = "rows" in raw

    def mapping(self) -> Mapping | None:
        """The mapping; None if there are mistakes."""
        for name in self._raw.keys() - KEYS.keys():
            close = difflib.get_close_matches(name, KEYS, n=1)
            self._add(
                name, f"did you mean {close[0]}?" if close else f"known are {', '.join(KEYS)}", "is not known"
            )
        values = {name: self._value(name) for name in KEYS if name in self._raw}
        for name, example in REQUIRED.items():
            if name not in self._raw:
                self._add(name, f"add {name} = {example}", "is missing")
        if not ("time" in self._raw or self._raw.keys().isdisjoint({"time_format", "time_zone"})):
            self._add("time", 'add time = "path.to.time"', "is missing, though its format is given")
        if self.mistakes:
            return None
        form, zone = values.pop("time_format", "rfc3339"), values.pop("time_zone", "UTC")
        if "time" in values:
            values["time"] = TimeFrom(values["time"], form, zone)
        return Mapping(**{"source": f"kafka/{values['topic']}", **values})

    def _value(self, name: str) -> Any:
        try:
            return KEYS[name](self, self._raw[name])
        except _Wrong as wrong:
            self.mistakes.append((name, str(wrong)))
        return None

    def _add(self, key: str, remedy: str, what: str) -> None:
        self.mistakes.append((key, f"{what}; {remedy}"))

    def text(self, value: Any) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= 512:
            raise _Wrong(f"{shown(value)} is no text of 1 to 512 characters; write one in quotes")
        return value

    def topic(self, value: Any) -> str:
        if _TOPIC.fullmatch(self.text(value)) is None:
            raise _Wrong(f"{shown(value)} is not a topic's name; use letters, digits, dot, _ and -")
        return self.text(value)

    def path(self, value: Any) -> Path:
        text = self.text(value)
        if text == "@key":
            return Path("key")
        if text == ".":
            return Path("record")
        names = tuple(text.split("."))
        if not all(names):
            raise _Wrong(f'{shown(value)} is not a path; write names with dots between, such as "buyer.id"')
        return Path("row", names[1:]) if self._has_rows and names[0] == _ROW else Path("record", names)

    def rows(self, value: Any) -> Path:
        path = self.path(value)
        if path.root != "record":
            raise _Wrong(f"{shown(value)} is not in the record; write the path of an array in it")
        return path

    def event_type(self, value: Any) -> str:
        if self.text(value).startswith(OWN_PREFIX):
            raise _Wrong(
                f'types that begin with "{OWN_PREFIX}" are Forestall\'s own; name a type of your events'
            )
        return self.text(value)

    def type(self, value: Any) -> str | TypeFrom:
        if not isinstance(value, dict):
            return self.event_type(value)
        names = value.get("names", {})
        if "path" not in value or value.keys() - {"path", "names"} or not isinstance(names, dict):
            raise _Wrong(
                'a table has path and may have names; write { path = "kind", names = { A = "a.type" } }'
            )
        return TypeFrom(
            self.path(value["path"]), {name: self.event_type(name_) for name, name_ in names.items()}
        )

    def time_format(self, value: Any) -> str:
        text = self.text(value)
        if text in {"rfc3339", "epoch_s", "epoch_ms"}:
            return text
        if "%" not in text:
            raise _Wrong(
                f'{shown(value)} is no format; write rfc3339, epoch_s, epoch_ms, or such as "%d.%m.%Y"'
            )
        try:
            datetime.strptime(datetime.fromtimestamp(0, UTC).strftime(text), text)  # noqa: DTZ007 - only tried
        except ValueError as error:
            raise _Wrong(f"{shown(value)} is no format of strptime ({error}); correct it") from error
        return text

    def time_zone(self, value: Any) -> str:
        try:
            return ZoneInfo(self.text(value)).key
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise _Wrong(f'{shown(value)} is no time zone; write one such as "Europe/Berlin"') from error

    def data(self, value: Any) -> Path | dict[str, Path]:
        if not isinstance(value, dict):
            return self.path(value)
        return {name: self.path(path) for name, path in value.items()}


#: Every key and how it is read.
KEYS: dict[str, Callable[[_Reading, Any], Any]] = {
    "topic": _Reading.topic,
    "source": _Reading.text,
    "type": _Reading.type,
    "customer": _Reading.path,
    "time": _Reading.path,
    "time_format": _Reading.time_format,
    "time_zone": _Reading.time_zone,
    "subject": _Reading.path,
    "id": _Reading.path,
    "rows": _Reading.rows,
    "data": _Reading.data,
}
REQUIRED = {"topic": '"shop.orders"', "type": '"order.placed"', "customer": '"path.to.customer"'}
