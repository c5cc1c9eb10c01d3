"""What comes of a journal: the state and all effects, of a core that runs over it in memory."""

import asyncio

from forestall.agents.own_events import journal_copy
from forestall.pipeline.core.effects import Changes, Effect, Record
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.store.values import StoredState
from forestall.pipeline.verification.replaying import Limits, Replay
from forestall.schemas.catalogue import CatalogueFile, Configuration

Outcome = tuple[StoredState, list[Effect]]


def outcome(
    core: Foresee, topic: str, journal: list[Record], limits: Limits, *, forgets: bool = False
) -> Outcome:
    """The state, and all effects in their order; the core `forgets` and loads anew after each commit if so asked."""
    effects: list[Effect] = []

    def committed(made: Changes) -> None:
        effects.extend(made.effects)
        if forgets:
            core.forget()

    async def run() -> StoredState:
        replay = Replay(core, topic, committed, limits)
        await replay.run(journal, journal[-1].offset + 1)
        return await replay.dump()

    return asyncio.run(run()), effects


def configured(text: str, version: int, ms: int) -> bytes:
    """A version of the catalogue as it enters the journal."""
    files = [CatalogueFile("c.toml", text)]
    return journal_copy(Configuration(version=version, files=files, salt="salt"), ms)
