"""The action queue, one promise at a time."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import RedisCluster as ClusterClient

from forestall.pipeline.errors import LeaseLost, SequenceGap, StateError, UnknownAction
from forestall.pipeline.queue.queue import ActionQueue
from forestall.pipeline.queue.values import STATES, Policy, Standing
from forestall.pipeline.store.connect import connect
from forestall.pipeline.store.script import Client
from forestall.schemas.outcome import decode_outcome
from tests.alerts import HOUR, MORNING, alert, record
from tests.servers.redis import RedisCluster
from tests.wrapped import OneSlot, SentTwice

SENDER = "foresee/0"
LONG = 600_000


@pytest.fixture(params=["redis_server", "valkey"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """A client of each kind of server."""
    async with connect(request.getfixturevalue(request.param).url) as client:
        yield client


@pytest.fixture
def queue(client: Client, namespace: str) -> ActionQueue:
    """An empty queue in which a failed attempt may be repeated at once."""
    return ActionQueue(client, namespace, Policy(backoff=0))


async def ids(queue: ActionQueue, state: str) -> list[str]:
    """The ids of a state, in order."""
    return [action.alert.id for action in await queue.list(state, 100)]


async def test_a_delivered_alert_is_ready_and_whole(queue: ActionQueue) -> None:
    """What was raised can be listed and read, byte for byte as it was."""
    assert await queue.deliver(SENDER, [record(1, "a", subject="o-1")]) == 1
    action = await queue.get("a")
    assert action is not None
    assert action.alert == alert(1, "a", subject="o-1")
    assert (action.work.state, action.work.subject, action.work.attempt) == ("ready", "o-1", 0)
    assert (await queue.counts())["ready"] == 1
    assert await queue.get("b") is None


async def test_a_repeated_delivery_counts_once(queue: ActionQueue) -> None:
    """Numbers up to the mark are ignored, also among new ones, also after the action was done."""
    await queue.deliver(SENDER, [record(1, "a"), record(2, "b")])
    [claim] = await queue.claim("ann")
    await queue.done(claim.alert.id, claim.token, "called")
    assert await queue.deliver(SENDER, [record(1, "a"), record(2, "b"), record(3, "c")]) == 3
    assert await queue.mark(SENDER) == 3
    assert await ids(queue, "ready") == ["b", "c"]


async def test_a_hole_is_refused_and_nothing_taken(queue: ActionQueue) -> None:
    """A number above mark + 1 stops the delivery loudly."""
    await queue.deliver(SENDER, [record(1, "a")])
    for numbers in ((3,), (2, 4)):
        with pytest.raises(SequenceGap, match=SENDER):
            await queue.deliver(SENDER, [record(number, f"x{number}") for number in numbers])
    assert (await queue.mark(SENDER), await ids(queue, "ready")) == (1, ["a"])


async def test_senders_have_marks_of_their_own(queue: ActionQueue) -> None:
    """One partition's numbers say nothing of another's."""
    await queue.deliver(SENDER, [record(1, "a"), record(2, "b")])
    assert await queue.mark("foresee/1") == 0
    assert await queue.deliver("foresee/1", [record(1, "c")]) == 1


async def test_long_deliveries_pass(queue: ActionQueue) -> None:
    """Many records arrive in slices and in order."""
    assert await queue.deliver(SENDER, [record(number, f"a{number}") for number in range(1, 1202)]) == 1201
    assert (await queue.counts())["ready"] == 1201


async def test_what_is_no_alert_is_refused(queue: ActionQueue) -> None:
    """Bytes that are not an alert stop the delivery and name the record."""
    with pytest.raises(StateError, match="record 1 of foresee/0 is not an alert"):
        await queue.deliver(SENDER, [(1, b'{"id": 5}')])
    assert await queue.mark(SENDER) == 0


async def test_larger_savings_come_first_and_age_lifts(queue: ActionQueue) -> None:
    """Twice the saving goes before what is up to four hours older, and not before what is older still."""
    await queue.deliver(
        SENDER,
        [
            record(1, "older", saving=1.0, raised=MORNING - 5 * HOUR),
            record(2, "larger", saving=2.0),
            record(3, "old", saving=1.0, raised=MORNING - 3 * HOUR),
        ],
    )
    assert [claim.alert.id for claim in await queue.claim("ann", count=9)] == ["older", "larger", "old"]


async def test_a_claim_can_name_a_problem(queue: ActionQueue) -> None:
    """Only actions of the problem are claimed, in the same order; a problem is not its prefix."""
    problems = ["late", "return", "latest", "late"]
    await queue.deliver(SENDER, [record(n, f"a{n}", problem=p, saving=n) for n, p in enumerate(problems, 1)])
    assert [claim.alert.id for claim in await queue.claim("ann", 9, problem="late")] == ["a4", "a1"]
    assert await ids(queue, "ready") == ["a3", "a2"]


async def test_nobody_gets_what_another_holds(queue: ActionQueue) -> None:
    """Two workers never hold the same action."""
    await queue.deliver(SENDER, [record(n, f"a{n}") for n in range(1, 6)])
    claims = await asyncio.gather(*(queue.claim(f"w{n}", 2) for n in range(4)))
    assert sorted(claim.alert.id for some in claims for claim in some) == ["a1", "a2", "a3", "a4", "a5"]


async def test_a_lease_that_ran_out_gives_the_action_to_the_next(queue: ActionQueue) -> None:
    """The next claim gets it with a second attempt; the first holder's renewal is refused."""
    await queue.deliver(SENDER, [record(1, "a")])
    [lost] = await queue.claim("ann", lease_ms=0)
    [found] = await queue.claim("bob", lease_ms=LONG)
    assert (found.alert.id, found.attempt) == ("a", 2)
    with pytest.raises(LeaseLost, match="claimed"):
        await queue.renew("a", lost.token)
    with pytest.raises(LeaseLost):
        await queue.done("a", lost.token, "called")


