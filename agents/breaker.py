"""The breaker: too much input that cannot be processed stops the worker, before a broken producer fills the
dead letters with what was meant to be processed."""

from collections import deque

from forestall.pipeline.errors import BreakerOpen


class Breaker:
    """Counts records, processed and dead-lettered, in the order of their commits.

    Opens when more than `share` of the last `window` records are dead letters, or `in_a_row` in a row.
    """

    def __init__(
        self, *, share: float = 0.01, window: int = 10_000, in_a_row: int = 100, on: bool = True
    ) -> None:
        self._on = on
        self._allowed = share * window
        self._window = window
        self._in_a_row = in_a_row
        self._seen = 0
        self._row = 0
        self._dead: deque[int] = deque()

    def saw(self, processed: int) -> None:
        """So many records were processed."""
        self._seen += processed
        self._row = 0 if processed else self._row

    def saw_dead(self, detail: str) -> None:
        """One record became a dead letter, for the reason `detail`. Raises BreakerOpen."""
        self._seen += 1
        self._row += 1
        self._dead.append(self._seen)
        while self._dead[0] <= self._seen - self._window:
            self._dead.popleft()
        if not self._on:
            return
        if self._row >= self._in_a_row:
            raise self._open(f"{self._row} records in a row", detail)
        if len(self._dead) > self._allowed:
            raise self._open(f"{len(self._dead)} of the last {min(self._seen, self._window)} records", detail)

    def _open(self, what: str, detail: str) -> BreakerOpen:
        return BreakerOpen(
            f"{what} could not be processed; the last one: {detail}. They are kept whole in the dead letters "
            "(`forestall deadletters list`). Mend their producer and start the worker again; then "
            "`forestall deadletters replay`. To go on regardless: `forestall worker --breaker off`"
        )
