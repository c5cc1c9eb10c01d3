"""What both processors' cores have in common; the machinery in `agents` knows only this."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from forestall.pipeline.core.effects import Changes, Progress, Record
from forestall.pipeline.core.head import Written


class Core(Protocol):
    """A pure, deterministic processor over one partition of one log.

    The edge calls `run`; where documents are missing it loads and admits them and runs on; then it commits
    `take_changes()` and says `committed()`. A refused commit or an exception: `forget()`, then run again from
    the committed state.
    """

    processor: str
    partition: int

    def run(self, records: Sequence[Record], start: int, budget: int) -> Progress:
        """Applies records[start:], at most `budget` changed customers and due times."""

    def admit(self, documents: Mapping[str, bytes | None]) -> None:
        """Takes loaded documents; None says that there is none."""

    def admit_due(self, window: Sequence[tuple[int, str]], complete: bool) -> None:
        """Takes the next due times in (ms, key) order from the smallest; `complete`: these are all there are."""

    def take_changes(self) -> Changes:
        """The changes since the last commit; they stay pending until `committed` or `forget`."""

    def committed(self, cache_limit: int) -> None:
        """The pending changes are durable. Evicts the least recently used documents above `cache_limit`."""

    def forget(self) -> None:
        """Drops every document and pending change; the next run loads anew."""

    def reject(self, record: Record, topic: str, detail: str) -> None:
        """Dead-letters a record on which the core itself raised."""

    def next_due(self) -> int | None:
        """The earliest known due time in epoch ms, for ticks; None if nothing is due or nothing is known yet."""

    def cached(self) -> int:
        """How many documents are in memory."""

    def event_types(self) -> Collection[str]:
        """The event types that the configuration names, for the labels of metrics."""

    def configured(self) -> int | None:
        """The version of the configuration in force; -1: none yet; None: this processor keeps none."""

    def outdated(self) -> Written | None:
        """The core of an earlier version that left this state; None where it is this core's, or has become so."""

    def watermark(self) -> int:
        """The partition's watermark, epoch ms of event time; 0 before the first event."""

    def behind(self) -> int | None:
        """By how many ms what moved the watermark last was dated before its broker took it; None: nothing has, or this
        processor is not told."""
