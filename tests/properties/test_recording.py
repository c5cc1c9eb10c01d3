"""A recording gives back what was put in, whatever it is."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from forestall.pipeline.core.effects import Record
from forestall.pipeline.sources.recording import read_records, write_records

RECORDS = st.builds(
    Record,
    offset=st.integers(0, 2**62),
    ms=st.integers(-1, 2**62),
    key=st.none() | st.binary(max_size=20),
    value=st.none() | st.binary(max_size=200),
)


@given(st.lists(RECORDS, max_size=20))
def test_what_is_read_is_what_was_written(records: list[Record]) -> None:
    """Offsets, times, absent and empty keys and values, in order; and the same bytes every time."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "first", Path(folder) / "second"
        assert write_records(first, iter(records)) == write_records(second, records) == len(records)
        assert list(read_records(first)) == records
        assert first.read_bytes() == second.read_bytes()
