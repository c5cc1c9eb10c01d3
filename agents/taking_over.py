"""A newer core takes over what an earlier one left once all of that is delivered, and records where: a replay starts
there."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from forestall.agents.redis_calls import ask_redis
from forestall.agents.settings import Settings
from forestall.pipeline.core.head import HEAD, Written, written_by
from forestall.pipeline.core.versions import STATE_VERSION, newer
from forestall.pipeline.store.interface import Store
from forestall.pipeline.store.partition import PartitionStore
from forestall.pipeline.store.values import Origin
from forestall.pipeline.verification.state_file import state_file, write_state

log = logging.getLogger(__name__)

#: How often it is asked whether the outbox is empty, in seconds.
PAUSE = 0.2


class TakeOver:
    """Of one partition; `begin` comes before each chunk as long as the state is of the core `left`."""

    def __init__(self, settings: Settings, store: Store, processor: str, partition: int) -> None:
        self._settings = settings
        self._store = store
        self._processor, self._partition = processor, partition

    async def begin(self, left: Written, token: str, ours: Callable[[], bool]) -> bool:
        """Waits until every effect of the earlier core is delivered, then records where it ended.

        False once the partition is no longer `ours`: nothing may be processed then. Raises StaleEpoch or
        StalePosition where the store says so first.
        """
        held = await self._store.held()
        origin = Origin(
            position=held.position,
            commit=held.commit or "",
            version=left.version,
            fingerprint=left.fingerprint,
            by=STATE_VERSION,
        )
        if await self._store.origin() == origin:
            return True
        name = f"{self._processor}/{self._partition}"
        log.info("%s: takes over from state version %d, once that has delivered all", name, left.version)
        while await self._waits():
            if not ours():
                return False
            await asyncio.sleep(PAUSE)
        await self._keep_state(name)
        await self._store.record_origin(token, origin)
        log.info("%s: state version %d from position %d on", name, STATE_VERSION, held.position)
        return ours()

    async def _waits(self) -> bool:
        """Whether an outbox still holds anything: trimmed is only what every receiver has held for a while."""
        return any([await self._store.outbox_length(name) for name in await self._store.destinations()])

    async def _keep_state(self, name: str) -> None:
        """Writes the earlier core's state where the settings say."""
        settings = self._settings
        if not settings.snapshots:
            log.warning("%s: nothing was kept to verify from (see the setting `snapshots`)", name)
            return
        one = state_file(settings.prefix, self._processor, self._partition, await self._store.read())
        if one is not None:
            folder = Path(settings.snapshots) / f"{settings.prefix}-before-{STATE_VERSION}"
            file = await asyncio.to_thread(write_state, folder, one)
            log.info("%s: the state before is kept in %s", name, file)


def refuse_newer_state(settings: Settings) -> None:
    """Raises StateError if a newer core has taken over any partition: an older worker must not even join.

    Raises Unreachable where Redis does not answer.
    """
    places = [("foresee", partition) for partition in range(settings.partitions)]
    places += [("learn", partition) for partition in range(settings.answers_partitions)]

    async def heads(redis: Any) -> list[bytes | None]:
        stores = [PartitionStore(redis, *place, settings.store_prefix) for place in places]
        return [(await store.load([HEAD]))[HEAD] for store in stores]

    for (processor, partition), head in zip(places, ask_redis(settings, heads), strict=True):
        if head is not None and (version := written_by(head).version) > STATE_VERSION:
            raise newer(f"the state of {processor}/{partition}", version)
