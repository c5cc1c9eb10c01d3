"""What was committed to an outbox a moment ago, so that its lane need not ask the store for what we wrote there."""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from forestall.pipeline.store.values import OutboxRecord


class Fresh:
    """The last records committed, in sequence, at most `most`: a lane that is further behind asks the store."""

    def __init__(self, most: int) -> None:
        self._records: deque[OutboxRecord] = deque(maxlen=most)

    def add(self, records: Sequence[OutboxRecord]) -> None:
        """Records that were committed now. Those of a store that fell back follow on nothing that we hold."""
        if self._records and records[0].sequence != self._records[-1].sequence + 1:
            self._records.clear()
        self._records.extend(records)

    def after(self, sequence: int, limit: int) -> list[OutboxRecord]:
        """At most so many that follow on that number; nothing where we do not hold the next. What lies before it is let
        go."""
        while self._records and self._records[0].sequence <= sequence:
            self._records.popleft()
        if not self._records or self._records[0].sequence != sequence + 1:
            return []
        return list(islice(self._records, limit))
