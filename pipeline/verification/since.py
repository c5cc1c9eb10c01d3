"""A live state against what a replay makes of a snapshot and of the log since then."""

import asyncio
from collections.abc import Iterable

import msgspec

from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.head import HEAD, written_by
from forestall.pipeline.core.protocol import Core
from forestall.pipeline.core.versions import STATE_VERSION, newer
from forestall.pipeline.errors import StateError
from forestall.pipeline.store.values import Origin, Reading, StoredState
from forestall.pipeline.verification.replaying import LIMITS, Limits, Replay
from forestall.pipeline.verification.state_file import Stand, StateFile
from forestall.pipeline.verification.states import differences

#: Differences told of one partition; more are counted.
TOLD = 5


class StateCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One partition: replayed from position `since` to `position`, over so many records. `digest` is the replayed
    state's, `live` the live one's; `differences` tells the first few of `different`."""

    processor: str
    partition: int
    since: int
    position: int
    records: int
    documents: int
    equal: bool
    digest: str
    live: str
    different: int
    differences: list[str]


def check_state(
    snapshot: StateFile,
    live: Reading,
    core: Core,
    topic: str,
    records: Iterable[Record],
    following: Iterable[Record],
    limits: Limits = LIMITS,
) -> StateCheck:
    """Replays `records`, which the log has from the snapshot to the live position, and compares.

    Of `following`, the log from there on, the first is looked at where a bounded step ended within the step to it.
    `check_reach` comes first.
    """
    stand, state = snapshot.stand, live.state

    replay = Replay(core, topic, limits=limits, since=snapshot.state)

    async def replayed() -> StoredState:
        if live.held.commit == stand.commit:
            return snapshot.state
        await replay.run(records, state.position)
        next_record = next(iter(following), None)
        return await (replay.dump() if next_record is None else replay.reach(state, next_record))

    ours = asyncio.run(replayed())
    different = list(differences(state, ours))
    return StateCheck(
        processor=stand.processor,
        partition=stand.partition,
        since=stand.position,
        position=state.position,
        records=replay.records,
        documents=len(state.documents),
        equal=not different,
        digest=ours.digest(),
        live=state.digest(),
        different=len(different),
        differences=different[:TOLD],
    )


def check_reach(stand: Stand, live: Reading) -> None:
    """Raises StateError where a replay from there would not tell anything of the live state."""
    name = f"{stand.processor}/{stand.partition}"
    head = live.state.documents.get(HEAD)
    version = written_by(head).version if head is not None else 0
    if max(version, stand.version) > STATE_VERSION:
        raise newer(f"the state of {name}", max(version, stand.version))
    if live.held.position < stand.position:
        raise StateError(
            f"{name}: the live state stands at {live.held.position}, the snapshot at {stand.position}: Redis fell back "
            "or was restored; let the workers catch up, or take a new snapshot"
        )
    if live.held.commit == stand.commit:
        return
    if version < STATE_VERSION:
        raise StateError(
            f"{name}: the live state is of state version {version}, this release computes {STATE_VERSION}: verify with "
            "the release that the workers run, or let this one take over first"
        )
    if stand.version < STATE_VERSION and not _began_there(stand, live.origin):
        raise StateError(
            f"{name}: what lies between the snapshot (position {stand.position}) and "
            f"{_where(live.origin)} was computed by the earlier state version {stand.version}; start from a snapshot "
            "of the moment of the upgrade (the setting `snapshots` keeps one), or take a new one"
        )


def _began_there(stand: Stand, origin: Origin | None) -> bool:
    return origin is not None and (origin.position, origin.commit) == (stand.position, stand.commit)


def _where(origin: Origin | None) -> str:
    return f"position {origin.position}, where this one took over," if origin is not None else "the upgrade"
