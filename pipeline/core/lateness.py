"""What late answers have been, and how a question is learned whose answer is late."""

from collections.abc import Iterator

import msgspec

#: Forgetting of what late answers have been, and how many must be in to believe half of it.
STEP = 1.0 / 500.0
PRIOR = 100.0


class Lateness(msgspec.Struct, array_like=True):
    """How many answers have come late, and the share of yes among them of late."""

    late: int = 0
    rate: float = 0.5

    def add(self, y: bool) -> None:
        """One more late answer."""
        self.late += 1
        self.rate += max(1.0 / (self.late + 2.0), STEP) * (y - self.rate)

    def labels(self, weight: float) -> Iterator[tuple[float, float]]:
        """The answers to learn in place of one that is late, each with its weight; none before any has come."""
        if self.late:
            believed = weight * self.late / (self.late + PRIOR)
            yield 1.0, believed * self.rate
            yield 0.0, believed * (1.0 - self.rate)
