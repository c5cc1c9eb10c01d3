"""A foreign record to events of the journal: `translate`, pure. Whatever the bytes are, no exception.

A record becomes all of its events or, whole, a dead letter: half a record would be hard to mend.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from forestall.pipeline.core.depth import nests_deeper
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.journal import LARGEST_EVENT
from forestall.pipeline.core.taking_in import MOST_ROWS, STAMP_BYTES
from forestall.pipeline.sources.mapping import Mapping, Parts, Path, TimeFrom, TypeFrom, find
from forestall.schemas.deadletter import Cause, DeadLetter
from forestall.schemas.event import OWN_PREFIX, Event, encode

EPOCH = datetime.fromtimestamp(0, UTC)
LONGEST_NAME = 512

_decode = msgspec.json.Decoder().decode


class Origin(NamedTuple):
    """The partition that a record came from. `topic_id` tells a topic from one of the same name made anew."""

    topic: str
    topic_id: str
    partition: int


class Refused(Exception):
    """The record cannot be mapped; caught here and made a dead letter."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(detail)
        self.cause: Cause = cause
        self.detail = detail


def translate(mapping: Mapping, origin: Origin, record: Record) -> list[Event] | DeadLetter:
    """The events of one record, in the order of its rows, or the dead letter that keeps it."""
    try:
        return _events(mapping, origin, record)
    except Refused as refused:
        return DeadLetter(
            sender=f"intake/{origin.topic}/{origin.partition}",
            sequence=0,
            topic=origin.topic,
            partition=origin.partition,
            offset=record.offset,
            timestamp=record.ms,
            cause=refused.cause,
            detail=refused.detail,
            key=record.key,
            value=record.value,
        )


def _events(mapping: Mapping, origin: Origin, record: Record) -> list[Event]:
    document = _document(record.value)
    place = f"{origin.topic_id}/{origin.partition}/{record.offset}"
    if mapping.rows is None:
        return [_event(mapping, Parts(document, record.key), record, place, None)]
    rows = find(mapping.rows, Parts(document, record.key))
    if not isinstance(rows, list):
        raise Refused("wrong_shape", f"rows: {mapping.rows} is {_kind(rows)}, not an array")
    if len(rows) > MOST_ROWS:
        raise Refused("too_large", f"rows: {len(rows)}; at most {MOST_ROWS} are taken")
    return [
        _event(mapping, Parts(document, record.key, row), record, f"{place}/{index}", index)
        for index, row in enumerate(rows)
    ]


