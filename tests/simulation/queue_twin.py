"""The action queue's twin in plain dictionaries: what the Lua of pipeline/queue does, in Python.

tests/properties/test_queue_states.py holds both to the same model, operation by operation.
"""

import functools
import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from forestall.pipeline.errors import LeaseLost, SequenceGap, UnknownAction
from forestall.pipeline.queue.outcomes import outcome_record
from forestall.pipeline.queue.priority import rank
from forestall.pipeline.queue.values import STATES, ActionState, Claim, Policy, QueuedAction, Standing, Work
from forestall.pipeline.store.values import OutboxRecord
from forestall.schemas.alert import decode_alert

LIVE = frozenset(("ready", "claimed", "snoozed", "scheduled"))

Actions = list[QueuedAction]  # the class has a method of the name `list`
Claims = list[Claim]
Records = list[OutboxRecord]

changed = msgspec.structs.replace


class Tally(NamedTuple):
    """How many records there were, and a sum over them in their order."""

    count: int = 0
    total: int = 0

    def and_then(self, record: bytes) -> "Tally":
        """With one more."""
        return Tally(self.count + 1, zlib.crc32(record, self.total))

    @classmethod
    def of(cls, records: Iterable[bytes]) -> "Tally":
        """Of all these."""
        return functools.reduce(cls.and_then, records, cls())


