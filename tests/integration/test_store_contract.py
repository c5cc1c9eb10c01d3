"""What every store promises: in memory, on Redis and on Valkey."""

from collections.abc import AsyncIterator

import pytest
from msgspec import structs

from forestall.pipeline.core.effects import Effect
from forestall.pipeline.errors import SequenceGap, StaleEpoch, StalePosition
from forestall.pipeline.store import partition
from forestall.pipeline.store.connect import connect
from forestall.pipeline.store.interface import Store
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.partition import PartitionStore
from forestall.pipeline.store.values import Held, Origin, OutboxRecord, StoredState
from tests.commits import commit_from, effects_to


@pytest.fixture(params=["memory", "redis_server", "valkey"])
async def store(request: pytest.FixtureRequest, namespace: str) -> AsyncIterator[Store]:
    """An empty partition of each kind."""
    if request.param == "memory":
        yield MemoryStore()
        return
    async with connect(request.getfixturevalue(request.param).url) as client:
        yield PartitionStore(client, "foresee", 3, prefix=namespace)


async def test_a_new_partition_stands_at_zero(store: Store) -> None:
    """Nothing is held, stored, due or waiting before the first commit."""
    assert await store.held() == Held(0, None, None)
    assert await store.acquire("mine") == Held(0, None, "mine")
    assert await store.load(["a"]) == {"a": None}
    assert await store.due(5) == ([], True)
    assert await store.destinations() == []
    assert await store.outbox("queue", 0, 5) == []


async def test_a_commit_writes_everything_in_one_step(store: Store) -> None:
    """Documents, due times, position and effects are all there after it."""
    held = await store.acquire("mine")
    effects = [
        Effect("queue", 1, b"c-1", b"\x00\xff\r\n"),
        Effect("queue", 2, b"", b""),
        *effects_to("ledger", 1, 2),
    ]
    commit = commit_from(
        held, documents={"c-1": b"\x00one", "ü": b""}, due={"c-1": 1_700_000_000_123}, effects=effects
    )
    await store.commit(commit)
    assert await store.held() == Held(10, commit.commit_id, "mine")
    assert await store.load(["ü", "c-1", "none"]) == {"ü": b"", "c-1": b"\x00one", "none": None}
    assert await store.due(1) == ([(1_700_000_000_123, "c-1")], True)
    assert await store.destinations() == ["ledger", "queue"]
    assert await store.outbox("queue", 0, 9) == [
        OutboxRecord(1, b"c-1", b"\x00\xff\r\n"),
        OutboxRecord(2, b"", b""),
    ]
    assert [record.key for record in await store.outbox("ledger", 0, 9)] == [b"key", None]


async def test_none_deletes_a_document_and_a_due_time(store: Store) -> None:
    """A document or due time of None is gone after the commit."""
    await store.commit(
        commit_from(await store.acquire("mine"), documents={"a": b"1", "b": b"2"}, due={"a": 1, "b": 2})
    )
    await store.commit(commit_from(await store.held(), documents={"a": None}, due={"b": None}))
    state = await store.dump()
    assert (state.documents, state.due) == ({"b": b"2"}, {"a": 1})


async def test_due_times_come_in_order_of_time_then_key(store: Store) -> None:
    """Equal times are ordered by key, and the reply says whether there are more."""
    due = {"b": 5, "a": 5, "é": 5, "z": 4, "c": 6}
    await store.commit(commit_from(await store.acquire("mine"), due=due))
    assert await store.due(4) == ([(4, "z"), (5, "a"), (5, "b"), (5, "é")], False)
    assert await store.due(5) == ([(4, "z"), (5, "a"), (5, "b"), (5, "é"), (6, "c")], True)


async def test_a_read_of_another_state_is_refused(store: Store) -> None:
    """Who read one document of one state and the next of another would mix them; the refusal says where it stands."""
    held = await store.acquire("mine")
    assert await store.load(["a"], "") == {"a": None}
    assert await store.due(1, "") == ([], True)
    first = commit_from(held, documents={"a": b"1"}, due={"a": 7})
    await store.commit(first)
    assert await store.load(["a", "b"], first.commit_id) == {"a": b"1", "b": None}
    assert await store.due(1, first.commit_id) == ([(7, "a")], True)
    for read in (store.load(["a"], ""), store.load(["b"], "another"), store.due(1, "")):
        with pytest.raises(StalePosition) as refusal:
            await read
        assert (refusal.value.position, refusal.value.commit) == (10, first.commit_id)