async def test_renewing_keeps_the_action(queue: ActionQueue) -> None:
    """A renewed lease lasts from now on, and nobody else gets the action."""
    await queue.deliver(SENDER, [record(1, "a")])
    [claim] = await queue.claim("ann", lease_ms=1)
    standing = await queue.renew("a", claim.token, LONG)
    assert standing.at >= claim.lease_until + LONG - 1
    assert await queue.claim("bob") == []


async def test_done_after_the_lease_ran_out_counts_if_nobody_else_has_it(queue: ActionQueue) -> None:
    """The customer was contacted: better late than twice."""
    await queue.deliver(SENDER, [record(1, "a")])
    [claim] = await queue.claim("ann", lease_ms=0)
    assert await queue.claim("bob", problem="none such") == []  # ends the lease
    assert (await queue.done("a", claim.token, "called")).state == "done"
    assert await queue.claim("bob") == []


async def test_done_tells_the_journal_once(queue: ActionQueue) -> None:
    """Claim and completion are in the outbox once each, keyed by customer, however often done is repeated."""
    await queue.deliver(SENDER, [record(1, "a", customer="ü", subject="o-1")])
    [claim] = await queue.claim("ann")
    for _ in range(2):
        assert (await queue.done("a", claim.token, 'said "hm"')).state == "done"
    first, second = await queue.outbox(0, 9)
    events = [decode_outcome(first.payload), decode_outcome(second.payload)]
    assert [event.type for event in events] == ["forestall.action.claimed", "forestall.action.done"]
    assert (first.sequence, second.sequence, first.key) == (1, 2, "ü".encode())
    assert msgspec.structs.astuple(events[1].data) == ("a", "return", "ann", 'said "hm"')
    assert (events[1].customer, events[1].subject) == ("ü", "o-1")
    assert events[0].id != events[1].id
    assert await queue.outbox(1, 9) == [second]
    await queue.trim(first._replace(payload=second.payload))  # another record has its number now
    assert await queue.outbox(0, 9) == [first, second]
    await queue.trim(first)
    assert await queue.outbox(0, 9) == [second]


async def test_release_gives_back_and_the_last_attempt_is_dead(queue: ActionQueue) -> None:
    """After five attempts the action is dead and can be seen."""
    await queue.deliver(SENDER, [record(1, "a")])
    for attempt in range(1, 6):
        [claim] = await queue.claim("ann")
        assert claim.attempt == attempt
        standing = await queue.release("a", claim.token)
        assert standing.state == ("dead" if attempt == 5 else "snoozed")
    assert await queue.claim("ann") == []
    assert [action.alert.id for action in await queue.dead(5)] == ["a"]


