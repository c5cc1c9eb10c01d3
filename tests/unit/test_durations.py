"""Durations as catalogues write them."""

import pytest

from forestall.pipeline.core.catalogue.durations import duration, milliseconds
from forestall.pipeline.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("30d", 2_592_000_000),
        ("24h", 86_400_000),
        ("15m", 900_000),
        ("90s", 90_000),
        ("0d", 0),
        ("1d12h", 129_600_000),
        ("1d2h3m4s", 93_784_000),
    ],
)
def test_durations_are_read(text: str, ms: int) -> None:
    """Each unit, and sums of them, in milliseconds."""
    assert milliseconds(text) == ms


@pytest.mark.parametrize(
    "text", ["", "30", "d", "-1d", "1.5d", "1 d", "12h1d", "1d1d", "1w", "30D", "1d ", "٣d"]
)
def test_anything_else_is_refused(text: str) -> None:
    """What is no duration is shown, with how to write one."""
    with pytest.raises(ConfigurationError, match=r"is not a duration; write .*30d"):
        milliseconds(text)


@pytest.mark.parametrize("text", ["30d", "1d12h", "1m30s", "0s"])
def test_durations_are_written_as_they_are_read(text: str) -> None:
    """The text of a duration, where it is the shortest, comes back."""
    assert duration(milliseconds(text)) == text