async def test_an_older_assignment_cannot_commit(store: Store) -> None:
    """The commit of a zombie is refused with the holder's token and changes nothing."""
    zombie = await store.acquire("old")
    await store.acquire("new")
    with pytest.raises(StaleEpoch) as refusal:
        await store.commit(commit_from(zombie, documents={"a": b"1"}, effects=effects_to("queue", 1)))
    assert refusal.value.holder == "new"
    assert await store.held() == Held(0, None, "new")
    assert await store.load(["a"]) == {"a": None}
    assert await store.outbox("queue", 0, 1) == []


async def test_a_chunk_that_starts_elsewhere_is_refused(store: Store) -> None:
    """The refusal says where the state stands."""
    first = commit_from(await store.acquire("mine"))
    await store.commit(first)
    held = await store.held()
    with pytest.raises(StalePosition) as refusal:
        await store.commit(commit_from(held, start=11, documents={"a": b"1"}))
    assert (refusal.value.position, refusal.value.commit) == (10, first.commit_id)
    assert await store.load(["a"]) == {"a": None}


async def test_the_same_position_with_another_commit_is_refused(store: Store) -> None:
    """A bounded step moves the state and not the position: who did not see it may not write over it."""
    held = await store.acquire("mine")
    step = commit_from(held, end=held.position, documents={"a": b"stepped"})
    await store.commit(step)
    with pytest.raises(StalePosition) as refusal:
        await store.commit(commit_from(held, documents={"a": b"unaware"}))
    assert (refusal.value.position, refusal.value.commit) == (0, step.commit_id)
    assert await store.load(["a"]) == {"a": b"stepped"}


async def test_a_commit_whose_reply_was_lost_succeeds_again_without_effect(store: Store) -> None:
    """Sent twice, a commit counts once."""
    commit = commit_from(await store.acquire("mine"), effects=effects_to("queue", 1, 2))
    await store.commit(commit)
    await store.commit(commit)
    assert (await store.held()).position == 10
    assert await store.outbox_length("queue") == 2


@pytest.mark.parametrize("wrong", [(1,), (2,), (4,), (3, 5), (3, 3)])
async def test_a_wrong_number_is_refused_before_anything_is_written(
    store: Store, wrong: tuple[int, ...]
) -> None:
    """After 1 and 2 only 3 and 4 may come; a gap or a repeat leaves no trace, in no destination."""
    held = await store.acquire("mine")
    await store.commit(commit_from(held, effects=effects_to("queue", 1, 2)))
    before, digest = await store.held(), (await store.dump()).digest()
    effects = [*effects_to("ledger", 1), *effects_to("queue", *wrong)]
    with pytest.raises(SequenceGap, match="outbox of queue"):
        await store.commit(commit_from(before, documents={"a": b"1"}, effects=effects))
    assert await store.held() == before
    assert (await store.dump()).digest() == digest
    assert await store.outbox_length("ledger") == 0


async def test_numbers_go_on_after_the_outbox_was_trimmed(store: Store) -> None:
    """A trimmed outbox still knows its last number."""
    await store.commit(commit_from(await store.acquire("mine"), effects=effects_to("queue", 1, 2, 3)))
    await store.trim("queue", 2)
    assert [record.sequence for record in await store.outbox("queue", 0, 9)] == [3]
    await store.trim("queue", 3)
    assert await store.outbox_length("queue") == 0
    await store.commit(commit_from(await store.held(), effects=effects_to("queue", 4)))
    assert [record.sequence for record in await store.outbox("queue", 3, 9)] == [4]


async def test_what_was_sent_never_goes_back(store: Store) -> None:
    """The highest number recorded for a destination stays."""
    for sequence in (2, 9, 7):
        await store.record_sent({"alerts": sequence})
    assert await store.sent() == {"alerts": 9}


