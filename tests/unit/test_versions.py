"""State that earlier releases wrote is read by this one; what a newer one wrote is refused."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from forestall.pipeline.core import versions
from forestall.pipeline.core.customer_document import decode_customer, encode_customer
from forestall.pipeline.core.head import (
    CONFIGURATION,
    HEAD,
    decode_configuration,
    decode_head,
    encode_configuration,
    encode_head,
    outdated,
)
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.fingerprint import fingerprint
from forestall.pipeline.core.models.forms import Form
from forestall.pipeline.core.partition import Partition, encode_model, read_weights
from forestall.pipeline.core.problem_document import decode_problem, encode_problem
from forestall.pipeline.core.steps import of_fields
from forestall.pipeline.core.versions import STATE_VERSION, Kind
from forestall.pipeline.errors import StateError
from forestall.pipeline.sources.recording import Recording
from forestall.pipeline.store.snapshot import Snapshot
from forestall.pipeline.store.values import StoredState
from forestall.pipeline.verification.replaying import LIMITS, Limits, Replay
from tests.builders.installation import PROCESSORS
from tests.state_samples import FOLDER

VERSIONS = sorted(int(folder.name) for folder in FOLDER.iterdir())
CORES = {processor.name: processor.core for processor in PROCESSORS}
EVERY = pytest.mark.parametrize("version", VERSIONS)
BOTH = pytest.mark.parametrize("processor", CORES)

REMEDY = (
    f"state version {STATE_VERSION} is not what it was when its sample was written. If it has been released, give the "
    "change a new version and its step (CONTRIBUTING, 'A new version of state'); then: python -m tests.state_samples"
)


def sample(version: int, processor: str) -> Snapshot:
    """The stored sample."""
    found = recording(version).snapshot(processor, 0)
    assert found is not None
    return found


def recording(version: int) -> Recording:
    """The sample's folder."""
    return Recording(FOLDER / str(version))


def rewritten_model(document: bytes) -> bytes:
    """A model's document read by a partition and written again."""
    partition = Partition(("events", 0), 1, read_weights, None)
    partition.admit_model("some", document)
    return encode_model(partition.models["some"])


def rewritten_configuration(document: bytes) -> bytes:
    """A configuration's document read and written again."""
    configuration = decode_configuration(document)
    assert configuration is not None
    return encode_configuration(configuration)


#: Of every kind of document what reads it and writes it again.
REWRITTEN: dict[Kind, Callable[[bytes], bytes]] = {
    "configuration": rewritten_configuration,
    "customer": lambda document: encode_customer(decode_customer(document)),
    "head": lambda document: encode_head(decode_head(document, fingerprint())),
    "model": rewritten_model,
    "problem": lambda document: encode_problem(decode_problem(document)),
}


def kind_of(processor: str, key: str) -> Kind:
    """What lies under a key."""
    names: dict[str, Kind] = {HEAD: "head", CONFIGURATION: "configuration"}
    prefixes: dict[str, Kind] = {"c/": "customer", "m/": "model" if processor == "foresee" else "problem"}
    return names[key] if key in names else prefixes[key[:2]]


def goes_on(version: int, processor: str, limits: Limits = LIMITS) -> StoredState:
    """The sample's state after today's core has processed the rest of the sample's log."""

    async def run() -> StoredState:
        stored = recording(version)
        [log] = stored.partitions("events" if processor == "foresee" else "answers")
        state = sample(version, processor).state
        replay = Replay(CORES[processor](0, 1), log.topic, limits=limits, since=state)
        rest = [record for record in stored.records(log) if record.offset >= state.position]
        assert len(rest) > 10
        await replay.run(rest, log.end)
        return await replay.dump()

    return asyncio.run(run())


def test_every_version_has_its_sample() -> None:
    """None is forgotten, and each has every kind of document, undelivered effects, and events not yet read."""
    assert list(range(1, STATE_VERSION + 1)) == VERSIONS
    for version in VERSIONS:
        kinds = {kind_of(name, key) for name in CORES for key in sample(version, name).state.documents}
        assert kinds == set(REWRITTEN)
        assert kinds | {"trees"} == set(versions.STEPS)  # trees take 300 answers: see test_live_trees.py
        assert all(
            sample(version, "foresee").waiting[box] for box in ("answers/0", "queue", "alerts", "ledger")
        )


@BOTH
@EVERY
def test_every_document_of_every_version_is_read_and_written_in_todays_form(
    version: int, processor: str
) -> None:
    """And once it is of that form, it stays the same bytes."""
    for key, document in sample(version, processor).state.documents.items():
        rewritten = REWRITTEN[kind_of(processor, key)]
        today = rewritten(document)
        assert rewritten(today) == today, key
        assert today != document or version == STATE_VERSION, key


@BOTH
def test_todays_form_is_that_of_its_sample(processor: str) -> None:
    """A change of form or of what the kernels compute cannot go unseen."""
    documents = sample(STATE_VERSION, processor).state.documents
    for key, document in documents.items():
        assert REWRITTEN[kind_of(processor, key)](document) == document, f"{key}: {REMEDY}"
    assert decode_head(documents[HEAD], fingerprint()).fingerprint == fingerprint(), REMEDY


@BOTH
@EVERY
def test_todays_core_goes_on_from_every_version(version: int, processor: str) -> None:
    """It processes what the other left unread; then the state is its own, and numbers go on without a gap."""
    before = sample(version, processor).state
    after = goes_on(version, processor)
    assert outdated(after.documents[HEAD]) is None
    assert after.documents.keys() >= before.documents.keys()
    assert all(number >= before.sequences[name] for name, number in after.sequences.items())
    assert sum(after.sequences.values()) > sum(before.sequences.values())


