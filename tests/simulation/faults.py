"""What goes wrong, how often, by seed: each run has a few kinds of fault and not all, so that none hides another."""

import random
from collections import Counter
from dataclasses import dataclass, field

#: What the nemesis does at moments of its own, with its weight.
ACTS = {
    "kill": 4,
    "kill at a step": 4,
    "pause": 3,
    "terminate": 2,
    "rebalance": 2,
    "redis falls back together": 3,
    "redis shard falls back": 3,
    "redis restarts": 2,
    "redis forgets scripts": 1,
    "redis out of memory": 1,
    "cut off from redis": 2,
    "broker restarts": 1,
}
#: What happens to single calls.
CALLS = (
    "lost request", "lost reply", "slow call", "lost acknowledgement", "refused write", "late write", "written twice"
)  # fmt: skip
#: All kinds.
KINDS = (*ACTS, *CALLS)


@dataclass
class Faults:
    """The plan of a run, and what was done. `rates` are probabilities of a call."""

    acts: dict[str, int]
    rates: dict[str, float]
    pause: float
    done: Counter[str] = field(default_factory=Counter)
    on: bool = True

    def strikes(self, kind: str, chance: random.Random) -> bool:
        """Whether it happens to this call."""
        rate = self.rates.get(kind, 0.0)
        if not self.on or rate == 0.0 or chance.random() >= rate:
            return False
        self.done[kind] += 1
        return True


def plan(chance: random.Random, idempotent: bool) -> Faults:
    """A few kinds of fault, and how often they come."""
    acts = {name: weight for name, weight in ACTS.items() if chance.random() < 0.5}
    rates = {name: chance.choice((0.0, 0.003, 0.02)) for name in CALLS}
    if idempotent:
        rates["written twice"] = 0.0
    return Faults(acts, rates, pause=chance.choice((0.7, 1.5, 3.0)))
