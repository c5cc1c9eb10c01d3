"""The invariants by name, and what breaks one."""

from typing import NamedTuple

#: What must hold once all is quiet.
INVARIANTS = {
    "rest": "all comes to rest, and everything waits nowhere",
    "restart": "a worker ends only by what a restart cures",
    "fence": "no commit lands by who no longer holds the partition",
    "state": "each state is the sequential replay's, byte by byte",
    "emitted": "each hop holds what the replay emits to it, in order and byte by byte",
    "raised": "the core raises at nothing but poison",
    "gapless": "the numbers of each sender to each destination have no hole",
    "repeats": "what comes again is what came first",
    "committed once": "who reads committed sees each alert and decision once",
    "queued once": "the queue takes each alert once over its life",
    "one state": "each action is in the state that its alert's life allows, and in no other",
    "taken in": "every event of a foreign topic is in the journal, in order, what is broken among the dead letters",
    "counted once": "what a source sends again, while it is remembered, changes nothing",
    "same trees": "whichever trainer fits trees to a log, they are the same",
    "told": "what the queue's workers did is in the journal",
}


class Violation(NamedTuple):
    """One finding."""

    invariant: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.text}"
