"""What a partition's store does; the one in Redis and its twin in memory pass the same tests."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from forestall.pipeline.store.values import Commit, Held, Origin, OutboxRecord, Reading, StoredState


class Store(Protocol):
    """State, position, due times and outbox of one partition of one processor."""

    async def acquire(self, token: str) -> Held:
        """Takes the partition for the assignment `token` (unique); all others' commits now fail."""

    async def held(self) -> Held:
        """Where the partition stands."""

    async def load(self, keys: Sequence[str], at: str | None = None) -> dict[str, bytes | None]:
        """The documents of `keys`; None where there is none.

        `at` is the commit of which they must be ("": of a new state). Raises StalePosition where the state stands
        elsewhere: what is of two states must not meet in one commit, though the store may fall back to where it fits.
        """

    async def due(self, limit: int, at: str | None = None) -> tuple[list[tuple[int, str]], bool]:
        """The smallest (epoch ms, key), at most `limit`, in order; and whether these are all there are.

        `at` as in `load`.
        """

    async def commit(self, commit: Commit) -> None:
        """Writes all of `commit` or nothing. Once landed, the same commit again is a success without effect.

        Raises StaleEpoch (another assignment holds the partition), StalePosition (the state does not stand
        where the commit starts) or SequenceGap (an effect is not numbered last + 1).
        """

    async def destinations(self) -> list[str]:
        """Every destination that ever had an effect, sorted."""

    async def outbox(self, destination: str, after: int, limit: int) -> list[OutboxRecord]:
        """At most `limit` records numbered above `after`, in order."""

    async def outbox_length(self, destination: str) -> int:
        """How many records wait to be trimmed."""

    async def trim(self, destination: str, through: int, holders: Sequence[str] = ()) -> None:
        """Drops the records numbered up to `through`, and records with them that `holders` hold these."""

    async def sent(self) -> dict[str, int]:
        """By destination, the last sequence recorded as held there."""

    async def record_sent(self, marks: Mapping[str, int]) -> None:
        """Records up to which number each destination holds everything; a lower one changes nothing."""

    async def origin(self) -> Origin | None:
        """Where a newer core has taken the state over, the last time."""

    async def record_origin(self, epoch: str, origin: Origin) -> None:
        """Records that; raises StaleEpoch, or StalePosition where the state no longer stands there."""

    async def read(self) -> Reading:
        """The whole partition at one moment, while others commit; a large one takes its memory twice for a while."""

    async def dump(self) -> StoredState:
        """The state alone of `read`."""
