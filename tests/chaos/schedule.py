"""Which faults, and when: drawn by a seed, in the proportions of a deck."""

from collections.abc import Mapping
from random import Random
from typing import NamedTuple

#: A full deck has so many of each kind. Workers are killed by two of them, and
#: stopped by two, and Redis dies by two.
DECK = {
    "worker_killed": 45,
    "receipts_lost": 5,
    "worker_ended": 10,
    "worker_frozen": 5,
    "commit_delayed": 5,
    "worker_added": 10,
    "worker_removed": 10,
    "broker_restarted": 5,
    "store_killed": 3,
    "store_lost": 2,
    "store_refuses_writes": 1,
    "store_cut_off": 3,
}
#: Where trainers run, too.
TRAINED_DECK = {**DECK, "trainer_killed": 10}
#: Seconds between two faults, on average, and before the first.
GAP = 5.0
QUIET = 4.0


class Planned(NamedTuple):
    """A fault at `at` seconds after the beginning. `pick` (0 to 1) chooses among what it may hit; `seconds` is how
    long it lasts, where it lasts."""

    at: float
    kind: str
    pick: float
    seconds: float


def schedule(seed: int, seconds: float, gap: float = GAP, deck: Mapping[str, int] = DECK) -> list[Planned]:
    """Faults for so many seconds. The same seed gives the same; what comes first has every kind."""
    random = Random(seed)
    cards, drawn = _shuffled(random, list(deck)), 1  # of each kind; they count for the first full deck
    planned: list[Planned] = []
    at = QUIET
    while at < seconds:
        if not cards:
            left = [kind for kind, count in deck.items() for _ in range(count - drawn)]
            cards, drawn = _shuffled(random, left), 0
        planned.append(Planned(at, cards.pop(), random.random(), random.uniform(2.5, 5.0)))
        at += gap * random.uniform(0.3, 1.7)
    return planned


def _shuffled(random: Random, cards: list[str]) -> list[str]:
    random.shuffle(cards)
    return cards
