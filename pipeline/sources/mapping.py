"""How a foreign topic's JSON becomes events, as declared: one `Mapping` a topic.

    [[intake]]
    topic    = "shop.orders"
    type     = "order.placed"            # or { path = "kind", names = { CREATED = "order.placed" } }
    customer = "buyer.id"                # "@key" is the record's key
    time     = "placed_at"               # left out: the record's own time
    subject  = "order_id"
    rows     = "items"                   # one event for each; "row.…" reads from the item
    data     = { sku = "row.sku", country = "buyer.country" }

A path is the names of fields from the outside in, with dots between; a number is a place in an array.
"""

from typing import Any, Literal, NamedTuple

import msgspec


class Path(msgspec.Struct, frozen=True):
    """Where a value stands: in the record, in the row (the item of `rows`), or the record's key itself."""

    root: Literal["record", "row", "key"]
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        match self.root:
            case "key":
                return "@key"
            case "row":
                return ".".join(("row", *self.names))
            case "record":
                return ".".join(self.names) or "."


class TypeFrom(msgspec.Struct, frozen=True):
    """The event's type is what stands at `path`; with `names`, what they make of it, and nothing else."""

    path: Path
    names: dict[str, str] = {}


class TimeFrom(msgspec.Struct, frozen=True):
    """The event's time stands at `path` in a format: rfc3339, epoch_s, epoch_ms, or a pattern of strptime.

    `zone` (of the tz database) holds where the text itself says none.
    """

    path: Path
    format: str = "rfc3339"
    zone: str = "UTC"


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """How the records of one topic become events. `time` of None is the record's own time.

    `id` of None is the record's place, which is stable: read again, it is the same event. With `rows`, an id
    that is not of the row itself gets the row's number behind it. `data`: the object at a path, or fields by name.
    """

    topic: str
    source: str
    type: str | TypeFrom
    customer: Path
    time: TimeFrom | None = None
    subject: Path | None = None
    id: Path | None = None
    rows: Path | None = None
    data: Path | dict[str, Path] | None = None


class Parts(NamedTuple):
    """What paths lead into: the record, its key, and one of its rows."""

    record: Any
    key: bytes | None
    row: Any = None


def find(path: Path, parts: Parts) -> Any:
    """What stands at the path; None if nothing does. Raises UnicodeDecodeError for a key that is no text."""
    if path.root == "key":
        return None if parts.key is None else parts.key.decode()
    found = parts.record if path.root == "record" else parts.row
    for name in path.names:
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and name.isdecimal() and len(name) < 7 and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found
