"""Completes the configuration's copies: whoever applied it may have died before the last partition had its copy."""

import asyncio
import logging
from collections.abc import Iterable

from forestall.agents.configuration import Copy, complete_copies
from forestall.agents.owned import Owned
from forestall.agents.settings import Settings
from forestall.pipeline.errors import ForestallError

log = logging.getLogger(__name__)

#: Seconds between two looks.
EVERY = 30


async def complete(owned: Iterable[Owned], settings: Settings) -> None:
    """Sends the current configuration to those of our partitions that have read their whole log and not found it.

    A partition ignores a version that it has, so two workers that send the same copy do no harm. A broker that
    does not answer is tried again the next time.
    """
    held: dict[Copy, int] = {}
    for one in owned:
        version = one.core.configured()
        if version is not None and one.read_to_end():
            held["events", one.place[1]] = version
    try:
        for role, partition in await asyncio.to_thread(complete_copies, held, settings):
            log.info("%s/%d had missed the current configuration; sent it", role, partition)
    except ForestallError as error:
        log.warning("cannot complete the configuration's copies now: %s", error)
