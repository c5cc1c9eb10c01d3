"""A snapshot and the log since then give the live state; what differs is found, and what proves nothing is refused."""

import asyncio
import gzip
import itertools
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec import structs

from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.head import HEAD, decode_head, encode_head
from forestall.pipeline.core.models.fingerprint import fingerprint
from forestall.pipeline.core.versions import STATE_VERSION
from forestall.pipeline.errors import ConfigurationError, StateError
from forestall.pipeline.sources.recording import Recording
from forestall.pipeline.store.values import Held, Origin, Reading, StoredState
from forestall.pipeline.verification.replaying import Limits, Replay
from forestall.pipeline.verification.since import StateCheck, check_reach, check_state
from forestall.pipeline.verification.state_file import StateFile, read_states, state_file, write_state
from tests.builders.installation import PROCESSORS, TOPIC
from tests.state_samples import FOLDER

CORES = {processor.name: processor.core for processor in PROCESSORS}
HALF = 300


class Case(NamedTuple):
    """A partition half way, at its end, and the log."""

    half: StateFile
    live: Reading
    log: list[Record]


@cache
def case(processor: str) -> Case:
    """The newest sample's log, processed as workers do: in small steps."""
    recording = Recording(FOLDER / str(STATE_VERSION))
    [recorded] = recording.partitions("events" if processor == "foresee" else "answers")
    log = list(recording.records(recorded))

    async def run() -> tuple[Reading, Reading]:
        replay = Replay(CORES[processor](0, 1), TOPIC, limits=Limits(chunk=7, budget=3, window=40, cached=2))
        await replay.run(log[:HALF], HALF)
        half = await replay.store.read()
        await replay.run(log[HALF:], len(log))
        return half, await replay.store.read()

    half, live = asyncio.run(run())
    taken = state_file("test", processor, 0, half)
    assert taken is not None
    return Case(taken, live, log)


def checked(half: StateFile, live: Reading, log: list[Record]) -> StateCheck:
    """The verdict."""
    since, position = half.stand.position, live.held.position
    core = CORES[half.stand.processor](0, 1)
    return check_state(half, live, core, TOPIC, log[since:position], log[position:])


@pytest.mark.parametrize("processor", CORES)
def test_what_was_computed_since_a_snapshot_is_computed_again(processor: str) -> None:
    """Equal, over all records since then."""
    half, live, log = case(processor)
    check_reach(half.stand, live)
    check = checked(half, live, log)
    assert (check.equal, check.differences, check.digest) == (True, [], live.state.digest())
    assert (check.since, check.position, check.records) == (HALF, len(log), len(log) - HALF)


def test_a_state_between_two_steps_of_one_record_is_reached() -> None:
    """A tick or event may take several commits; a state of any of them is equal."""
    half, _, log = case("foresee")
    found: list[Reading] = []

    async def run() -> None:
        replay = Replay(
            CORES["foresee"](0, 1), TOPIC, lambda _: None, Limits(chunk=50, budget=1, window=5, cached=2)
        )
        commit = replay.store.commit

        async def watched(one: object) -> None:
            await commit(one)  # type: ignore[arg-type]  # as it comes
            found.append(await replay.store.read())

        replay.store.commit = watched  # type: ignore[method-assign]  # to see every step
        await replay.run(log, len(log))

    asyncio.run(run())
    between = [
        one
        for before, one in itertools.pairwise(found)
        if one.held.position == before.held.position
        and one.held.position > HALF
        and one.state != before.state
    ]
    assert len(between) > 5
    assert all(checked(half, one, log).equal for one in between)


def other_document(state: StoredState) -> StoredState:
    """One byte of one customer is another."""
    key = next(key for key in state.documents if key.startswith("c/"))
    document = state.documents[key]
    spoilt = document[:-9] + bytes([document[-9] ^ 1]) + document[-8:]
    return state._replace(documents=state.documents | {key: spoilt})


SPOILT: dict[str, Callable[[StoredState], StoredState]] = {
    "document c/": other_document,
    "only replayed": lambda s: s._replace(documents={k: v for k, v in s.documents.items() if k != "c/c-1"}),
    "only recorded": lambda s: s._replace(documents=s.documents | {"c/nobody": b"\x02"}),
    "due time of": lambda s: s._replace(due=dict(list(s.due.items())[1:])),
    "last number for ledger": lambda s: s._replace(sequences=s.sequences | {"ledger": 1}),
}


@pytest.mark.parametrize("words", SPOILT)
def test_whatever_is_spoilt_is_found(words: str) -> None:
    """And named."""
    half, live, log = case("foresee")
    check = checked(half, live._replace(state=SPOILT[words](live.state)), log)
    assert not check.equal
    assert check.different == 1
    assert words in check.differences[0]


def test_a_state_that_was_spoilt_without_a_commit_is_found() -> None:
    """Nothing has to be replayed for that."""
    half, _, log = case("foresee")
    same = Reading(Held(HALF, half.stand.commit, None), half.state, None)
    assert checked(half, same, log).equal
    assert not checked(half, same._replace(state=other_document(half.state)), log).equal


def test_a_snapshot_is_read_as_it_was_written_and_no_other(tmp_path: Path) -> None:
    """A file that was damaged is not believed."""
    half = case("foresee").half
    file = write_state(tmp_path, half)
    assert list(read_states(tmp_path)) == [half]
    assert b'"position":300' in gzip.decompress(file.read_bytes()).splitlines()[0]
    for damaged in (
        gzip.compress(gzip.decompress(file.read_bytes()).replace(b"c/c-1", b"c/c-X")),
        b"",
        b"\x1f\x8b",
    ):
        file.write_bytes(damaged)
        with pytest.raises(ConfigurationError, match="forestall state snapshot"):
            list(read_states(tmp_path))
    file.unlink()
    with pytest.raises(ConfigurationError, match="name a folder that"):
        list(read_states(tmp_path))


def of_version(state: StoredState, version: int) -> StoredState:
    """The state as if a core of that version had written its head."""
    head = decode_head(state.documents[HEAD], fingerprint())
    head.version = version
    return state._replace(documents=state.documents | {HEAD: encode_head(head)})


def test_a_replay_that_would_prove_nothing_is_refused() -> None:
    """Across an upgrade only from where the newer core took over; never with another core, nor backwards."""
    half, live, _ = case("foresee")
    earlier = structs.replace(half.stand, version=STATE_VERSION - 1)
    with pytest.raises(StateError, match="was computed by the earlier state version"):
        check_reach(earlier, live)
    there = Origin(position=HALF, commit=earlier.commit, version=1, fingerprint="", by=STATE_VERSION)
    with pytest.raises(StateError, match="position 301, where this one took over"):
        check_reach(earlier, live._replace(origin=structs.replace(there, position=301)))
    check_reach(earlier, live._replace(origin=there))
    with pytest.raises(StateError, match="let this one take over first"):
        check_reach(earlier, live._replace(state=of_version(live.state, STATE_VERSION - 1)))
    with pytest.raises(StateError, match="newer release"):
        check_reach(half.stand, live._replace(state=of_version(live.state, STATE_VERSION + 1)))
    with pytest.raises(StateError, match="fell back"):
        check_reach(structs.replace(half.stand, position=10**6), live)