async def test_the_wait_doubles_with_jitter_up_to_the_ceiling(client: Client, namespace: str) -> None:
    """Between half and all of 15 s, 30 s, 60 s; two actions wait differently."""
    queue = ActionQueue(client, namespace, Policy(attempts=9, ceiling=40_000))
    await queue.deliver(SENDER, [record(1, "a"), record(2, "b")])
    waits = {}
    for attempt, longest in enumerate((15_000, 30_000, 40_000), 1):
        for claim in await queue.claim("ann", 2, LONG):
            before = claim.lease_until - LONG
            until = (await queue.release(claim.alert.id, claim.token)).at
            assert longest / 2 <= until - before <= longest + 2_000
            waits[claim.alert.id, attempt] = until - before
        assert await queue.claim("ann", 2) == []
        await client.execute_command(
            "ZADD", f"{namespace}{{queue}}:snoozed", "XX", 0, "a", 0, "b"
        )  # time passes
    assert len(waits) == 6
    assert abs(waits["a", 3] - waits["b", 3]) > 100


async def test_snoozing_burns_no_attempt(queue: ActionQueue) -> None:
    """A snoozed action comes back after its time with the same attempt."""
    await queue.deliver(SENDER, [record(1, "a"), record(2, "b")])
    for claim, ms in zip(await queue.claim("ann", 2), (0, LONG), strict=True):
        assert (await queue.snooze(claim.alert.id, claim.token, ms)).state == "snoozed"
    assert [(claim.alert.id, claim.attempt) for claim in await queue.claim("bob", 2)] == [("a", 1)]
    assert await ids(queue, "snoozed") == ["b"]


async def test_an_update_replaces_text_and_rank(queue: ActionQueue) -> None:
    """A live action shows its newest alert and stands where its new saving puts it."""
    await queue.deliver(SENDER, [record(1, "a", saving=1.0), record(2, "b", saving=2.0)])
    await queue.deliver(SENDER, [record(3, "a", "updated", saving=4.0, title="Now for sure")])
    assert await ids(queue, "ready") == ["a", "b"]
    [claim] = await queue.claim("ann", problem="return")
    assert (claim.alert.id, claim.alert.title) == ("a", "Now for sure")
    await queue.deliver(SENDER, [record(4, "a", "updated", title="And now")])
    action = await queue.get("a")
    assert action is not None
    assert (action.work.state, action.alert.title) == ("claimed", "And now")


@pytest.mark.parametrize("end", ["withdrawn", "expired", "resolved"])
async def test_what_the_core_ends_leaves_the_queue(queue: ActionQueue, end: str) -> None:
    """Ready or snoozed, it is not handed out any more, and its occasion is kept."""
    await queue.deliver(SENDER, [record(1, "a"), record(2, "b")])
    [claim] = await queue.claim("ann")
    await queue.snooze("a", claim.token, 0)
    await queue.deliver(SENDER, [record(3, "a", end, occasion="occurred"), record(4, "b", end)])
    assert await queue.claim("ann", 2) == []
    assert {
        action.alert.id: (action.work.ended, action.work.occasion) for action in await queue.list("ended", 9)
    } == {
        "a": (end, "occurred"),
        "b": (end, None),
    }


async def test_a_worker_learns_that_its_action_was_withdrawn(queue: ActionQueue) -> None:
    """Renewal tells; what was done all the same is recorded as done."""
    await queue.deliver(SENDER, [record(1, "a")])
    [claim] = await queue.claim("ann")
    await queue.deliver(SENDER, [record(2, "a", "withdrawn", occasion="cleared")])
    standing = await queue.renew("a", claim.token)
    assert (standing.state, standing.ended, standing.occasion) == ("ended", "withdrawn", "cleared")
    assert (await queue.release("a", claim.token)).state == "ended"
    done = await queue.done("a", claim.token, "called")
    assert done == Standing("done", done.at, "withdrawn", "cleared")
    assert len(await queue.outbox(0, 9)) == 2


async def test_late_changes_of_a_finished_action_change_nothing(queue: ActionQueue) -> None:
    """An update or end of what is done, or was never here, only moves the mark."""
    await queue.deliver(SENDER, [record(1, "a")])
    [claim] = await queue.claim("ann")
    await queue.done("a", claim.token, "called")
    late = [
        record(2, "a", "updated"),
        record(3, "a", "withdrawn"),
        record(4, "b", "updated"),
        record(5, "b", "expired"),
    ]
    assert await queue.deliver(SENDER, late) == 5
    assert await ids(queue, "done") == ["a"]
    assert await queue.get("b") is None


