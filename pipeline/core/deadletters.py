"""Dead letters: what could not be processed goes out whole, numbered like any other effect."""

from forestall.pipeline.core.effects import DEAD_LETTERS, Effect, Record
from forestall.pipeline.core.head import Head
from forestall.schemas.deadletter import Cause, DeadLetter
from forestall.schemas.event import encode

#: Longer explanations are cut; the record itself is whole.
LONGEST_DETAIL = 500


def dead_letter(
    head: Head, sender: str, place: tuple[str, int], record: Record, cause: Cause, detail: str
) -> Effect:
    """The effect that keeps a record of `place` (topic and partition) with its cause."""
    sequence = head.next_sequence(DEAD_LETTERS)
    letter = DeadLetter(
        sender=sender,
        sequence=sequence,
        topic=place[0],
        partition=place[1],
        offset=record.offset,
        timestamp=record.ms,
        cause=cause,
        detail=detail[:LONGEST_DETAIL],
        key=record.key,
        value=record.value,
    )
    return Effect(DEAD_LETTERS, sequence, None, encode(letter))
