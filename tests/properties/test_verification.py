"""The recorded logs, replayed, give the same bytes: whatever the chunks, the budget, the cache, the due window."""

import gzip
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from forestall.pipeline.core import working
from forestall.pipeline.errors import SequenceGap
from forestall.pipeline.sources.recording import Recording, write_records, write_snapshot
from forestall.pipeline.store.snapshot import Snapshot
from forestall.pipeline.verification.replaying import LIMITS, Limits
from forestall.pipeline.verification.verify import Verification, verify
from forestall.schemas.catalogue import CatalogueFile
from forestall.schemas.event import decode_event
from tests.builders.installation import PROCESSORS, Installation
from tests.scenarios.samples import CATALOGUES, SAMPLES

EVENTS = 2_500


def catalogue(sample: str, horizon: str) -> CatalogueFile:
    """A shipped catalogue with another horizon."""
    text = (CATALOGUES / f"{sample}.toml").read_text()
    return CatalogueFile(f"{sample}.toml", re.sub(r'within = "\w+"', f'within = "{horizon}"', text))


def events(sample: str, every: int) -> Iterator[bytes]:
    """The first lines of a sample of one customer in `every`, so that they reach far."""
    with gzip.open(SAMPLES / f"{sample}.jsonl.gz", "rb") as lines:
        chosen = (line for line in lines if crc32(str(decode_event(line).customer).encode()) % every == 0)
        yield from islice(chosen, EVENTS)


def recorded(sample: str, every: int, horizon: str, folder: Path) -> Recording:
    """A sample through an installation: with repeats and broken lines, its catalogue changed in the middle, and
    stopped with work left to do."""
    installation = Installation(seed=every, limits=Limits(budget=40, window=60, cached=20))
    installation.configure(catalogue(sample, horizon))
    last = 0
    for number, line in enumerate(events(sample, every)):
        event = decode_event(line)
        last = round(event.time.timestamp() * 1000)
        installation.send(str(event.customer), line)
        if number % 97 == 5:
            installation.send(str(event.customer), line)
            installation.send(str(event.customer), b"broken" * 3)
        if number % 10 == 0:
            installation.work(4)
        if number == EVENTS * 2 // 3:
            installation.configure(catalogue(sample, "1" + horizon))
        if number == EVENTS * 9 // 10:  # every problem goes and comes again: what was stored of it must not
            installation.configure()
            installation.configure(catalogue(sample, "1" + horizon))
    installation.work()
    installation.tick(last)
    installation.work(12)
    installation.record(folder)
    return Recording(folder)


@pytest.fixture(
    scope="module", params=[("retail", 1, "2d"), ("incidents", 12, "7d"), ("helpdesk", 3, "14d")], ids=str
)
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A recording of each sample."""
    return recorded(*request.param, tmp_path_factory.mktemp("recording"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A recording to be spoilt."""
    return recorded("retail", 1, "2d", tmp_path_factory.mktemp("recording"))


def verified(recording: Recording, limits: Limits = LIMITS) -> Verification:
    """Replayed against the recorded states."""

    def snapshot(processor: str, partition: int) -> Snapshot:
        found = recording.snapshot(processor, partition)
        assert found is not None
        return found

    return verify(recording, PROCESSORS, snapshot, limits=limits)


def test_a_replay_in_one_piece_gives_every_byte(recording: Recording) -> None:
    """States, answers, alerts, decisions, dead letters and notices are compared, and some of each are there."""
    result = verified(recording)
    assert [one.differences for one in result.partitions] == [[]] * 4
    assert result.different == 0
    assert result.repeats > 0
    compared = {name for one in result.partitions for name, count in one.emitted.items() if count}
    assert compared >= {"answers", "alerts", "ledger", "deadletters", "notices"}


@settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink takes minutes, and tells little here
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    chunk=st.integers(1, 700),
    budget=st.integers(1, 60),
    more=st.integers(1, 40),
    cached=st.integers(0, 60),
    held=st.integers(61, 200),
)
def test_nothing_depends_on_how_it_was_chunked(
    recording: Recording, chunk: int, budget: int, more: int, cached: int, held: int
) -> None:
    """Any chunks, any budget, any window above it, any cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(working, "DUE_LIMIT", held)
        result = verified(recording, Limits(chunk, budget, budget + more, cached))
    assert [one.differences for one in result.partitions] == [[]] * 4
    assert result.different == 0


def tampered(recording: Recording, folder: Path) -> Recording:
    """A copy to be spoilt."""
    for file in recording.folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return Recording(folder)


@pytest.mark.parametrize("role", ["alerts", "decisions", "deadletters"])
def test_a_record_that_is_lost_is_missed(shop: Recording, tmp_path: Path, role: str) -> None:
    """One record less on a topic is one difference, which names it."""
    spoilt = tampered(shop, tmp_path)
    file = lose_one(spoilt, role)
    told = [
        text
        for part in verified(spoilt).partitions
        if part.processor == "foresee"
        for text in part.differences
    ]
    assert len(told) == 1
    assert f"is neither in {file} nor in the outbox" in told[0]


def test_an_answer_that_is_lost_is_a_hole(shop: Recording, tmp_path: Path) -> None:
    """Learn itself stops at it, live and in a replay."""
    spoilt = tampered(shop, tmp_path)
    lose_one(spoilt, "answers")
    with pytest.raises(SequenceGap, match=r"foresee/\d sent \d+ after \d+"):
        verified(spoilt)


def lose_one(spoilt: Recording, role: str) -> str:
    """Takes one record, and its repeats, out of a recorded topic; returns the partition."""
    one = next(one for one in spoilt.partitions(role) if one.records > 10)
    records = list(spoilt.records(one))
    taken = records[5].value
    write_records(spoilt.folder / one.file, [record for record in records if record.value != taken])
    return f"{role}/{one.partition}"


def test_a_changed_byte_is_seen(shop: Recording, tmp_path: Path) -> None:
    """One alert with another probability differs in that field."""
    spoilt = tampered(shop, tmp_path)
    one = next(one for one in spoilt.partitions("alerts") if one.records > 10)
    records = list(spoilt.records(one))
    alert = msgspec.json.decode(records[5].value or b"")
    changed = {record.offset: record for record in records}
    for record in records:
        if record.value == records[5].value:
            changed[record.offset] = record._replace(value=msgspec.json.encode({**alert, "p": 0.999}))
    write_records(tmp_path / one.file, changed.values())
    told = [text for part in verified(spoilt).partitions for text in part.differences]
    assert len(told) == 1
    assert "differs: p: recorded 0.999, replayed " in told[0]


def test_a_state_that_went_astray_is_seen(shop: Recording, tmp_path: Path) -> None:
    """A flipped bit in a customer, a due time that moved, a customer too many."""
    spoilt = tampered(shop, tmp_path)
    snapshot = spoilt.snapshot("foresee", 0)
    assert snapshot is not None
    state = snapshot.state
    name = next(key for key in state.documents if key.startswith("c/"))
    document = bytearray(state.documents[name])
    document[20] ^= 1
    state.documents.update({name: bytes(document), "c/ghost": b"?"})
    moved = next(iter(state.due))
    state.due[moved] += 1
    file = next(
        one.file for one in spoilt.manifest.states if (one.processor, one.partition) == ("foresee", 0)
    )
    write_snapshot(tmp_path / file, snapshot)
    part = verified(spoilt).partitions[0]
    assert part.different == 3
    assert (
        part.differences[0].startswith(f"document {name}: ") or "first different at 20" in part.differences[1]
    )
    assert f"due time of {moved}: recorded {state.due[moved]}" in part.differences[2]
