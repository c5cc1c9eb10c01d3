"""The action queue (DESIGN: the queue)."""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from forestall.pipeline.errors import LeaseLost, SequenceGap, StateError, UnknownAction
from forestall.pipeline.queue.keys import QueueKeys
from forestall.pipeline.queue.outcomes import outcome_record
from forestall.pipeline.queue.priority import rank
from forestall.pipeline.queue.values import STATES, ActionState, Claim, Policy, QueuedAction, Standing, Work
from forestall.pipeline.store.script import Client, Script
from forestall.pipeline.store.values import OutboxRecord
from forestall.schemas.alert import decode_alert
from forestall.schemas.outcome import decode_outcome

DELIVER = Script.beside(__file__, "common.lua", "deliver.lua")
CLAIM = Script.beside(__file__, "common.lua", "claim.lua")
CHANGE = Script.beside(__file__, "common.lua", "change.lua")
READ = Script.beside(__file__, "read.lua")
COUNT = Script.beside(__file__, "count.lua")
TRIM = Script.beside(__file__, "trim.lua")

Claims = list[Claim]  # the class has a method of the name `list`
Actions = list[QueuedAction]
Records = list[OutboxRecord]

DELIVER_SLICE = 500  # about 15 ms of Redis' time

decode_work = msgspec.msgpack.Decoder(Work).decode


class ActionQueue:
    """Actions as work for support. `redis` must return bytes (decode_responses=False).

    Calls of a claim's holder raise UnknownAction (its time in the queue is over) or LeaseLost (another holds it).
    """

    def __init__(self, redis: Client, prefix: str = "forestall", policy: Policy | None = None) -> None:
        self._redis = redis
        self._keys = QueueKeys(prefix)
        self._policy = msgspec.structs.astuple(policy or Policy())

    async def deliver(self, sender: str, records: Sequence[tuple[int, bytes]]) -> int:
        """Takes (sequence, JSON alert) records of `sender`, in order; returns its mark.

        Takes only mark + 1 and ignores lower numbers, so it may be repeated. Raises SequenceGap on higher ones:
        then nothing of that slice was taken.
        """
        if not records:
            return await self.mark(sender)
        mark = 0
        for start in range(0, len(records), DELIVER_SLICE):
            mark = await self._deliver(sender, records[start : start + DELIVER_SLICE])
        return mark

    async def mark(self, sender: str) -> int:
        """The last sequence taken from `sender`; 0 before the first."""
        return int(await self._redis.execute_command("HGET", self._keys.marks, sender) or 0)

    async def claim(
        self, worker: str, count: int = 1, lease_ms: int = 60_000, problem: str | None = None
    ) -> Claims:
        """Takes the first `count` ready actions (of `problem`), each for `lease_ms`; tells the journal."""
        token = uuid.uuid4().hex
        events = [uuid.uuid4().hex for _ in range(count)]
        rows = await self._change(CLAIM, worker, token, count, lease_ms, _optional(problem), *events)
        return [Claim(decode_alert(alert), token, until, attempt) for alert, until, attempt in rows]

    async def renew(self, alert_id: str, token: str, lease_ms: int = 60_000) -> Standing:
        """Extends the lease to `lease_ms` from now. Where the core ended the action, the standing says so."""
        return await self._hold("renew", alert_id, token, lease_ms)

    async def done(self, alert_id: str, token: str, result: str) -> Standing:
        """The action was carried out, with this result; tells the journal once."""
        return await self._hold("done", alert_id, token, 0, result, uuid.uuid4().hex)

    async def release(self, alert_id: str, token: str) -> Standing:
        """Gives the action back undone: it waits for its next attempt, or is dead after the last."""
        return await self._hold("release", alert_id, token)

    async def snooze(self, alert_id: str, token: str, ms: int) -> Standing:
        """Puts the action off by `ms`; the attempt does not count."""
        return await self._hold("snooze", alert_id, token, ms)

    async def list(self, state: ActionState, limit: int) -> Actions:
        """The first `limit` actions of a state: by rank if ready, else by time."""
        keys = [self._keys.alerts, self._keys.work, self._keys.state(state)]
        return [_action(*row) for row in await READ.run(self._redis, keys, [limit])]

    async def dead(self, limit: int) -> Actions:
        """The actions whose attempts are used up, oldest first."""
        return await self.list("dead", limit)

    async def get(self, alert_id: str) -> QueuedAction | None:
        """One action, or None if the queue does not have it."""
        rows = await READ.run(self._redis, [self._keys.alerts, self._keys.work], [alert_id])
        return _action(*rows[0]) if rows else None

    async def counts(self) -> dict[ActionState, int]:
        """How many actions are in each state."""
        counts = await COUNT.run(self._redis, [self._keys.state(state) for state in STATES])
        return dict(zip(STATES, counts, strict=True))

    async def longest_wait(self, now_ms: int) -> float:
        """Seconds that the longest-waiting of the ready actions that come first (100) has been ready; 0 if none."""
        ready = await self.list("ready", 100)
        since = min((action.work.since for action in ready if action.work.since is not None), default=now_ms)
        return max(0, now_ms - since) / 1000

    async def outbox(self, after: int, limit: int) -> Records:
        """At most `limit` records for the journal numbered above `after`, in order."""
        command = ("XRANGE", self._keys.outbox, after + 1, "+", "COUNT", limit)
        return [outcome_record(*entry) for entry in await self._redis.execute_command(*command)]

    async def trim(self, through: OutboxRecord) -> None:
        """Drops the outbox's records up to this one, if it is still there as it is here."""
        await TRIM.run(
            self._redis, [self._keys.outbox], [through.sequence, decode_outcome(through.payload).id]
        )

    async def _deliver(self, sender: str, records: Sequence[tuple[int, bytes]]) -> int:
        arguments = [item for numbered in records for item in _arguments(sender, *numbered)]
        kind, mark, *got = await self._change(DELIVER, sender, len(records), *arguments)
        if kind == b"gap":
            raise SequenceGap(
                f"queue: {sender} sent number {int(got[0])} where {int(mark) + 1} should come; nothing was taken. "
                f"Deliver again from the queue's mark"
            )
        return int(mark)

    async def _hold(self, call: str, alert_id: str, token: str, *arguments: str | int) -> Standing:
        answer, *rest = await self._change(CHANGE, call, alert_id, token, *arguments)
        if answer == b"unknown":
            raise UnknownAction(alert_id)
        if answer == b"lost":
            raise LeaseLost(alert_id, rest[0].decode())
        state, at, ended, occasion = rest
        return Standing(state.decode(), at, ended.decode() or None, occasion.decode() or None)

    async def _change(self, script: Script, *arguments: str | bytes | int) -> Any:
        return await script.run(self._redis, self._keys.all, (*self._policy, *arguments))


def _arguments(sender: str, sequence: int, record: bytes) -> tuple[str | bytes | int, ...]:
    try:
        alert = decode_alert(record)
    except msgspec.DecodeError as error:
        raise StateError(f"queue: record {sequence} of {sender} is not an alert: {error}") from error
    fields = (alert.id, alert.state, alert.problem, alert.customer, _optional(alert.subject), rank(alert))
    return (sequence, *fields, _optional(alert.occasion), record)


def _optional(value: str | None) -> str:
    return "-" if value is None else f"+{value}"


def _action(alert: bytes, work: bytes) -> QueuedAction:
    return QueuedAction(decode_alert(alert), decode_work(work))
