"""Events taken in from another system's topic count once, however often and however late they are taken in again.

Whoever takes a partition in sends its records in order, each batch after the acknowledgement of the one before, and
begins where all that lies before has been acknowledged to somebody. So once a record is in a partition of the journal,
all before it that belong there are, and a mark of the last one tells what comes again.
"""

import msgspec

from forestall.pipeline.core.head import Head

Place = tuple[str, int]
#: The attribute of an event that has its stamp.
STAMP = "forestalltaken"
#: A record has fewer rows than this, so that a record's offset and a row's number make one number.
MOST_ROWS = 1 << 20
#: Bytes that a stamp adds to an event, at most: a topic's name has up to 249 characters.
STAMP_BYTES = 400


def stamp(place: Place, topic_id: str, partition: int, offset: int, row: int) -> str:
    """What an event carries with it: the journal's partition for which it is meant, and where it stood.

    It is told for whom it is meant because only there it stands in order: an exported event that is sent to another
    journal is an event like any other.
    """
    topic, number = place
    return f"{topic}/{number} {topic_id}/{partition} {offset} {row}"


def came_before(head: Head, place: Place, stamped: str) -> bool:
    """Whether an event with this stamp, or one behind it, was here before; if not, it is marked."""
    parts = stamped.split(" ")
    if len(parts) != 4 or parts[0] != f"{place[0]}/{place[1]}":
        return False
    sender = f"intake/{parts[1]}"
    try:
        number = int(parts[2]) * MOST_ROWS + int(parts[3]) + 1
    except ValueError:  # not one of ours
        return False
    if number <= head.marks.get(sender, 0):
        return True
    head.marks[sender] = number
    return False


def without_stamp(value: bytes) -> bytes:
    """The event as its source might send it, all else byte for byte: what is mended by hand comes out of order."""
    try:
        event = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return value
    return value if event.pop(STAMP, None) is None else msgspec.json.encode(event)


_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
