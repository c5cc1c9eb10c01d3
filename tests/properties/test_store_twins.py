"""The store in Redis and the one in memory cannot be told apart."""

import uuid
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from forestall.pipeline.store.connect import connect
from forestall.pipeline.store.groups import by_destination
from forestall.pipeline.store.interface import Store
from forestall.pipeline.store.memory import MemoryStore
from forestall.pipeline.store.partition import PartitionStore
from forestall.pipeline.store.values import Commit
from tests.commits import effects_to, said
from tests.servers.redis import Redis

KEYS = st.sampled_from(["a", "b", "ü", "c-1"])
TOKENS = st.sampled_from(["one", "two"])
DESTINATIONS = st.sampled_from(["queue", "answers/0"])
NUMBERS = st.integers(0, 4)

COMMITS = st.fixed_dictionaries(
    {
        "documents": st.dictionaries(KEYS, st.none() | st.binary(max_size=3)),
        "due": st.dictionaries(KEYS, st.none() | st.integers(0, 2**52)),
        "counts": st.dictionaries(DESTINATIONS, NUMBERS),
        "moves": st.integers(0, 2),  # 0 is a bounded step
        "fault": st.sampled_from(["none"] * 6 + ["epoch", "start", "expected", "number", "again"]),
    }
)
STEPS = st.one_of(
    st.tuples(st.just("acquire"), TOKENS),
    st.tuples(st.just("commit"), COMMITS),
    st.tuples(st.just("commit"), COMMITS),
    st.tuples(st.just("trim"), DESTINATIONS, NUMBERS, st.lists(DESTINATIONS, unique=True)),
    st.tuples(st.just("record_sent"), st.dictionaries(DESTINATIONS, NUMBERS)),
)


class Writer:
    """Makes commits as an honest worker would, or with one fault."""

    def __init__(self, oracle: MemoryStore) -> None:
        self.oracle = oracle
        self.number = 0
        self.last: Commit | None = None

    async def commit(self, plan: dict[str, Any]) -> Commit:
        """The planned commit, from where the oracle stands."""
        fault, held = plan["fault"], await self.oracle.held()
        if fault == "again" and self.last is not None:
            return self.last
        tops = (await self.oracle.dump()).sequences
        effects = []
        for destination, count in plan["counts"].items():
            first = tops.get(destination, 0) + 1 + (fault == "number")
            effects += effects_to(destination, *range(first, first + count))
        self.number += 1
        self.last = Commit(
            epoch="zombie" if fault == "epoch" else held.epoch or "",
            start=held.position + (fault == "start"),
            end=held.position + plan["moves"],
            commit_id=f"commit-{self.number}",
            expected_commit="other" if fault == "expected" else held.commit,
            documents=plan["documents"],
            due=plan["due"],
            outboxes=by_destination(effects),
        )
        return self.last


async def seen(store: Store) -> list[Any]:
    """All that a store shows of itself."""
    outboxes = [await store.outbox(name, 1, 3) for name in await store.destinations()]
    lengths = [await store.outbox_length(name) for name in ("queue", "answers/0")]
    documents = await store.load(["a", "b", "ü", "c-1"])
    return [
        await store.held(), await store.dump(), await store.due(2), await store.sent(), documents, outboxes, lengths
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, max_size=12))
async def test_redis_and_memory_agree_step_by_step(redis_server: Redis, steps: list[tuple[Any, ...]]) -> None:
    """After any calls, legal or not, both have answered the same and show the same."""
    async with connect(redis_server.url) as client:
        oracle, store = MemoryStore(), PartitionStore(client, "foresee", 0, prefix=uuid.uuid4().hex)
        writer = Writer(oracle)
        for name, *args in [("acquire", "one"), *steps]:
            given_args = [await writer.commit(args[0])] if name == "commit" else args
            answers = [await said(getattr(either, name)(*given_args)) for either in (oracle, store)]
            assert answers[0] == answers[1]
            assert await seen(oracle) == await seen(store)
