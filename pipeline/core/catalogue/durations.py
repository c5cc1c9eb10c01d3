"""Durations as catalogues write them: "30d", "24h", "15m", "90s", and sums such as "1d12h"."""

import re

from forestall.pipeline.errors import ConfigurationError

UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}

_DURATION = re.compile("".join(f"(?:([0-9]{{1,9}}){unit})?" for unit in UNITS))
_HOW = 'write days, hours, minutes, seconds in this order, such as "30d", "1d12h" or "90s"'


def milliseconds(text: str) -> int:
    """The duration in milliseconds. Raises ConfigurationError if `text` is no duration.

    >>> milliseconds("1d12h")
    129600000
    """
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ConfigurationError([f"{text[:40]!r} is not a duration; {_HOW}"])
    return sum(int(count or 0) * unit for count, unit in zip(match.groups(), UNITS.values(), strict=True))


def duration(ms: int) -> str:
    """The shortest text for whole seconds of `ms` (at least 0), so that `milliseconds(duration(ms)) == ms`.

    >>> duration(129_600_000)
    '1d12h'
    """
    parts = []
    for unit, size in UNITS.items():
        count, ms = divmod(ms, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