def _document(value: bytes | None) -> Any:
    if value is None:
        raise Refused("wrong_shape", "the record has no value")
    if nests_deeper(value):
        raise Refused("too_deep", "arrays and objects nest too deeply")
    try:
        return _decode(value)
    except msgspec.ValidationError as error:
        raise Refused("wrong_shape", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("not_json", str(error)) from error


def _event(mapping: Mapping, parts: Parts, record: Record, place: str, index: int | None) -> Event:
    event = Event(
        id=_id(mapping.id, parts, place, index),
        source=mapping.source,
        type=_type(mapping.type, parts),
        time=_time(mapping.time, parts, record.ms),
        specversion="1.0",
        subject=_name(mapping.subject, parts, "subject"),
        customer=_customer(mapping.customer, parts),
        data=_data(mapping.data, parts),
    )
    if (size := len(encode(event))) > LARGEST_EVENT - STAMP_BYTES:
        most = LARGEST_EVENT - STAMP_BYTES
        raise Refused("too_large", f"{size} bytes as an event; at most {most} are taken")
    return event


def _id(path: Path | None, parts: Parts, place: str, index: int | None) -> str:
    found = _name(path, parts, "id")
    if path is None:
        return place
    if not found:
        raise Refused("wrong_shape", f"id: nothing stands at {path}")
    name = found if index is None or path.root == "row" else f"{found}/{index}"
    if len(name) > LONGEST_NAME:
        raise Refused("wrong_shape", f"id: longer than {LONGEST_NAME} characters")
    return name


def _type(declared: str | TypeFrom, parts: Parts) -> str:
    if isinstance(declared, str):
        return declared
    found = _name(declared.path, parts, "type")
    if not found:
        raise Refused("wrong_shape", f"type: nothing stands at {declared.path}")
    if declared.names:
        if found not in declared.names:
            raise Refused("unmapped", f"type: names has nothing for what stands at {declared.path}")
        return declared.names[found]
    if found.startswith(OWN_PREFIX):
        raise Refused("reserved_type", f"only Forestall itself writes types that begin with {OWN_PREFIX}")
    return found


def _customer(path: Path, parts: Parts) -> str:
    try:
        found = _name(path, parts, "customer")
    except Refused as refused:
        raise Refused("no_customer", refused.detail) from refused
    if not found:
        raise Refused("no_customer", f"customer: nothing stands at {path}")
    return found


def _name(path: Path | None, parts: Parts, what: str) -> str | None:
    """A text, or a whole number as text; None where nothing stands."""
    if path is None:
        return None
    try:
        found = find(path, parts)
    except UnicodeDecodeError as error:
        raise Refused("wrong_shape", f"{what}: the record's key is not UTF-8 text") from error
    if found is None:
        return None
    if not isinstance(found, str) and type(found) is not int:
        raise Refused("wrong_shape", f"{what}: {path} is {_kind(found)}, neither a text nor a whole number")
    name = str(found)
    if len(name) > LONGEST_NAME:
        raise Refused("wrong_shape", f"{what}: {path} is longer than {LONGEST_NAME} characters")
    return name


def _data(declared: Path | dict[str, Path] | None, parts: Parts) -> dict[str, Any] | None:
    if declared is None:
        return None
    if isinstance(declared, dict):
        fields = {name: find(path, parts) for name, path in declared.items()}
        return {name: value for name, value in fields.items() if value is not None}
    found = find(declared, parts)
    if found is not None and not isinstance(found, dict):
        raise Refused("wrong_shape", f"data: {declared} is {_kind(found)}, not an object")
    return found


def _time(declared: TimeFrom | None, parts: Parts, record_ms: int) -> datetime:
    what = "the record's own time" if declared is None else str(declared.path)
    found = record_ms if declared is None else find(declared.path, parts)
    if found is None:
        raise Refused("wrong_shape", f"time: nothing stands at {what}")
    try:
        moment = _moment(found, declared or _RECORDS_OWN).astimezone(UTC)
    except (TypeError, ValueError, OverflowError, OSError, msgspec.ValidationError) as error:
        raise Refused("wrong_shape", f"time: {what} cannot be read as declared") from error
    if moment < EPOCH:
        raise Refused("wrong_shape", f"time: {what} is before 1970")
    return moment


def _moment(found: Any, declared: TimeFrom) -> datetime:
    if declared.format in _UNITS:
        if isinstance(found, bool) or not isinstance(found, int | float | str):
            raise TypeError(_kind(found))
        return datetime.fromtimestamp(float(found) / _UNITS[declared.format], UTC)
    if not isinstance(found, str):
        raise TypeError(_kind(found))
    if declared.format == "rfc3339":
        moment = msgspec.convert(found, datetime)
    else:
        moment = datetime.strptime(found, declared.format)  # noqa: DTZ007 - the next line sees to the zone
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(declared.zone))


_RECORDS_OWN = TimeFrom(Path("record"), "epoch_ms")
#: What a second has of each unit.
_UNITS = {"epoch_s": 1, "epoch_ms": 1000}
_KINDS: Sequence[tuple[type, str]] = (
    (bool, "true or false"),
    (str, "a text"),
    (int, "a number"),
    (float, "a number"),
    (list, "an array"),
    (dict, "an object"),
)


def _kind(found: Any) -> str:
    return next((name for kind, name in _KINDS if isinstance(found, kind)), "nothing")