async def test_what_is_trimmed_is_recorded_as_held_in_the_same_step(store: Store) -> None:
    """A store that fell back between the two would have neither the records nor a mark."""
    await store.commit(commit_from(await store.acquire("mine"), effects=effects_to("notices", 1, 2, 3)))
    await store.record_sent({"notices/0": 3, "notices/1": 1})
    await store.trim("notices", 2, ["notices/0", "notices/1"])
    assert await store.sent() == {"notices/0": 3, "notices/1": 2}
    assert [record.sequence for record in await store.outbox("notices", 0, 9)] == [3]


async def test_large_commits_pass(store: Store) -> None:
    """More values than Lua unpacks at once arrive whole."""
    documents: dict[str, bytes | None] = {f"c-{number}": b"%d" % number for number in range(10_001)}
    due: dict[str, int | None] = {key: number for number, key in enumerate(documents)}
    effects = effects_to("queue", *range(1, 5001))
    await store.commit(
        commit_from(await store.acquire("mine"), documents=documents, due=due, effects=effects)
    )
    state = await store.dump()
    assert state.documents == documents
    assert state.due == due
    assert [record.sequence for record in await store.outbox("queue", 4998, 9)] == [4999, 5000]
    assert await store.load(list(documents)) == documents
    await store.commit(
        commit_from(await store.held(), documents=dict.fromkeys(documents), due=dict.fromkeys(due))
    )
    assert (await store.dump())[1:3] == ({}, {})


async def test_equal_states_have_equal_digests_and_others_not(store: Store) -> None:
    """Key, value, due time, number and position all count; commit ids and epochs do not."""
    twin = MemoryStore()
    for other in (store, twin):
        held = await other.acquire(f"token of {other}")
        await other.commit(
            commit_from(held, documents={"a": b"1"}, due={"a": 1}, effects=effects_to("queue", 1))
        )
    digest = (await store.dump()).digest()
    assert digest == (await twin.dump()).digest()
    for change in (
        {"documents": {"a": b"2"}},
        {"documents": {"a": None}},
        {"documents": {"b": b""}},
        {"due": {"a": 2}},
        {"effects": effects_to("queue", 2)},
        {"effects": effects_to("ledger", 1)},
        {},
    ):
        lone = MemoryStore()
        held = await lone.acquire("lone")
        await lone.commit(
            commit_from(held, documents={"a": b"1"}, due={"a": 1}, effects=effects_to("queue", 1))
        )
        await lone.commit(commit_from(await lone.held(), **({"end": 10} | change if change else change)))
        assert (await lone.dump()).digest() != digest


async def test_a_whole_partition_is_read_at_one_moment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one step, and, where that would hold Redis up, from a copy: it is the same."""
    held = await store.acquire("mine")
    empty = await store.read()
    assert (empty.held, empty.state, empty.origin) == (held, StoredState(0, {}, {}, {}), None)
    documents = {f"c/{n}": b"\x00%d" % n for n in range(900)}
    commit = commit_from(
        held,
        documents=documents,
        due={"c/7": 2**52, "c/8": 0},
        effects=effects_to("queue", 1, 2),
    )
    await store.commit(commit)
    at_once = await store.read()
    assert at_once.held == Held(10, commit.commit_id, "mine")
    ordered = dict(sorted(documents.items()))
    assert at_once.state == StoredState(10, ordered, {"c/7": 2**52, "c/8": 0}, {"queue": 2})
    assert list(at_once.state.documents) == list(ordered)
    monkeypatch.setattr(partition, "READ_AT_ONCE", 10)
    assert await store.read() == at_once
    assert await store.dump() == at_once.state


async def test_where_a_newer_core_took_over_is_kept(store: Store) -> None:
    """By its holder alone, and only while the state still stands there."""
    await store.acquire("mine")
    assert await store.origin() is None
    commit = commit_from(await store.held())
    await store.commit(commit)
    origin = Origin(position=10, commit=commit.commit_id, version=1, fingerprint="ab", by=2)
    with pytest.raises(StaleEpoch, match="mine"):
        await store.record_origin("other", origin)
    for wrong in (structs.replace(origin, position=9), structs.replace(origin, commit="another")):
        with pytest.raises(StalePosition, match="position 10"):
            await store.record_origin("mine", wrong)
    assert await store.origin() is None
    await store.record_origin("mine", origin)
    await store.commit(commit_from(await store.held()))
    assert await store.origin() == (await store.read()).origin == origin
