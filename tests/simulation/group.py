"""A simulated consumer group: members come, go silent and are thrown out; the partitions are divided anew."""

import asyncio
from collections.abc import Mapping, Sequence

from forestall.agents.chunk import Place
from tests.simulation.loop import SimulatedLoop
from tests.simulation.promises import answer

#: Without a heartbeat for so long, a member is out; and so is one that does not join a new generation in time.
SESSION = 1.2
REBALANCE = 2.0

Share = tuple[int, list[Place]]


class Member:
    """One member as the coordinator knows it."""

    def __init__(self, seen: float) -> None:
        self.seen = seen
        self.joining: asyncio.Future[Share] | None = None


class Group:
    """The coordinator. Members ask; it never asks them."""

    def __init__(self, loop: SimulatedLoop, places: Sequence[Place]) -> None:
        self.loop, self.places = loop, list(places)
        self.members: dict[str, Member] = {}
        self.generation = 0
        self.dividing = False
        self.owners: dict[Place, str] = {}
        self.committed: dict[Place, int] = {}
        loop.at(SESSION / 4, self._watch)

    async def join(self, name: str) -> Share:
        """Waits until all members have joined, and gets the generation and a share."""
        member = self.members.setdefault(name, Member(0.0))
        member.seen = self.loop.time()
        share = member.joining = self.loop.create_future()
        if not self.dividing:
            self.rebalance()
        self._divide()
        return await share

    def rebalance(self) -> None:
        """Begins to divide the partitions anew."""
        self.dividing = True
        self.generation += 1
        self.loop.at(REBALANCE, self._too_late, self.generation)

    def heartbeat(self, name: str, generation: int) -> bool:
        """Whether the member's share is still its own; False: it must join again."""
        member = self.members.get(name)
        if member is None:
            return False
        member.seen = self.loop.time()
        return generation == self.generation and not self.dividing

    def commit(self, name: str, generation: int, offsets: Mapping[Place, int]) -> None:
        """Keeps the offsets of who is a member of this generation."""
        if name in self.members and generation == self.generation:
            self.committed.update(offsets)

    def leave(self, name: str) -> None:
        """The member ends cleanly."""
        if self.members.pop(name, None) is not None and not self.dividing:
            self.rebalance()
        self._divide()

    def _watch(self) -> None:
        self.loop.at(SESSION / 4, self._watch)
        now = self.loop.time()
        for name in [n for n, m in self.members.items() if m.joining is None and m.seen < now - SESSION]:
            self.leave(name)

    def _too_late(self, generation: int) -> None:
        if self.dividing and generation == self.generation:
            self.members = {name: m for name, m in self.members.items() if m.joining is not None}
            self._divide()

    def _divide(self) -> None:
        if not self.dividing or any(m.joining is None for m in self.members.values()):
            return
        self.dividing = False
        shares = self._shares(sorted(self.members)) if self.members else {}
        for name, share in shares.items():
            member = self.members[name]
            member.seen = self.loop.time()
            future, member.joining = member.joining, None
            assert future is not None
            delay = 0.005 + self.loop.random.random() * 0.1
            self.loop.at(delay, answer, future, (self.generation, share))

    def _shares(self, names: Sequence[str]) -> dict[str, list[Place]]:
        chance = self.loop.random
        shares: dict[str, list[Place]] = {name: [] for name in names}
        turn = chance.randrange(len(names))
        for number, place in enumerate(self.places):
            before = self.owners.get(place, "")
            keeps = before in shares and chance.random() < 0.5
            name = self.owners[place] = before if keeps else names[(number + turn) % len(names)]
            shares[name].append(place)
        return shares
