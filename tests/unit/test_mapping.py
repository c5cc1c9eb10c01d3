"""Foreign records become events as their topic's mapping says."""

import json
from typing import Any

import pytest

from forestall.pipeline.core.effects import Record
from forestall.pipeline.errors import ConfigurationError
from forestall.pipeline.sources import mapping as documented
from forestall.pipeline.sources.mapping import Mapping
from forestall.pipeline.sources.mapping_file import read_mappings
from forestall.pipeline.sources.translating import Origin, translate
from forestall.schemas.deadletter import DeadLetter
from forestall.schemas.event import Event

ORIGIN = Origin("shop.orders", "t0", 3)
ORDER = {
    "order_id": 17,
    "kind": "CREATED",
    "placed_at": "2026-03-01T10:00:00+01:00",
    "buyer": {"id": "c-42", "country": "DE"},
    "items": [{"sku": "A", "price": 5}, {"sku": "B", "price": 7}],
}


def mapping(text: str) -> Mapping:
    """One mapping of shop.orders with these lines."""
    return read_mappings(f'[[intake]]\ntopic = "shop.orders"\n{text}')[0]


def of(declared: str, document: Any, *, key: bytes | None = b"k-1", ms: int = 1_772_359_200_000) -> Any:
    """What one record becomes: its events, or its dead letter."""
    value = document if isinstance(document, bytes | None) else json.dumps(document).encode()
    return translate(mapping(declared), ORIGIN, Record(9, ms, key, value))


def only(events: list[Event] | DeadLetter) -> Event:
    """The one event."""
    assert isinstance(events, list), events
    (event,) = events
    return event


BARE = 'type = "order.placed"\ncustomer = "buyer.id"\n'


def test_a_bare_mapping_takes_time_and_id_from_the_records_place() -> None:
    """The id is stable: the same record read again is the same event."""
    event = only(of(BARE, ORDER))
    assert (event.id, event.source) == ("t0/3/9", "kafka/shop.orders")
    assert (event.type, event.customer, event.subject, event.data) == ("order.placed", "c-42", None, None)
    assert event.time.isoformat() == "2026-03-01T10:00:00+00:00"


def test_every_path_is_followed() -> None:
    """Time, subject, id and data come from where the mapping says, whole numbers as text."""
    event = only(
        of(
            BARE + 'time = "placed_at"\nsubject = "order_id"\nid = "order_id"\nsource = "shop"\n'
            'data = { country = "buyer.country", first = "items.0.sku", nothing = "no.such" }',
            ORDER,
        )
    )
    assert (event.id, event.subject, event.source) == ("17", "17", "shop")
    assert event.time.isoformat() == "2026-03-01T09:00:00+00:00"
    assert event.data == {"country": "DE", "first": "A"}


def test_each_row_becomes_an_event_with_an_id_of_its_own() -> None:
    """Rows are numbered behind the record's id, and may take fields of the record."""
    events = of(
        BARE + 'rows = "items"\nid = "order_id"\ndata = { sku = "row.sku", order = "order_id" }', ORDER
    )
    assert [event.id for event in events] == ["17/0", "17/1"]
    assert [event.data for event in events] == [{"sku": "A", "order": 17}, {"sku": "B", "order": 17}]
    assert [event.id for event in of(BARE + 'rows = "items"\nid = "row.sku"', ORDER)] == ["A", "B"]
    assert [event.id for event in of(BARE + 'rows = "items"\ndata = "row"', ORDER)] == [
        "t0/3/9/0",
        "t0/3/9/1",
    ]
    assert of(BARE + 'rows = "items"', {**ORDER, "items": []}) == []


def test_the_customer_may_be_the_records_key() -> None:
    """@key reads it as text."""
    assert only(of('type = "a.b"\ncustomer = "@key"\ndata = "."', {"x": 1}, key="ü".encode())).customer == "ü"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ('time_format = "epoch_s"', 1_772_359_200),
        ('time_format = "epoch_s"', "1772359200.0"),
        ('time_format = "epoch_ms"', 1_772_359_200_000),
        ('time_format = "%d.%m.%Y %H:%M"\ntime_zone = "Europe/Berlin"', "01.03.2026 11:00"),
        ('time_format = "%d.%m.%Y %H:%M %z"', "01.03.2026 05:00 -0500"),
        ('time_zone = "Europe/Berlin"', "2026-03-01T11:00:00"),
        ("", "2026-03-01T10:00:00Z"),
    ],
)
def test_times_are_read_as_declared(lines: str, found: object) -> None:
    """Seven ways to write the same moment."""
    event = only(of(f'type = "a.b"\ncustomer = "c"\ntime = "t"\n{lines}', {"c": "c-1", "t": found}))
    assert event.time.isoformat() == "2026-03-01T10:00:00+00:00"


def test_types_are_taken_from_the_record_through_names() -> None:
    """With names only what they name is an event; without, whatever stands there."""
    named = 'customer = "buyer.id"\ntype = { path = "kind", names = { CREATED = "order.placed" } }'
    assert only(of(named, ORDER)).type == "order.placed"
    assert of(named, {**ORDER, "kind": "LOST"}).cause == "unmapped"
    assert only(of('customer = "buyer.id"\ntype = { path = "kind" }', ORDER)).type == "CREATED"


DEEP = b"[" * 101 + b"]" * 101