async def test_the_finished_are_forgotten_in_time(client: Client, namespace: str) -> None:
    """Done, ended and dead actions go after their time, and the dead above the cap at once."""
    queue = ActionQueue(client, namespace, Policy(attempts=1, dead_cap=2, keep_done=0, keep_dead=LONG))
    await queue.deliver(SENDER, [record(n, f"a{n}") for n in range(1, 6)])
    first, *others = await queue.claim("ann", 4)
    await queue.done(first.alert.id, first.token, "called")
    for claim in others:
        await queue.release(claim.alert.id, claim.token)
    await queue.deliver(SENDER, [record(6, "a5", "expired")])
    assert await queue.claim("ann") == []
    counts = await queue.counts()
    assert {state: count for state, count in counts.items() if count} == {"dead": 2}
    assert await client.execute_command("HLEN", f"{namespace}{{queue}}:work") == 2
    assert await client.execute_command("HLEN", f"{namespace}{{queue}}:alerts") == 2
    with pytest.raises(UnknownAction, match="a1"):
        await queue.renew("a1", first.token)


async def test_a_forgotten_action_does_not_come_back(client: Client, namespace: str) -> None:
    """Its delivery is repeated after everything else of it is gone; the mark still knows."""
    queue = ActionQueue(client, namespace, Policy(keep_done=0))
    await queue.deliver(SENDER, [record(1, "a")])
    [claim] = await queue.claim("ann")
    await queue.done("a", claim.token, "called")
    assert await queue.claim("ann") == []
    assert await queue.get("a") is None
    assert await queue.deliver(SENDER, [record(1, "a")]) == 1
    assert await queue.get("a") is None


async def test_every_call_may_be_sent_twice(client: Client, namespace: str) -> None:
    """A client that repeats each call after a lost reply works the queue as any other."""
    queue = ActionQueue(SentTwice(client), namespace, Policy(backoff=0))
    await exercise(queue)
    events = [decode_outcome(entry.payload) for entry in await queue.outbox(0, 99)]
    assert [(event.type.rpartition(".")[2], event.data.alert) for event in events] == [
        ("claimed", "a"), ("done", "a"), ("claimed", "b"), ("claimed", "b"), ("done", "b"), ("claimed", "c")
    ]  # fmt: skip
    assert (await queue.counts()) == dict.fromkeys(STATES, 0) | {"done": 2, "snoozed": 1}


async def exercise(queue: ActionQueue) -> None:
    """Calls everything that a queue has."""
    assert await queue.deliver(SENDER, [record(1, "a"), record(2, "b"), record(3, "c")]) == 3
    for name, attempt, call, *arguments in (
        ("a", 1, queue.done, "called"), ("b", 1, queue.release), ("b", 2, queue.done, "called"),
        ("c", 1, queue.snooze, LONG),
    ):  # fmt: skip
        [claim] = await queue.claim("ann", problem="return")
        assert (claim.alert.id, claim.attempt) == (name, attempt)
        await queue.renew(name, claim.token)
        await call(name, claim.token, *arguments)
    assert await queue.claim("ann") == []
    assert await queue.dead(1) == []
    assert await queue.get("a") is not None
    assert await queue.mark(SENDER) == 3
    assert (await queue.counts())["done"] == 2
    await queue.trim((await queue.outbox(0, 9))[0]._replace(sequence=0))


async def test_it_runs_on_a_cluster(redis_cluster: RedisCluster, namespace: str) -> None:
    """A real cluster of six takes every call."""
    async with ClusterClient.from_url(redis_cluster.url) as client:
        await exercise(ActionQueue(client, namespace, Policy(backoff=0)))


async def test_every_call_stays_in_one_slot(client: Client, namespace: str) -> None:
    """Every key of every call hashes to the queue's slot."""
    watched = OneSlot(client)
    await exercise(ActionQueue(watched, namespace, Policy(backoff=0)))
    assert len(watched.slots) == 1


async def test_it_knows_how_long_ready_actions_have_waited(queue: ActionQueue) -> None:
    """From when the action became ready; an update does not begin the wait anew, a claim ends it."""
    assert await queue.longest_wait(0) == 0
    await queue.deliver(SENDER, [record(1, "a"), record(2, "b")])
    action = await queue.get("a")
    assert action is not None
    since = action.work.since
    assert since is not None
    await queue.deliver(SENDER, [record(3, "a", "updated")])
    assert await queue.longest_wait(since + 90_000) == 90
    await queue.claim("ann", 2)
    assert await queue.longest_wait(since + 90_000) == 0