class MemoryQueue:
    """Behaves as ActionQueue does. `now` is Redis' clock, epoch ms. Values are frozen, so that copies are shallow.

    `taken` tallies the records of each sender, `entered` counts how often each alert came in as new, and `told` has
    every event that the outbox ever had.
    """

    def __init__(self, now: Callable[[], int], policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.alerts: dict[str, bytes] = {}
        self.work: dict[str, Work] = {}
        self.marks: dict[str, int] = {}
        self.latest: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.waiting: dict[int, OutboxRecord] = {}
        self.last = 0
        self.taken: dict[str, Tally] = {}
        self.entered: dict[str, int] = {}
        self.told: dict[int, OutboxRecord] = {}
        self.now = now

    # ------------------------------------------------------------- the senders' side

    async def deliver(self, sender: str, records: Sequence[tuple[int, bytes]]) -> int:
        """See ActionQueue."""
        mark = last = self.marks.get(sender, 0)
        if not records:
            return mark
        for sequence, _ in records:
            if sequence > last + 1:
                raise SequenceGap(
                    f"queue: {sender} sent number {sequence} where {last + 1} should come; nothing was taken. "
                    f"Deliver again from the queue's mark"
                )
            last = max(last, sequence)
        for sequence, record in records:
            if self.takes(sequence, mark):
                self._take(record)
                self.taken[sender] = self.taken.get(sender, Tally()).and_then(record)
                mark = max(mark, sequence)
        self.marks[sender] = mark
        return mark

    def takes(self, sequence: int, mark: int) -> bool:
        """Whether a record of this number is new."""
        return sequence > mark

    async def mark(self, sender: str) -> int:
        """See ActionQueue."""
        return self.marks.get(sender, 0)

    def _take(self, record: bytes) -> None:
        alert = decode_alert(record)
        work = self.work.get(alert.id)
        if work is None:
            if alert.state == "raised":
                self.alerts[alert.id] = record
                self.entered[alert.id] = self.entered.get(alert.id, 0) + 1
                new = Work(
                    state="ready", at=0, problem=alert.problem, customer=alert.customer,
                    subject=alert.subject, rank=rank(alert),
                )  # fmt: skip
                self._enter(alert.id, new, "ready", new.rank)
            return
        if work.state not in LIVE:
            return
        self.alerts[alert.id] = record
        work = changed(work, rank=rank(alert))
        if alert.state in ("raised", "updated"):
            self._enter(alert.id, work, work.state, work.rank if work.state == "ready" else work.at)
        else:
            ended = changed(work, ended=alert.state, occasion=alert.occasion)
            self._enter(alert.id, ended, "ended", self.now())

    # ------------------------------------------------------------- the workers' side

    async def claim(
        self, worker: str, count: int, lease_ms: int, problem: str | None, token: str, events: Sequence[str]
    ) -> Claims:
        """See ActionQueue; the random ids are the caller's, for a client repeats a call with the same."""
        latest, ids = self.latest.get(worker, ("", ()))
        if latest != token:
            self._sweep()
            ready = sorted((work.rank, id_) for id_, work in self.work.items() if work.state == "ready")
            ids = tuple(id_ for _, id_ in ready if problem in (None, self.work[id_].problem))[:count]
            for id_, event in zip(ids, events, strict=False):
                work = self.work[id_]
                claimed = changed(work, attempt=work.attempt + 1, token=token, worker=worker)
                self._enter(id_, claimed, "claimed", self.now() + lease_ms)
                self._tell("claimed", event, id_)
            self.latest[worker] = (token, ids)
        held = [(id_, self.work.get(id_)) for id_ in ids]
        return [
            Claim(decode_alert(self.alerts[id_]), token, work.at, work.attempt)
            for id_, work in held
            if work is not None and work.state == "claimed" and work.token == token
        ]

    async def renew(self, alert_id: str, token: str, lease_ms: int) -> Standing:
        """See ActionQueue."""
        work = self._held(alert_id, token)
        if work.state == "claimed":
            self._enter(alert_id, work, "claimed", self.now() + lease_ms)
        elif work.state != "ended":
            raise LeaseLost(alert_id, work.state)
        return self._standing(alert_id)

    async def done(self, alert_id: str, token: str, result: str, event: str) -> Standing:
        """See ActionQueue."""
        work = self._held(alert_id, token)
        if work.state != "done":
            self.work[alert_id] = changed(work, result=result)
            self._tell("done", event, alert_id)
            self._enter(alert_id, self.work[alert_id], "done", self.now())
        return self._standing(alert_id)

    async def release(self, alert_id: str, token: str) -> Standing:
        """See ActionQueue."""
        work = self._held(alert_id, token)
        if work.state == "claimed":
            self._fail(alert_id, work)
        return self._standing(alert_id)

    async def snooze(self, alert_id: str, token: str, ms: int) -> Standing:
        """See ActionQueue."""
        work = self._held(alert_id, token)
        if work.state == "claimed":
            back = changed(work, attempt=work.attempt - 1)
            self._enter(alert_id, back, "snoozed", self.now() + ms)
        return self._standing(alert_id)

    # ------------------------------------------------------------- reading

    async def list(self, state: ActionState, limit: int) -> Actions:
        """See ActionQueue."""
        found = sorted((work.at, id_) for id_, work in self.work.items() if work.state == state)
        return [QueuedAction(decode_alert(self.alerts[id_]), self.work[id_]) for _, id_ in found[:limit]]

    async def counts(self) -> dict[ActionState, int]:
        """See ActionQueue."""
        return {state: sum(work.state == state for work in self.work.values()) for state in STATES}

    async def outbox(self, after: int, limit: int) -> Records:
        """See ActionQueue."""
        return [record for number, record in sorted(self.waiting.items()) if number > after][:limit]

    async def trim(self, through: OutboxRecord) -> None:
        """See ActionQueue."""
        if self.waiting.get(through.sequence) == through:
            for number in [number for number in self.waiting if number <= through.sequence]:
                del self.waiting[number]

    # ------------------------------------------------------------- how an action moves

    def _held(self, alert_id: str, token: str) -> Work:
        work = self.work.get(alert_id)
        if work is None:
            raise UnknownAction(alert_id)
        if work.token != token:
            raise LeaseLost(alert_id, work.state)
        return work

    def _standing(self, alert_id: str) -> Standing:
        work = self.work[alert_id]
        return Standing(work.state, work.at, work.ended, work.occasion)

    def _enter(self, alert_id: str, work: Work, state: ActionState, at: int) -> None:
        since = (work.since or self.now()) if state == "ready" else None
        self.work[alert_id] = changed(work, state=state, at=at, since=since)

    def _fail(self, alert_id: str, work: Work) -> None:
        policy = self.policy
        if work.attempt < policy.attempts:
            self._enter(alert_id, work, "snoozed", self.now() + self._wait(alert_id, work.attempt))
            return
        self._enter(alert_id, work, "dead", self.now())
        dead = sorted((one.at, id_) for id_, one in self.work.items() if one.state == "dead")
        for _, id_ in dead[: max(0, len(dead) - policy.dead_cap)]:
            self._forget(id_)

    def _wait(self, alert_id: str, attempt: int) -> int:
        longest = min(self.policy.backoff * 2.0 ** (attempt - 1), self.policy.ceiling)
        digest = hashlib.sha1(f"{alert_id}:{attempt}".encode(), usedforsecurity=False).hexdigest()
        return int(longest * (0.5 + int(digest[:6], 16) / 2**24 / 2))

    def _sweep(self) -> None:
        now, policy = self.now(), self.policy
        for id_, work in self._until("claimed", now):
            self._fail(id_, work)
        for id_, work in self._until("snoozed", now):
            self._enter(id_, work, "ready", work.rank)
        kept: tuple[tuple[ActionState, int], ...] = (
            ("done", policy.keep_done), ("ended", policy.keep_done), ("dead", policy.keep_dead)
        )  # fmt: skip
        for state, keep in kept:
            for id_, _ in self._until(state, now - keep):
                self._forget(id_)

    def _until(self, state: ActionState, ms: int) -> Sequence[tuple[str, Work]]:
        found = [
            (work.at, id_, work) for id_, work in self.work.items() if work.state == state and work.at <= ms
        ]
        return [(id_, work) for _, id_, work in sorted(found, key=lambda one: one[:2])]

    def _forget(self, alert_id: str) -> None:
        del self.work[alert_id], self.alerts[alert_id]

    def _tell(self, kind: str, event: str, alert_id: str) -> None:
        work = self.work[alert_id]
        self.last += 1
        fields = {
            "event": event, "kind": kind, "ms": str(self.now()), "alert": alert_id,
            "problem": work.problem, "customer": work.customer, "worker": work.worker or "",
        }  # fmt: skip
        fields |= {name: value for name in ("subject", "result") if (value := getattr(work, name))}
        entry = {name.encode(): value.encode() for name, value in fields.items()}
        self.waiting[self.last] = self.told[self.last] = outcome_record(b"%d-0" % self.last, entry)
