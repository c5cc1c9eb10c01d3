"""Lead times, from an alert to the moment the problem came, in bounded memory."""

from math import ceil, floor, log2

HOUR_MS = 3_600_000
#: Bins an octave: a quantile is at most 1 % off.
FINE = 64
#: What a chart shows: hours up to which each bar reaches, and its words.
BARS = (
    (1.0, "under 1 h"), (6.0, "1–6 h"), (24.0, "6–24 h"), (72.0, "1–3 d"), (168.0, "3–7 d"), (336.0, "1–2 wk"),
    (720.0, "2–4 wk"), (2160.0, "1–3 mo"), (float("inf"), "over 3 mo"),
)  # fmt: skip


class Leads:
    """Counts of lead times, in bins that grow with the time.

    >>> leads = Leads()
    >>> for hours in (1, 2, 2, 9):
    ...     leads.add(hours * HOUR_MS)
    >>> len(leads), round(leads.median_hours())
    (4, 2)
    """

    def __init__(self) -> None:
        self._bins: dict[int, int] = {}
        self._bars = [0] * len(BARS)

    def __len__(self) -> int:
        return sum(self._bars)

    def add(self, ms: int) -> None:
        """Takes one, at least 0."""
        place = floor(log2(max(ms, 1)) * FINE)
        self._bins[place] = self._bins.get(place, 0) + 1
        hours = ms / HOUR_MS
        self._bars[next(n for n, (until, _) in enumerate(BARS) if hours < until)] += 1

    def median_hours(self) -> float | None:
        """The median; None without any."""
        return self.quantile_hours(0.5)

    def quantile_hours(self, share: float) -> float | None:
        """The time that this share of them stays under."""
        left = ceil(len(self) * share)
        for place, count in sorted(self._bins.items()):
            left -= count
            if left <= 0:
                return float(2.0 ** ((place + 0.5) / FINE)) / HOUR_MS
        return None

    def bars(self) -> list[tuple[str, int]]:
        """What a chart shows: words and counts."""
        return [(words, count) for (_, words), count in zip(BARS, self._bars, strict=True)]
