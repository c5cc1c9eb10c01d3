"""What a core says should happen, as data. Edges carry effects out and count them."""

from collections import Counter
from typing import NamedTuple

#: Destinations: "queue", "alerts", "ledger", "deadletters", "answers/<partition>" from foresee;
#: "notices" (to every journal partition) and "deadletters" from learn.
QUEUE = "queue"
ALERTS = "alerts"
LEDGER = "ledger"
DEAD_LETTERS = "deadletters"
NOTICES = "notices"


def answers_to(partition: int) -> str:
    """The destination of an answers topic partition."""
    return f"answers/{partition}"


class Record(NamedTuple):
    """One record of a log. `ms` is the broker's timestamp, epoch milliseconds."""

    offset: int
    ms: int
    key: bytes | None
    value: bytes | None


class Effect(NamedTuple):
    """One record for a destination; `sequence` is gapless per destination, from 1. `key` is the Kafka key."""

    destination: str
    sequence: int
    key: bytes | None
    payload: bytes


class Progress(NamedTuple):
    """How far a run came: the index of the first record not applied, and what the core lacks to go on.

    `missing` are keys of documents to load and admit; `due_missing` asks for the next window of due times.
    Neither, and `consumed` short of the end: the budget is used up; commit, then run on.
    """

    consumed: int
    missing: frozenset[str]
    due_missing: bool


class Changes(NamedTuple):
    """What one commit writes. A document or due time of None is deleted. `counts` is for metrics:
    the key is the metric's name and its label values."""

    documents: dict[str, bytes | None]
    due: dict[str, int | None]
    effects: list[Effect]
    counts: Counter[tuple[str, ...]]