@pytest.mark.parametrize(
    ("document", "cause", "detail"),
    [
        (None, "wrong_shape", "no value"),
        (b"", "not_json", "truncated"),
        (b'{"c": "c-1"', "not_json", "truncated"),
        (b'{"c": "\xff"}', "not_json", "utf-8"),
        (b'{"c": NaN}', "not_json", "malformed"),
        ('{"c": "ä"}'.encode("utf-16"), "not_json", "malformed"),
        (b'{"c": "c-1", "x": 1e999}', "wrong_shape", "out of range"),
        (b'{"c": "c-1", "x": %s}' % DEEP, "too_deep", "too deeply"),
        ([], "wrong_shape", "type: nothing stands at type"),
        ({}, "no_customer", "nothing stands at c"),
        ({"c": ""}, "no_customer", "nothing stands at c"),
        ({"c": True}, "no_customer", "true or false"),
        ({"c": 1.5}, "no_customer", "a number, neither"),
        ({"c": {"id": 1}}, "no_customer", "an object"),
        ({"c": "x" * 513}, "no_customer", "longer than 512"),
        ({"c": "c-1", "s": []}, "wrong_shape", "subject: s is an array"),
        ({"c": "c-1", "t": "yesterday"}, "wrong_shape", "time: t cannot be read"),
        ({"c": "c-1", "t": -1e300}, "wrong_shape", "time: t cannot be read"),
        ({"c": "c-1", "t": True}, "wrong_shape", "time: t cannot be read"),
        ({"c": "c-1", "t": "1969-12-31T23:59:59Z"}, "wrong_shape", "before 1970"),
        ({"c": "c-1", "t": "2026-03-01T10:00:00Z", "type": "forestall.tick"}, "reserved_type", "forestall."),
        ({"c": "c-1", "t": "2026-03-01T10:00:00Z", "d": [1]}, "wrong_shape", "data: d is an array"),
        ({"c": "c-1", "t": "2026-03-01T10:00:00Z", "d": {"x": "y" * 600_000}}, "too_large", "at most"),
    ],
)
def test_what_cannot_be_mapped_is_a_dead_letter_that_keeps_it_whole(
    document: object, cause: str, detail: str
) -> None:
    """The cause is one of the fixed set, the detail says where, and key and value are the bytes that came."""
    declared = 'type = { path = "type" }\ncustomer = "c"\ntime = "t"\nsubject = "s"\ndata = "d"'
    whole = {"type": "a.b", "t": "2026-03-01T10:00:00Z"}
    value = {**whole, **document} if isinstance(document, dict) else document
    letter = of(declared, value)
    assert isinstance(letter, DeadLetter)
    assert letter.cause == cause
    assert detail in letter.detail
    kept = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    assert (letter.key, letter.value) == (b"k-1", kept)
    assert (letter.topic, letter.partition, letter.offset, letter.sequence) == ("shop.orders", 3, 9, 0)


def test_one_bad_row_refuses_the_whole_record() -> None:
    """Mended and replayed, the good rows have the ids that they would have had."""
    bad = {**ORDER, "items": [{"c": "c-1"}, {"c": None}]}
    assert of('type = "a.b"\ncustomer = "row.c"\nrows = "items"', bad).cause == "no_customer"


SEVEN_MISTAKES = """
[[intake]]
topic = "shop orders"
type = "forestall.tick"
costumer = "buyer.id"
time = "placed_at"
time_format = "iso"
time_zone = "Mars/Olympus"

[[intake]]
topic = "shop.carts"
type = { way = "kind" }
customer = "buyer..id"
"""


def test_every_mistake_is_told_at_once_with_its_place_and_remedy() -> None:
    """Eight mistakes in two tables are eight lines."""
    with pytest.raises(ConfigurationError) as caught:
        read_mappings(SEVEN_MISTAKES, "intake.toml")
    for place, words in (
        ("intake.toml:2: intake.topic", "is not a topic's name; use letters"),
        ("intake.toml:2: intake.type", "Forestall's own; name a type of your events"),
        ("intake.toml:2: intake.costumer", "is not known; did you mean customer?"),
        ("intake.toml:2: intake.customer", 'is missing; add customer = "path.to.customer"'),
        ("intake.toml:2: intake.time_format", "is no format; write rfc3339"),
        ("intake.toml:2: intake.time_zone", "is no time zone; write one such as"),
        ("intake.toml:10: intake.type", "a table has path"),
        ("intake.toml:10: intake.customer", "is not a path; write names"),
    ):
        assert any(line.startswith(place) and words in line for line in caught.value.mistakes), (place, words)
    assert len(caught.value.mistakes) == 8


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no topic is mapped; add [[intake]]"),
        ("intake = 3", "is not an array of tables"),
        ("[[intake]]\ntopic = ", "TOML"),
        ("[[intakes]]\na = 1", "is not known here; write [[intake]]"),
        ('[[intake]]\ntopic = "a"\ntype = "b"\ncustomer = "c"\n' * 2, "mapped 2 times"),
        ('[[intake]]\ntopic = "a"\ntype = "b"\ncustomer = "c"\ntime_zone = "UTC"', "add time ="),
        ('[[intake]]\ntopic = "a"\ntype = "b"\ncustomer = "c"\nrows = "@key"', "write the path of an array"),
        ('[[intake]]\ntopic = "a"\ntype = "b"\ncustomer = 5', "write one in quotes"),
    ],
)
def test_mistakes_of_the_whole_file_are_told(text: str, words: str) -> None:
    """What is no mapping at all is said in one line with the remedy."""
    with pytest.raises(ConfigurationError) as caught:
        read_mappings(text)
    assert any(words in line for line in caught.value.mistakes), caught.value.mistakes


def test_the_documented_example_is_a_mapping() -> None:
    """What the module shows can be written as it stands."""
    block = (documented.__doc__ or "").split("\n\n")[1]
    example = read_mappings("\n".join(line[4:] for line in block.splitlines()))[0]
    assert (example.topic, str(example.customer), str(example.rows)) == ("shop.orders", "buyer.id", "items")
    assert isinstance(example.data, dict)
    assert str(example.data["sku"]) == "row.sku"
