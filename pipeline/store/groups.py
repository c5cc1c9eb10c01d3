"""Effects as the records of their destinations' outboxes, checked to be gapless among themselves."""

from collections.abc import Iterable

from forestall.pipeline.core.effects import Effect
from forestall.pipeline.errors import SequenceGap
from forestall.pipeline.store.values import OutboxRecord


def by_destination(effects: Iterable[Effect]) -> dict[str, list[OutboxRecord]]:
    """Groups effects, order kept. Raises SequenceGap where one does not follow the one before it."""
    groups: dict[str, list[OutboxRecord]] = {}
    for destination, sequence, key, payload in effects:
        record = OutboxRecord(sequence, key, payload)
        group = groups.get(destination)
        if group is None:
            groups[destination] = [record]
            continue
        if sequence != group[-1].sequence + 1:
            raise gap(destination, group[-1].sequence, sequence)
        group.append(record)
    return groups


def gap(destination: str, last: int, got: int) -> SequenceGap:
    """The error for an effect that does not follow the last one."""
    return SequenceGap(
        f"outbox of {destination}: number {got} came where {last + 1} should; nothing was written. "
        f"Drop the cache and run again from the committed state; if it stays, the core numbers wrongly"
    )
