"""A simulated ChunkConsumer: what Faust and agents/transport.py do between the group and the agents.

The steps are those of the real one: on revocation flow stops and waiting chunks are dropped; on assignment the
owner takes its partitions while, side by side, everything is sought to its state and flow resumes; a fetch takes
label, position and records in one step; what a fetch learns of a log's end is old by the time it is used; what is
dropped, because it was fetched before a rebalance or while flow stands still, is acknowledged as if it were processed.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping

from forestall.agents.chunk import Chunk, Place
from forestall.agents.ownership import Owner
from forestall.agents.transport import position_lost
from forestall.pipeline.errors import PositionLost
from tests.simulation.broker import Broker
from tests.simulation.group import SESSION, Group
from tests.simulation.log import Log

#: Chunks that wait before an agent, at most.
WAITING = 4
#: So often the agent that has a chunk is held up by what others compute, for at most so many seconds.
BUSY, HELD = 0.1, 0.2
#: Offsets of what was acknowledged are committed so often, in seconds.
COMMIT = 0.6


class SimulatedConsumer:
    """One worker's consumer, and as much of Faust's app as is needed; `begin` puts it to work for an owner."""

    #: Reads committed data alone.
    reads = staticmethod(Log.read)

    def __init__(self, broker: Broker, group: Group, name: str, topics: Collection[str]) -> None:
        self.broker, self.group, self.name = broker, group, name
        self.chance = broker.chance
        self.consumer = self
        self.rebalancing = False
        self._flows = False
        self._generation = -1
        self._acknowledged: dict[Place, int] = {}
        self._committed: dict[Place, int] = {}
        self._assigned: list[Place] = []
        self._positions: dict[Place, int] = {}
        self._ends: dict[Place, int] = {}
        self._waiting: dict[str, asyncio.Queue[tuple[int, Chunk]]] = {
            topic: asyncio.Queue(broker.chance.randint(1, WAITING)) for topic in topics
        }
        self._owner: Owner

    def begin(self, owner: Owner) -> None:
        """Now there is an owner."""
        self._owner = owner

    # ------------------------------------------------------------- what the product calls

    def readable_end(self, place: Place) -> int | None:
        """Where the log ended at the last fetch."""
        return self._ends.get(place)

    async def seek_held(self, held: Mapping[Place, int | None]) -> Mapping[Place, int]:
        """Seeks to the positions; None is the log's beginning."""
        logs = self.broker.logs
        beginnings = await self.broker.request(
            lambda: {place: logs[place].begin for place in held}, writes=False
        )
        positions: dict[Place, int] = {}
        for place, beginning in beginnings.items():
            position = held[place]
            if position is not None and not beginning <= position <= len(logs[place].entries):
                raise self._lost(place, position)
            positions[place] = self._positions[place] = beginning if position is None else position
        self._owner.chunked.sought(held, positions)
        return positions

    async def committed(self, places: Collection[Place]) -> Mapping[Place, int | None]:
        """What the group knows as read."""
        return await self.broker.request(
            lambda: {place: self.group.committed.get(place) for place in places}, writes=False
        )

    # ------------------------------------------------------------- what Faust does

    async def follow(self) -> None:
        """The membership: joins, and joins again, until cancelled."""
        while True:
            self.rebalancing = True
            if self._assigned:
                await self._revoked()
            self._generation, places = await self.group.join(self.name)
            await self._take_over(places)
            self.rebalancing = False
            while True:
                await asyncio.sleep(SESSION / 4 * (0.8 + 0.4 * self.chance.random()))
                if not await self.broker.request(self._beat, writes=False):
                    break

    def _beat(self) -> bool:
        return self.group.heartbeat(self.name, self._generation)

    async def _revoked(self) -> None:
        self._acknowledged.clear()
        self._stop_flow()
        await self._owner.revoked(self._assigned)

    def _stop_flow(self) -> None:
        self._flows = False
        for waiting in self._waiting.values():  # what a fetch is about to put there comes all the same
            while not waiting.empty():
                waiting.get_nowait()

    async def _take_over(self, places: list[Place]) -> None:
        self._assigned = places
        self._positions.clear()
        self._ends.clear()
        self._committed.clear()

        async def resume() -> None:
            await asyncio.sleep(self.chance.random() * 0.05)
            await self.seek_held(await self._owner.positions(places))
            self._flows = True

        await asyncio.gather(self._owner.assigned(places), resume())

    async def fetch(self) -> None:
        """Fetches until cancelled."""
        while True:
            got = False
            for place in list(self._assigned):
                chunk = self._take(place) if self._flows else None
                if chunk is not None:
                    got = True
                    await self._waiting[place[0]].put((self._generation, chunk))
            if got:
                await asyncio.sleep(self.chance.random() * 0.02)
            else:
                await self.broker.news(0.25)

    def _take(self, place: Place) -> Chunk | None:
        """What one fetch brings of one partition."""
        chunked = self._owner.chunked
        epoch, start = chunked.epochs.get(place), self._positions.get(place)
        log = self.broker.logs[place]
        if start is None or self.broker.down_until > self.broker.loop.time():
            return None
        end = self._ends[place] = log.stable_end()
        if epoch is None or start >= end:
            return None
        if start < log.begin:
            raise self._lost(place, start)
        to = min(end, start + self.chance.randint(1, chunked.limit))
        self._positions[place] = to
        return Chunk(*place, self.reads(log, start, to), start, to, epoch, end)

    def _lost(self, place: Place, position: int) -> PositionLost:
        lost = position_lost(place, position, "the log does not reach so far", self._owner.chunked)
        self._owner.chunked.failed(lost)
        return lost

    async def chunks(self, topic: str) -> AsyncIterator[Chunk]:
        """An agent's stream."""
        while True:
            generation, chunk = await self._waiting[topic].get()
            if self.chance.random() < BUSY:
                await asyncio.sleep(self.chance.random() * HELD)
            if self._flows and generation == self._generation:
                yield chunk
            place = chunk.topic, chunk.partition
            self._acknowledged[place] = max(chunk.end, self._acknowledged.get(place, 0))

    async def commit(self) -> None:
        """Commits what was acknowledged, until cancelled."""
        while True:
            await asyncio.sleep(COMMIT * (0.5 + self.chance.random()))
            await self._commit()

    async def _commit(self) -> None:
        acknowledged, self._acknowledged = self._acknowledged, {}
        found = {at: self._owner.chunked.committable(at, end) for at, end in acknowledged.items()}
        offsets = {
            place: end
            for place, end in found.items()
            if end is not None and end > self._committed.get(place, 0) and place in self._assigned
        }
        self._committed.update(offsets)
        generation = self._generation
        await self.broker.request(lambda: self.group.commit(self.name, generation, offsets), writes=False)

    async def leave(self) -> None:
        """Leaves the group; part of a clean stop."""
        self._stop_flow()
        await asyncio.sleep(self.chance.random() * 0.1)
        await self._commit()
        await self.broker.request(lambda: self.group.leave(self.name), writes=False)
