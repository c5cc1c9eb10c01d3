"""Whatever is called, every action is in exactly one state: that of a plain model of the queue.

The simulation's twin of the queue is held to the same, and to the same answers.
"""

import asyncio
import time
import uuid
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from forestall.pipeline.errors import LeaseLost, SequenceGap
from forestall.pipeline.queue.priority import rank
from forestall.pipeline.queue.queue import ActionQueue
from forestall.pipeline.queue.values import STATES, Claim, Policy, Standing
from forestall.pipeline.store.connect import connect
from forestall.schemas.alert import Alert, decode_alert
from forestall.schemas.outcome import decode_outcome
from tests.alerts import MORNING, record
from tests.servers.redis import Redis
from tests.simulation.queue_twin import MemoryQueue

ATTEMPTS = 3
LONG = 600_000
SENDERS = ("foresee/0", "foresee/1")
ENDS = ("withdrawn", "expired", "resolved")


class Modelled:
    """One action as the model has it. `wait` is a lease or pause: 0 has run out by the next claim."""

    def __init__(self, alert: Alert) -> None:
        self.alert = alert
        self.state, self.wait, self.attempt = "ready", 0, 0
        self.token: str | None = None

    def fail(self) -> None:
        """An attempt is over without success."""
        self.state, self.wait = ("snoozed", 0) if self.attempt < ATTEMPTS else ("dead", 0)


POLICY = Policy(attempts=ATTEMPTS, backoff=0)


class QueueMachine(RuleBasedStateMachine):
    """Calls the queue and the model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.queue = self.make()
        self.log: dict[str, list[tuple[int, bytes]]] = {sender: [] for sender in SENDERS}
        self.marks = dict.fromkeys(SENDERS, 0)
        self.model: dict[str, Modelled] = {}
        self.tokens: list[tuple[str, str]] = []
        self.told: list[tuple[str, str]] = []

    def make(self) -> ActionQueue | MemoryQueue:
        """The queue, empty."""
        raise NotImplementedError

    def run(self, call: Any) -> Any:
        """Waits for a call of the queue."""
        return self.runner.run(call)

    def teardown(self) -> None:
        """Leaves no loop."""
        self.runner.close()

    # ------------------------------------------------------------- what senders do

    @rule(
        sender=st.sampled_from(SENDERS), new=st.booleans(), pick=st.integers(0, 9),
        state=st.sampled_from(("updated", "updated", *ENDS)), saving=st.integers(0, 3),
        problem=st.sampled_from(("return", "lapse")),
    )  # fmt: skip
    def produce(self, sender: str, new: bool, pick: int, state: str, saving: int, problem: str) -> None:
        """The core says something of a new or known alert; nothing is delivered yet."""
        log = self.log[sender]
        known = [decode_alert(entry) for _, entry in log if decode_alert(entry).state == "raised"]
        if new or not known:
            name, state = f"{sender}-{len(known)}", "raised"
        else:
            old = known[pick % len(known)]
            name, problem = old.id, old.problem
        changes = {"problem": problem, "saving": float(saving), "raised": MORNING, "sender": sender}
        log.append(record(len(log) + 1, name, state, **changes))

    @rule(sender=st.sampled_from(SENDERS), back=st.integers(0, 3), count=st.integers(0, 6))
    def deliver(self, sender: str, back: int, count: int) -> None:
        """A relay delivers, often again what was delivered before."""
        start = max(0, self.marks[sender] - back)
        records = self.log[sender][start : start + count]
        for sequence, entry in records:
            if sequence > self.marks[sender]:
                self.take(decode_alert(entry))
                self.marks[sender] = sequence
        assert self.run(self.queue.deliver(sender, records)) == self.marks[sender]

    @precondition(lambda self: any(len(self.log[sender]) > self.marks[sender] + 1 for sender in SENDERS))
    @rule()
    def deliver_with_a_hole(self) -> None:
        """A delivery that leaves one out is refused and changes nothing."""
        sender = next(name for name in SENDERS if len(self.log[name]) > self.marks[name] + 1)
        try:
            self.run(self.queue.deliver(sender, self.log[sender][self.marks[sender] + 1 :]))
        except SequenceGap:
            return
        raise AssertionError("a hole was taken")

    def take(self, alert: Alert) -> None:
        """What one new record does to the model."""
        action = self.model.get(alert.id)
        if action is None:
            self.model[alert.id] = Modelled(alert)
        elif action.state in {"ready", "claimed", "snoozed"}:
            action.alert = alert
            action.state = "ended" if alert.state in ENDS else action.state

    # ------------------------------------------------------------- what workers do

    @rule(
        count=st.integers(1, 3), lease=st.sampled_from((0, LONG)), problem=st.sampled_from((None, "return"))
    )
    def claim(self, count: int, lease: int, problem: str | None) -> None:
        """A worker takes the first of the ready."""
        self.sweep()
        ready = [action for action in self.model.values() if action.state == "ready"]
        ready = [action for action in ready if problem in {None, action.alert.problem}]
        expected = sorted(ready, key=lambda action: (rank(action.alert), action.alert.id))[:count]
        claims = self.run(self.queue.claim("ann", count, lease, problem))
        for claim, action in zip(claims, expected, strict=True):
            action.state, action.wait, action.token = "claimed", lease, claim.token
            action.attempt += 1
            assert (claim.alert, claim.attempt) == (action.alert, action.attempt)
            self.tokens.append((claim.alert.id, claim.token))
            self.told.append(("forestall.action.claimed", claim.alert.id))

    def sweep(self) -> None:
        """Leases and pauses that ran out."""
        for action in self.model.values():
            if action.state == "claimed" and action.wait == 0:
                action.fail()
            if action.state == "snoozed" and action.wait == 0:
                action.state = "ready"

    @precondition(lambda self: self.tokens)
    @rule(
        pick=st.integers(0, 3),
        call=st.sampled_from(("renew", "done", "release", "snooze")),
        wait=st.booleans(),
    )
    def hold(self, pick: int, call: str, wait: bool) -> None:
        """A holder, present or former, does something with its claim."""
        name, token = self.tokens[-1 - pick % len(self.tokens)]
        ms = LONG if wait else 0
        arguments = {"renew": [ms], "done": ["called"], "release": [], "snooze": [ms]}[call]
        allowed = self.change(self.model[name], token, call, ms)
        try:
            standing = self.run(getattr(self.queue, call)(name, token, *arguments))
        except LeaseLost:
            assert not allowed
        else:
            assert allowed
            assert standing.state == self.model[name].state

    def change(self, action: Modelled, token: str, call: str, ms: int) -> bool:
        """What the call does to the model; whether it is allowed."""
        if action.token != token or (call == "renew" and action.state not in {"claimed", "ended"}):
            return False
        if call == "done" and action.state != "done":
            action.state = "done"
            self.told.append(("forestall.action.done", action.alert.id))
        elif action.state == "claimed" and call == "renew":
            action.wait = ms
        elif action.state == "claimed" and call == "release":
            action.fail()
        elif action.state == "claimed" and call == "snooze":
            action.state, action.wait = "snoozed", ms
            action.attempt -= 1
        return True

    # ------------------------------------------------------------- what always holds

    @invariant()
    def every_action_is_in_its_one_state(self) -> None:
        """The indexes hold each delivered alert once, in the model's state, with its newest text."""
        found = [(state, action) for state in STATES for action in self.run(self.queue.list(state, 999))]
        assert len(found) == len(self.model)
        assert all(state == action.work.state for state, action in found)
        assert {action.alert.id: (state, action.alert) for state, action in found} == {
            name: (action.state, action.alert) for name, action in self.model.items()
        }

    @invariant()
    def the_journal_is_told_everything_once(self) -> None:
        """The outbox has each claim and completion, in order, gapless, with ids of their own."""
        records = self.run(self.queue.outbox(0, 999))
        events = [decode_outcome(entry.payload) for entry in records]
        assert [entry.sequence for entry in records] == list(range(1, len(records) + 1))
        assert [(event.type, event.data.alert) for event in events] == self.told
        assert len({event.id for event in events}) == len(events)


