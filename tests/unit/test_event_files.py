"""Files of events, line by line: whatever stands in them."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forestall.pipeline.errors import ConfigurationError
from forestall.pipeline.sources.event_file import EventFile, Line
from forestall.pipeline.sources.event_line import NO_CUSTOMER, read_line
from forestall.schemas.event import decode_event

EVENT = (
    b'{"specversion":"1.0","id":"1","source":"s","type":"t","time":"1970-01-01T00:00:02Z","customer":"c-1"}'
)


def lines_of(file: Path, limit: int = 1_000) -> list[Line]:
    """All lines of a file."""
    with EventFile(file, limit) as lines:
        return list(lines)


def test_lines_are_read_as_they_are_and_blank_ones_skipped(tmp_path: Path) -> None:
    """Numbers count every line; the last one needs no newline; bytes are not touched."""
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"one\r\n\n  \n\xff\xfe\nlast")
    assert lines_of(file) == [Line(1, b"one"), Line(4, b"\xff\xfe"), Line(5, b"last")]


def test_a_line_above_the_limit_is_named_and_the_next_one_read(tmp_path: Path) -> None:
    """A huge line neither fills the memory nor hides what follows."""
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"x" * 10 + b"\n" + b"x" * 11 + b"\n" + b"x" * 1_000 + b"\nafter\n" + b"x" * 50)
    assert lines_of(file, limit=10) == [
        Line(1, b"x" * 10),
        Line(2, None),
        Line(3, None),
        Line(4, b"after"),
        Line(5, None),
    ]


def test_a_gzipped_file_reads_the_same_and_knows_how_far_it_is(tmp_path: Path) -> None:
    """The fraction goes by the bytes of the file on disk and ends at one."""
    file = tmp_path / "events.jsonl.gz"
    file.write_bytes(gzip.compress(b"one\ntwo\n"))
    with EventFile(file, 100) as lines:
        assert lines.fraction == 0.0
        assert [line.text for line in lines] == [b"one", b"two"]
        assert lines.fraction == 1.0


def test_a_broken_gzip_file_is_told_with_the_line(tmp_path: Path) -> None:
    """A file that was cut off says after which line, and what to do."""
    whole = gzip.compress(b"".join(b"%d\n" % number for number in range(20_000)))
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigurationError, match=r"broken gzip after line \d{3,}.*copy it again"):
        lines_of(file)
    (tmp_path / "plain.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(ConfigurationError, match=r"broken gzip after line 0"):
        lines_of(tmp_path / "plain.jsonl.gz")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """The error names the file and the remedy."""
    with pytest.raises(ConfigurationError, match=r"none.jsonl: cannot be read .*; name a file of events"):
        lines_of(tmp_path / "none.jsonl")


def test_an_event_gives_its_customer_and_time() -> None:
    """What the journal takes is keyed by customer and dated."""
    assert read_line(EVENT) == (b"c-1", 2_000, True, decode_event(EVENT))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (b"not json", NO_CUSTOMER),
        (b'{"customer":"c-9","time":"yesterday"}', b"c-9"),
        (b'{"customer":7}', NO_CUSTOMER),
        (b'{"customer":"c-9"', NO_CUSTOMER),
        (b"\xff\xfe\x00", NO_CUSTOMER),
        (b"[" * 100_000, NO_CUSTOMER),
        (EVENT.replace(b"c-1", b"\xff"), NO_CUSTOMER),
    ],
)
def test_what_is_no_event_keeps_the_customer_where_one_is_named(text: bytes, key: bytes) -> None:
    """A malformed line goes to its customer's partition, so that it is dead-lettered in order."""
    assert read_line(text) == (key, None, False, None)


def test_an_event_of_our_own_in_a_file_is_not_taken_for_a_customers() -> None:
    """A file cannot tick or configure: its lines always have a key, our own records never."""
    read = read_line(
        EVENT.replace(b'"type":"t"', b'"type":"forestall.tick"').replace(b',"customer":"c-1"', b"")
    )
    assert (read.key, read.ms, read.well_formed) == (NO_CUSTOMER, 2_000, False)
    assert read.key is not None


@given(st.binary(max_size=300))
def test_no_bytes_make_reading_a_line_raise(text: bytes) -> None:
    """Whatever stands in a line, the replay goes on."""
    assert not read_line(text).well_formed
