"""Where the queue lies in Redis: every key has the hash tag `{queue}`, so all share a slot."""

from forestall.pipeline.queue.values import ActionState

#: The order of the indexes in common.lua's KEYS.
IN_ORDER: tuple[ActionState, ...] = ("ready", "claimed", "snoozed", "scheduled", "done", "ended", "dead")


class QueueKeys:
    """The key names of one queue, and `all` in the order in which the scripts take them.

    alerts      hash: alert id -> JSON alert
    work        hash: alert id -> msgpack Work
    <state>     zset of alert ids, one for each state
    by_problem  zset of the ready, all of score 0: problem \\0 rank \\0 alert id
    marks       hash: sender -> last sequence taken
    meta        hash: outbox -> last sequence, claim:<worker> -> token and ids of the worker's latest claim
    outbox      stream: ids `<sequence>-0`
    """

    def __init__(self, prefix: str) -> None:
        self.root = f"{prefix}{{queue}}"
        self.alerts, self.work, self.marks, self.meta, self.outbox = map(
            self._key, ("alerts", "work", "marks", "meta", "outbox")
        )
        states = [self.state(state) for state in IN_ORDER]
        by_problem = self._key("by_problem")
        self.all = [self.alerts, self.work, by_problem, *states, self.marks, self.meta, self.outbox]

    def state(self, state: ActionState) -> str:
        """The index of one state."""
        return self._key(state)

    def _key(self, name: str) -> str:
        return f"{self.root}:{name}"
