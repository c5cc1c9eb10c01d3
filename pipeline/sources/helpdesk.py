"""The Italian help desk log as events: `ticket.opened` for the first of a ticket, then `ticket.<activity>`.

"Take in charge ticket" becomes `ticket.take_in_charge`, "Require upgrade" `ticket.require_upgrade`, and so on.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from forestall.pipeline.sources.eventfiles import Happened
from forestall.pipeline.sources.tables import Names, read_columns

IDENTITY: tuple[Names, ...] = (
    ("case:concept:name",),
    ("concept:name",),
    ("time:timestamp",),
    ("customer",),
)
#: `seriousness` is the same on every row; what the staff set is in `seriousness_2`.
ATTRIBUTES: dict[str, Names] = {
    "resource": ("org:resource",),
    "product": ("product",),
    "section": ("responsible_section",),
    "seriousness": ("seriousness_2",),
    "service_level": ("service_level",),
    "service_type": ("service_type",),
    "support_section": ("support_section",),
    "workgroup": ("workgroup",),
}


def helpdesk_events(paths: Sequence[Path]) -> Iterator[Happened]:
    """All events of the raw files in (time, original order)."""
    columns = (*IDENTITY, *ATTRIBUTES.values())
    rows = [(_epoch(row[2]), row) for path in paths for row in read_columns(path, columns)]
    seen: dict[str, int] = {}
    for at, row in sorted(rows, key=lambda timed: timed[0]):
        case, activity, _, customer, *attributes = row
        seen[case] = seen.get(case, 0) + 1
        first = seen[case] == 1
        yield Happened(
            at=at,
            id=f"{case}-{seen[case]}",
            type="ticket.opened" if first else f"ticket.{_slug(activity)}",
            customer=customer,
            subject=case,
            data={
                "activity": _slug(activity) if first else None,
                **{name: value or None for name, value in zip(ATTRIBUTES, attributes, strict=True)},
            },
        )


def _slug(activity: str) -> str:
    return activity.lower().removesuffix(" ticket").replace(" ", "_")


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
