"""What the queue tells the journal: an entry of its outbox as a record with an OutcomeEvent."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from forestall.pipeline.store.values import OutboxRecord
from forestall.schemas.event import encode
from forestall.schemas.outcome import ActionChange, OutcomeEvent

SOURCE = "forestall/queue"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TYPES: dict[str, Literal["forestall.action.claimed", "forestall.action.done"]] = {
    "claimed": "forestall.action.claimed",
    "done": "forestall.action.done",
}


def outcome_record(entry_id: bytes, entry: dict[bytes, bytes]) -> OutboxRecord:
    """The record for the journal, keyed by customer. The same entry gives the same bytes."""
    fields = {name.decode(): value.decode() for name, value in entry.items()}
    event = OutcomeEvent(
        id=fields["event"],
        source=SOURCE,
        type=TYPES[fields["kind"]],
        time=EPOCH + timedelta(milliseconds=int(fields["ms"])),
        customer=fields["customer"],
        subject=fields.get("subject"),
        data=ActionChange(
            alert=fields["alert"],
            problem=fields["problem"],
            worker=fields["worker"],
            result=fields.get("result"),
        ),
    )
    return OutboxRecord(int(entry_id.partition(b"-")[0]), event.customer.encode(), encode(event))