class InRedis(QueueMachine):
    """The product's queue."""

    url: str

    def make(self) -> ActionQueue:
        """Under a prefix of its own."""
        self.client = connect(self.url)
        self.real = ActionQueue(self.client, uuid.uuid4().hex, POLICY)
        return self.real

    def teardown(self) -> None:
        """Leaves no connection."""
        self.run(self.client.aclose())
        super().teardown()

    @invariant()
    def the_index_by_problem_has_the_ready(self) -> None:
        """Nothing is missing from it and nothing too much."""
        key = self.real._keys.all[2]
        members = self.run(self.client.execute_command("ZRANGE", key, 0, -1))
        ready = [name for name, action in self.model.items() if action.state == "ready"]
        assert sorted(member.rpartition(b"\0")[2].decode() for member in members) == sorted(ready)


class Twin(MemoryQueue):
    """The simulation's twin with the random ids that a client gives it. As in a script, time stands still in a call."""

    def __init__(self) -> None:
        self.call_began = 0
        super().__init__(lambda: self.call_began, POLICY)

    async def claim(
        self, worker: str, count: int, lease_ms: int, problem: str | None, *_: Any
    ) -> list[Claim]:
        """See ActionQueue."""
        events = [uuid.uuid4().hex for _ in range(count)]
        return await super().claim(worker, count, lease_ms, problem, uuid.uuid4().hex, events)

    async def done(self, alert_id: str, token: str, result: str, *_: Any) -> Standing:
        """See ActionQueue."""
        return await super().done(alert_id, token, result, uuid.uuid4().hex)


class InMemory(QueueMachine):
    """The simulation's twin."""

    queue: Twin

    def make(self) -> MemoryQueue:
        """Empty."""
        return Twin()

    def run(self, call: Any) -> Any:
        """Waits for a call of the queue, which is made now."""
        self.queue.call_began = max(self.queue.call_began, round(time.time() * 1000))
        return super().run(call)


STEPS = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_every_action_is_in_exactly_one_state(redis_server: Redis) -> None:
    """After any calls the queue is as the model says, and every alert was in it exactly once."""
    run_state_machine_as_test(type("Machine", (InRedis,), {"url": redis_server.url}), settings=STEPS)


def test_the_simulations_twin_of_the_queue_does_the_same() -> None:
    """What is simulated is what runs."""
    run_state_machine_as_test(InMemory, settings=STEPS)
