"""The loaders of the three raw data sets, on a few rows of each."""

import gzip
import hashlib
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forestall.pipeline.sources.datasets import DATASETS, main
from forestall.pipeline.sources.eventfiles import Happened, write_events
from forestall.schemas.event import Event, decode_event

ROOT = Path(__file__).parents[2]
RAW = ROOT / "tests" / "data" / "raw"
SAMPLES = ROOT / "pipeline" / "sources" / "samples"
FILES = {
    "retail": ["retail_2009.csv", "retail_2010.csv"],
    "incidents": ["incidents.csv"],
    "helpdesk": ["helpdesk.csv"],
}
LEAKS = {"closed_code", "resolved_by", "resolved_at", "closed_at", "caused_by", "notify", "knowledge"}


def load(name: str) -> list[Happened]:
    """The events of the rows in tests/data/raw."""
    return list(DATASETS[name]([RAW / file for file in FILES[name]]))


def by_id(name: str) -> dict[str, Happened]:
    """The events by their ids."""
    return {event.id: event for event in load(name)}


def lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of an event file."""
    with gzip.open(path, "rb") as packed:
        return [msgspec.json.decode(line) for line in packed]


@pytest.mark.parametrize("name", DATASETS)
def test_a_raw_file_becomes_the_same_legal_events_every_time(name: str, tmp_path: Path) -> None:
    """Two runs write the same bytes, and each line is an event in order of time."""
    raw = [str(RAW / file) for file in FILES[name]]
    for out in ("one.jsonl.gz", "another.jsonl.gz"):
        assert main([name, *raw, str(tmp_path / out)]) == 0
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "another.jsonl.gz").read_bytes()
    events = [decode_event(msgspec.json.encode(line)) for line in lines(tmp_path / "one.jsonl.gz")]
    assert events == sorted(events, key=lambda event: event.time)
    assert len({event.id for event in events}) == len(events) == len(load(name))


@pytest.mark.parametrize("name", DATASETS)
def test_the_gzip_header_names_neither_file_nor_time(name: str, tmp_path: Path) -> None:
    """Nothing but the events decides the bytes."""
    write_events(tmp_path / "some.gz", name, load(name))
    header = (tmp_path / "some.gz").read_bytes()[:10]
    assert header[3] == 0
    assert header[4:8] == bytes(4)


def test_an_invoice_becomes_one_order_with_its_numbers() -> None:
    """Four lines of bowls and spoons are one order of 60 pieces."""
    order = by_id("retail")["489435"]
    assert (order.type, order.customer, order.subject) == ("order.placed", "13085", "489435")
    assert order.data == {
        "amount": 145.8,
        "quantity": 60,
        "lines": 4,
        "products": 4,
        "new_products": 4,
        "mean_price": 2.62,
        "largest_line": 45.0,
        "largest_quantity": 24,
        "main_product": "22349",
        "country": "United Kingdom",
    }


def test_a_c_invoice_is_a_return_with_positive_numbers() -> None:
    """C489449 sends back 22 pieces worth 62.30."""
    returned = by_id("retail")["C489449"]
    assert returned.type == "order.returned"
    assert (returned.data["amount"], returned.data["quantity"]) == (62.3, 22)


def test_an_invoice_that_two_files_hold_counts_once() -> None:
    """536366 and C536379 stand in both years' files."""
    ids = [event.id for event in load("retail")]
    assert ids == ["489435", "C489449", "522719", "536366", "C536379", "544926"]
    assert by_id("retail")["536366"].data["lines"] == 2


def test_an_invoice_counts_from_its_earliest_line() -> None:
    """522719 was typed in from 12:11 to 12:12."""
    assert by_id("retail")["522719"].at == 1284639060


def test_products_are_new_to_a_customer_once(tmp_path: Path) -> None:
    """An order repeated has no product that is new to the customer."""
    first = (RAW / "retail_2010.csv").read_text()
    (tmp_path / "again.csv").write_text(
        re.sub(r"^544926", "600000", first, flags=re.M).replace("2011-02", "2011-03")
    )
    events = {e.id: e for e in DATASETS["retail"]([RAW / "retail_2010.csv", tmp_path / "again.csv"])}
    assert events["544926"].data["new_products"] == 6
    assert events["600000"].data["new_products"] == 0


def test_an_incident_opens_with_its_first_row_in_time_and_closes_with_every_closed_row() -> None:
    """0000137 is not in order in the raw file; 0103733 was closed, reopened and closed again."""
    types: dict[str, list[str]] = {}
    for event in load("incidents"):
        types.setdefault(event.subject, []).append(event.type.removeprefix("incident."))
    assert types["0000137"] == ["opened", "updated", "updated", "closed"]
    assert by_id("incidents")["0000137-1"].at == 1456739520
    assert types["0103733"] == ["opened", "updated", "closed", "updated", "updated", "updated", "closed"]


def test_damaged_headers_are_read_as_what_they_are() -> None:
    """`ident_state` is the state, and the second `category` the subcategory."""
    data = by_id("incidents")["0000045-1"].data
    assert (data["state"], data["category"], data["subcategory"]) == ("New", "55", "170")


def test_what_leaks_from_an_incidents_end_is_left_out(tmp_path: Path) -> None:
    """Only `made_sla` is kept, which is the answer."""
    write_events(tmp_path / "incidents.gz", "incidents", load("incidents"))
    fields = {field for line in lines(tmp_path / "incidents.gz") for field in line["data"]}
    assert "made_sla" in fields
    assert not fields & LEAKS


def test_what_is_unknown_is_absent_but_an_unknown_caller_is_a_customer(tmp_path: Path) -> None:
    """Incident 0005690 has no caller and no item; 0005103 has no location."""
    write_events(tmp_path / "incidents.gz", "incidents", load("incidents"))
    written = {line["id"]: line for line in lines(tmp_path / "incidents.gz")}
    assert written["0005690-1"]["customer"] == "?"
    assert "item" not in written["0005690-1"]["data"]
    assert "location" not in written["0005103-1"]["data"]


def test_a_ticket_opens_with_its_first_event_whatever_its_activity() -> None:
    """The activities after it name the types."""
    types = [event.type for event in load("helpdesk") if event.subject == "Case 1"]
    assert types == [
        "ticket.opened",
        "ticket.take_in_charge",
        "ticket.take_in_charge",
        "ticket.resolve",
        "ticket.closed",
    ]
    assert by_id("helpdesk")["Case 1-1"].data["activity"] == "assign_seriousness"


def test_the_wrong_raw_file_is_refused_with_the_column_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written then."""
    out = tmp_path / "out.jsonl.gz"
    assert main(["retail", str(RAW / "helpdesk.csv"), str(out)]) == 1
    assert "no column Invoice or InvoiceNo" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("name", DATASETS)
def test_the_shipped_sample_is_the_one_that_its_sources_describe(name: str) -> None:
    """The number of events and the digest of its lines stand in SOURCES.md."""
    with gzip.open(SAMPLES / f"{name}.jsonl.gz", "rb") as packed:
        content = packed.read()
    row = next(
        line for line in (SAMPLES / "SOURCES.md").read_text().splitlines() if line.startswith(f"| {name}.")
    )
    assert hashlib.sha256(content).hexdigest() in row
    assert f"| {content.count(bytes([10])):,} |" in row
    first = content[: content.index(b"\n")]
    assert isinstance(decode_event(first), Event)
