"""Twins of Redis without one of the safeguards that exactly once rests on, or of the queue's rules."""

import msgspec

from forestall.pipeline.store.values import Commit
from forestall.schemas.alert import decode_alert
from tests.simulation.invariants import ENDS
from tests.simulation.queue_twin import MemoryQueue
from tests.simulation.redis import FencedStore

changed = msgspec.structs.replace


class Unfenced(FencedStore):
    """Takes commits of whoever comes."""

    async def land(self, commit: Commit) -> None:
        await super().land(changed(commit, epoch=self._held.epoch or ""))


class Uncompared(FencedStore):
    """Takes commits wherever they start."""

    async def land(self, commit: Commit) -> None:
        held = self._held
        await super().land(changed(commit, start=held.position, expected_commit=held.commit))


class Unguarded(Uncompared):
    """Takes commits of whoever comes, wherever they start."""

    async def land(self, commit: Commit) -> None:
        await super().land(changed(commit, epoch=self._held.epoch or ""))


class Unmarked(MemoryQueue):
    """Takes what it has taken before."""

    def takes(self, sequence: int, mark: int) -> bool:
        return True


class Endless(MemoryQueue):
    """Leaves the action of an alert that is over where it is."""

    def _take(self, record: bytes) -> None:
        if decode_alert(record).state not in ENDS:
            super()._take(record)


class Forgetful(Unmarked):
    """Takes an alert that it has taken before as a new one."""

    def _take(self, record: bytes) -> None:
        alert = decode_alert(record)
        if alert.state == "raised":
            self.work.pop(alert.id, None)
        super()._take(record)