@BOTH
@EVERY
def test_an_upgraded_state_does_not_depend_on_how_it_was_chunked(version: int, processor: str) -> None:
    """What nothing touched is left as the earlier release wrote it, whether it was read or not."""
    small = Limits(chunk=3, budget=2, window=30, cached=1)
    after, before = goes_on(version, processor), sample(version, processor).state
    assert goes_on(version, processor, small) == after
    if processor == "foresee":
        assert (
            0
            < sum(after.documents[key] == before.documents[key] for key in before.documents)
            < len(before.documents)
        )


def test_the_first_version_is_the_second_without_its_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 1 wrote no version into documents; nothing else has changed but who computes."""
    monkeypatch.setattr(versions, "STATE_VERSION", 2)
    for key, document in sample(1, "foresee").state.documents.items():
        if key != HEAD:
            assert versions.opened(kind_of("foresee", key), document) == document


def test_the_third_version_knows_every_subject_of_the_second() -> None:
    """By its name's hash, with its numbers, in the same order; and what was told of the customer is the same."""
    known = 0
    for key, document in sample(2, "foresee").state.documents.items():
        if key.startswith("c/"):
            fields = msgspec.msgpack.decode(document[1:], type=list[Any])
            customer = decode_customer(document)
            assert [customer.subjects.of(name) for name in fields[3]] == [
                tuple(n) for n in fields[3].values()
            ]
            assert len(customer.subjects) == len(fields[3])
            assert [question.number for question in customer.questions.values()] == [q[0] for q in fields[6]]
            known += len(fields[3])
    assert known > 100


def test_a_step_brings_an_earlier_body_up_to_the_next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made up: as if version 1 had not counted the alerts of a customer yet (the fourth field from the end)."""
    documents = sample(1, "foresee").state.documents
    document = next(d for key, d in documents.items() if key.startswith("c/") and decode_customer(d).alerts)
    fields = msgspec.msgpack.decode(document, type=list[Any])
    shorter = msgspec.msgpack.encode(fields[:-4] + fields[-3:])
    with pytest.raises(msgspec.ValidationError):
        decode_customer(shorter)
    counted = of_fields(lambda earlier: [*earlier[:-3], len(earlier[8]), *earlier[-3:]])
    monkeypatch.setattr(
        versions, "STEPS", {**versions.STEPS, "customer": {1: counted, **versions.STEPS["customer"]}}
    )
    upgraded = decode_customer(shorter)
    assert upgraded.episodes == len(upgraded.alerts) > 0
    assert encode_customer(decode_customer(encode_customer(upgraded))) == encode_customer(upgraded)


def test_steps_are_taken_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """From version to version, each once, the missing ones passed over."""
    monkeypatch.setattr(versions, "STATE_VERSION", 5)
    steps = {1: lambda body: body + b"1", 2: lambda body: body + b"2", 4: lambda body: body + b"4"}
    monkeypatch.setattr(versions, "STEPS", {"customer": steps})
    assert versions.opened("customer", b"\x90") == b"\x90124"
    assert versions.opened("customer", b"\x02\x90") == b"\x9024"
    assert versions.opened("customer", b"\x03\x90") == b"\x904"
    assert versions.opened("customer", b"\x05\x90") == b"\x90"


@BOTH
def test_what_a_newer_release_wrote_is_refused_whatever_its_form(processor: str) -> None:
    """The error says what to do."""
    head = msgspec.msgpack.encode({"version": STATE_VERSION + 1, "sequences": "unknown to us", "new": [1]})
    core = CORES[processor](0, 1)
    with pytest.raises(
        StateError, match=f"version {STATE_VERSION + 1}, this release knows up to.*newer release"
    ):
        core.admit({HEAD: head, CONFIGURATION: None})
    with pytest.raises(StateError, match="Run the newer release everywhere"):
        versions.opened("customer", bytes([STATE_VERSION + 1, 0x90]))


def test_other_kernels_are_refused_within_a_version_and_taken_with_a_new_one() -> None:
    """A release may compute anew; a machine may not compute otherwise."""
    head = decode_head(sample(STATE_VERSION, "foresee").state.documents[HEAD], fingerprint())
    with pytest.raises(StateError, match="same processor family"):
        decode_head(encode_head(head), "other")
    earlier = msgspec.msgpack.encode({**msgspec.to_builtins(head), "version": 1})
    taken = decode_head(earlier, "other")
    assert (taken.version, taken.fingerprint, taken.marks) == (STATE_VERSION, "other", head.marks)


def test_parts_of_models_take_steps_of_their_own() -> None:
    """What lies in the journal was sent by earlier releases."""
    form = Form("a part", 3, "send it again", {1: lambda f: [*f, "one"], 2: lambda f: [*f, "two"]})
    encode = msgspec.msgpack.encode
    assert form.fields(encode([1, "x"])) == [3, "x", "one", "two"]
    assert form.fields(encode([3, "x"])) == [3, "x"]
    with pytest.raises(StateError, match="a part has version 4, this release reads up to 3"):
        form.fields(encode([4]))
    with pytest.raises(StateError, match="a part has version 0, which is read no longer: send it again"):
        form.fields(encode([0]))
    for damaged in (b"", b"\xc1", encode([]), encode("text"), encode(["x"])):
        with pytest.raises(StateError, match="a part cannot be read"):
            form.fields(damaged)
    assert BayesianFilter.from_bytes(BayesianFilter(2).to_bytes()).columns == 2
