"""What the queue takes and gives, as frozen values. Times are epoch milliseconds of Redis' clock."""

from typing import Literal, NamedTuple, get_args

import msgspec

from forestall.schemas.alert import Alert

#: `snoozed` waits until a time: asked for, or backing off after an attempt. `scheduled` waits for the core.
#: `ended` was withdrawn, expired or resolved by the core.
ActionState = Literal["scheduled", "ready", "claimed", "snoozed", "done", "ended", "dead"]
STATES: tuple[ActionState, ...] = get_args(ActionState)

HOUR = 3_600_000


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How often an action is tried, and how long the finished are kept. Durations in ms."""

    attempts: int = 5
    backoff: int = 15_000
    ceiling: int = 600_000
    keep_done: int = 24 * HOUR
    keep_dead: int = 7 * 24 * HOUR
    dead_cap: int = 10_000


class Claim(NamedTuple):
    """An action in a worker's hands until `lease_until`; `attempt` counts from 1."""

    alert: Alert
    token: str
    lease_until: int
    attempt: int


class Standing(msgspec.Struct, frozen=True):
    """Where an action stands after a worker's call: its state, since or until when.

    `ended` (withdrawn, expired, resolved) and its `occasion` say that the core ended the action while the worker
    had it: stop, unless it was done already.
    """

    state: ActionState
    at: int
    ended: str | None = None
    occasion: str | None = None


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What the queue knows of an action besides its alert; common.lua writes it.

    `at` is when it becomes ready (snoozed, scheduled), when its lease ends (claimed), since when it is done,
    ended or dead; for ready actions it is the rank, and `since` is when they became ready.
    """

    state: ActionState
    at: int
    problem: str
    customer: str
    rank: int
    since: int | None = None
    subject: str | None = None
    attempt: int = 0
    token: str | None = None
    worker: str | None = None
    result: str | None = None
    ended: str | None = None
    occasion: str | None = None


class QueuedAction(NamedTuple):
    """An action as it lies in the queue."""

    alert: Alert
    work: Work
