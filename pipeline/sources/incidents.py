"""The UCI incident log as events: one for each row, in the order of sys_updated_at.

`incident.opened` is the first row of an incident, `incident.closed` every row in state Closed (13 incidents go
on after one), `incident.updated` the rest. The customer is the caller; "?" (29 rows) is kept as a customer.

Left out are the columns that are filled in from the incident's end on every row: closed_code, resolved_by,
resolved_at, closed_at, caused_by, notify, and knowledge, which nearly is. `made_sla` stays, for it is the
answer, but no problem may use it as a feature: it turns false when the incident is closed.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from forestall.pipeline.sources.eventfiles import Happened
from forestall.pipeline.sources.tables import Names, read_columns

UNKNOWN = "?"
COUNTS: dict[str, Names] = {
    "reassignments": ("reassignment_count",),
    "reopens": ("reopen_count",),
    "updates": ("sys_mod_count",),
    "impact": ("impact",),
    "urgency": ("urgency",),
    "priority": ("priority",),
}
CODES: dict[str, Names] = {
    "contact_type": ("contact_type",),
    "location": ("location",),
    "category": ("category",),
    "subcategory": ("subcategory", "category#2"),  # the second is a damaged header, see SOURCES.md
    "symptom": ("u_symptom",),
    "item": ("cmdb_ci",),
    "group": ("assignment_group",),
    "assigned_to": ("assigned_to",),
    "opened_by": ("opened_by",),
    "created_by": ("sys_created_by",),
    "updated_by": ("sys_updated_by",),
}
IDENTITY: tuple[Names, ...] = (
    ("number",),
    ("caller_id",),
    ("sys_updated_at",),
    ("opened_at",),
    ("incident_state", "ident_state"),
    ("made_sla",),
    ("u_priority_confirmation",),
)


def incident_events(paths: Sequence[Path]) -> Iterator[Happened]:
    """All events of the raw files in (time, original order)."""
    columns = (*IDENTITY, *COUNTS.values(), *CODES.values())
    rows = [(_epoch(row[2]), row) for path in paths for row in read_columns(path, columns)]
    seen: dict[str, int] = {}
    for at, row in sorted(rows, key=lambda timed: timed[0]):
        seen[row[0]] = seen.get(row[0], 0) + 1
        yield _event(at, row, seen[row[0]])


def _event(at: int, row: list[str], position: int) -> Happened:
    number, caller, _, opened, state, made_sla, confirmed, *rest = row
    minutes = (at - _epoch(opened)) // 60
    counts, codes = rest[: len(COUNTS)], rest[len(COUNTS) :]
    return Happened(
        at=at,
        id=f"{number}-{position}",
        type=_type(state, position),
        customer=caller,
        subject=number,
        data={
            "state": state,
            "made_sla": made_sla == "true",
            "minutes_open": minutes if minutes >= 0 else None,  # five rows precede their incident's opening
            **{name: int(count) for name, count in zip(COUNTS, counts, strict=True)},
            "priority_confirmed": confirmed == "true",
            **{name: None if code == UNKNOWN else code for name, code in zip(CODES, codes, strict=True)},
        },
    )


def _type(state: str, position: int) -> str:
    if state == "Closed":
        return "incident.closed"
    return "incident.opened" if position == 1 else "incident.updated"


def _epoch(text: str) -> int:
    """Epoch seconds of `29/2/2016 01:23`, read as UTC."""
    date, clock = text.split(" ")
    day, month, year = date.split("/")
    hour, minute = clock.split(":")
    return int(datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=UTC).timestamp())
