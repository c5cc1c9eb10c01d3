"""A topic of another system that the intake takes in, and what of it must be in the journal then."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from forestall.agents.chunk import Place
from forestall.agents.intake import ForeignTopic
from forestall.pipeline.core.customer import SEEN_LIMIT
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.taking_in import stamp
from forestall.pipeline.sources.mapping_file import read_mappings
from forestall.pipeline.sources.translating import Origin, translate
from forestall.schemas.deadletter import DeadLetter
from forestall.schemas.event import encode
from tests.simulation.producer import partition_of

#: A customer is always in one of its partitions.
SHOP, SHOP_PARTITIONS = "shop", 2
FOREIGN = ForeignTopic(
    read_mappings(
        f"""
[[intake]]
topic = "{SHOP}"
source = "shop"
type = {{ path = "row.kind" }}
customer = "who"
time = "row.at"
time_format = "epoch_ms"
subject = "row.order"
rows = "rows"
data = "row.data"
"""
    )[0],
    "t0",
)

Violated = Callable[[str, str], None]


class _Identity(msgspec.Struct):
    id: str
    source: str
    type: str
    customer: str = ""
    forestalltaken: str | None = None


_identity = msgspec.json.Decoder(_Identity).decode


def check_intake(
    committed: Mapping[Place, Sequence[Record]],
    journal: Sequence[Place],
    letters: Sequence[Place],
    violated: Violated,
) -> tuple[int, int]:
    """Every event of the foreign topic came into the journal, first in its partition's order; what is broken into
    the dead letters. Returns how many there are, and how often one came again."""
    kept = {record.value for place in letters for record in committed[place]}
    events = again = 0
    for number in range(SHOP_PARTITIONS):
        lanes: defaultdict[Place, list[bytes]] = defaultdict(list)
        for record in committed[SHOP, number]:
            found = translate(FOREIGN.mapping, Origin(SHOP, FOREIGN.topic_id, number), record)
            if isinstance(found, DeadLetter):
                if encode(found) not in kept:
                    violated("taken in", f"{SHOP}/{number}: the broken record {record.offset} is nowhere")
                continue
            for row, event in enumerate(found):
                key = (event.customer or "").encode()
                place = journal[partition_of(key, len(journal))]
                taken = stamp(place, FOREIGN.topic_id, number, record.offset, row)
                lanes[place].append(encode(msgspec.structs.replace(event, forestalltaken=taken)))
        for place, expected in lanes.items():
            wanted = frozenset(expected)
            came = [record.value for record in committed[place] if record.value in wanted]
            events, again = events + len(expected), again + len(came) - len(expected)
            if list(dict.fromkeys(came)) != expected:
                violated(
                    "taken in", f"{place}: lacks events of {SHOP}/{number}, or has them in another order"
                )
    return events, again


def without_retakes(records: Sequence[Record]) -> list[Record]:
    """The journal's records without the events that were taken in again, however long after."""
    found: list[Record] = []
    stamps: set[str] = set()
    for record in records:
        if record.value and b'"forestalltaken"' in record.value:
            stamped = _identity(record.value).forestalltaken or ""
            if stamped in stamps:
                continue
            stamps.add(stamped)
        found.append(record)
    return found


def without_repeats(records: Sequence[Record]) -> Iterator[Record]:
    """The journal's records without what comes again while it is surely remembered of its customer."""
    latest: defaultdict[str, deque[tuple[str, str]]] = defaultdict(lambda: deque(maxlen=SEEN_LIMIT))
    ever: set[tuple[str, str]] = set()
    for record in records:
        try:
            event = _identity(record.value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            yield record
            continue
        identity, seen = (event.source, event.id), latest[event.customer]
        if event.customer and identity in seen:
            continue
        seen.append(
            ("", "") if identity in ever else identity
        )  # one that was forgotten, or was not: unknown here
        ever.add(identity)
        yield record


def erased(records: Sequence[Record]) -> frozenset[str]:
    """The documents of customers who were erased on the way."""
    return _customers(records, b'"forestall.erasure"')


def consenting(records: Sequence[Record]) -> frozenset[str]:
    """The documents of customers who consented on the way."""
    return _customers(records, b'"granted":true')


def _customers(records: Sequence[Record], mark: bytes) -> frozenset[str]:
    marked = [_identity(one.value) for one in records if one.value and mark in one.value]
    return frozenset(f"c/{one.customer}" for one in marked)
