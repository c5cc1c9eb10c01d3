"""Whatever a foreign topic holds, translation ends in events that the journal takes, or in a dead letter."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from forestall.pipeline.core.depth import nests_deeper
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.journal import CustomerEvent, read_record
from forestall.pipeline.sources.mapping import Mapping
from forestall.pipeline.sources.mapping_file import read_mappings
from forestall.pipeline.sources.translating import Origin, translate
from forestall.schemas.deadletter import DeadLetter
from forestall.schemas.event import encode

MAPPINGS = read_mappings(
    """
[[intake]]
topic = "plain"
type = "order.placed"
customer = "@key"
data = "."

[[intake]]
topic = "paths"
type = { path = "type" }
customer = "customer.id"
time = "time"
subject = "subject"
id = "id"
data = { a = "data.a", b = "data.b.0", whole = "data" }

[[intake]]
topic = "rows"
type = { path = "row.type", names = { A = "a.a", B = "b.b" } }
customer = "row.customer"
time = "row.time"
time_format = "epoch_ms"
id = "id"
rows = "rows"
data = "row.data"

[[intake]]
topic = "strptime"
type = "a.b"
customer = "customer"
time = "time"
time_format = "%Y-%m-%d %H:%M"
time_zone = "Europe/Berlin"
"""
)
ORIGIN = Origin("foreign", "t0", 0)
FIELDS = ("type", "customer", "id", "time", "subject", "data", "rows", "a", "b")
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
    | st.sampled_from(["A", "B", "forestall.tick", "2026-03-01 10:00", "x" * 600, "\ud800", ""])
)
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=6)
    ),
    max_leaves=25,
)
NAMES = st.text(min_size=1, max_size=20) | st.integers()
TIMES = st.integers(-(10**9), 2 * 10**9).map(lambda second: datetime.fromtimestamp(second, UTC).isoformat())
DATA = st.dictionaries(st.sampled_from(FIELDS), DOCUMENTS, max_size=4)


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What the mapping wants, and now and then anything."""
    return st.integers(0, 59).flatmap(lambda draw: SCALARS if draw == 0 else good)


def shaped(
    customer: st.SearchStrategy[Any], time: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    """A document with every field where the mappings look for it."""
    fields = {"type": st.sampled_from("AB"), "customer": customer, "time": time, "data": DATA}
    fields |= {"id": NAMES, "subject": NAMES}
    return st.fixed_dictionaries({name: mostly(found) for name, found in fields.items()})


#: For each mapping, documents as it expects them.
SHAPED = (
    DATA,
    shaped(st.fixed_dictionaries({"id": NAMES}), TIMES),
    st.fixed_dictionaries(
        {"id": NAMES, "rows": st.lists(shaped(NAMES, st.integers(-1000, 10**13)), max_size=3)}
    ),
    shaped(NAMES, st.just("2026-03-01 10:00")),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Mapping, Record]:
    """A mapping and a record: mostly of the shape that it expects, sometimes any document, rarely any bytes."""
    mapping, expected = draw(st.sampled_from(list(zip(MAPPINGS, SHAPED, strict=True))))
    documents = DOCUMENTS if draw(st.integers(0, 9)) == 0 else expected
    value: st.SearchStrategy[bytes | None] = documents.map(lambda found: json.dumps(found).encode())
    key: st.SearchStrategy[bytes | None] = st.text(min_size=1, max_size=20).map(
        lambda text: text.encode(errors="replace")
    )
    if draw(st.integers(0, 9)) == 0:
        key, value = st.none() | st.binary(max_size=20), st.none() | st.binary(max_size=60)
    ms = st.integers(-1, 2**63 - 1) if draw(st.integers(0, 9)) == 0 else st.integers(0, 10**13)
    return mapping, Record(draw(st.integers(0, 2**63 - 1)), draw(ms), draw(key), draw(value))


@given(cases())
def test_any_bytes_become_events_that_the_journal_takes_or_a_dead_letter(
    case: tuple[Mapping, Record],
) -> None:
    """No exception; a dead letter has the bytes whole; an event is read back as it was."""
    mapping, record = case
    found = translate(mapping, ORIGIN, record)
    if isinstance(found, DeadLetter):
        assert (found.key, found.value, found.timestamp) == (record.key, record.value, record.ms)
        return
    for event in found:
        key = (event.customer or "").encode()
        # The journal stamps it when it comes; only an event of the future can be refused there, by its date.
        journal = read_record(Record(0, int(event.time.timestamp() * 1000) + 1, key, encode(event)))
        assert isinstance(journal, CustomerEvent), journal
        assert journal.event == event


@given(cases())
def test_the_same_record_gives_the_same_events_with_ids_of_their_own(case: tuple[Mapping, Record]) -> None:
    """Read again after a crash it gives the same ids, and no two events of a record share one."""
    mapping, record = case
    found = translate(mapping, ORIGIN, record)
    assert found == translate(mapping, ORIGIN, record)
    if isinstance(found, list):
        assert len({event.id for event in found}) == len(found)


@given(DOCUMENTS, st.integers(0, 6))
def test_depth_is_what_counting_says(document: Any, levels: int) -> None:
    """The scan agrees with a walk over the decoded document."""

    def depth(found: Any) -> int:
        if isinstance(found, dict):
            found = list(found.values())
        return 1 + max(map(depth, found), default=0) if isinstance(found, list) else 0

    assert nests_deeper(json.dumps(document).encode(), levels) == (depth(document) > levels)


@given(st.binary(max_size=40))
def test_depth_of_any_bytes_is_an_answer(text: bytes) -> None:
    """What is not JSON at all is shallow or deep, never an exception."""
    assert nests_deeper(text, 3) in {True, False}
