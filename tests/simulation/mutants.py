"""Broken products: each lacks something that exactly once rests on, and must be caught by some seed."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from tests.simulation import mutant_patches as patches
from tests.simulation import mutant_twins as twins
from tests.simulation.run import Result, Twins, simulate


class Mutant(NamedTuple):
    """What is broken: twins of Redis, and patches of the product."""

    twins: Twins = Twins()
    patches: Callable[[], AbstractContextManager[object]] = nullcontext


MUTANTS = {
    "fence": Mutant(Twins(store=twins.Unfenced)),
    "position": Mutant(Twins(store=twins.Uncompared)),
    "both": Mutant(Twins(store=twins.Unguarded)),
    "queue-mark": Mutant(Twins(queue=twins.Unmarked)),
    "endless": Mutant(Twins(queue=twins.Endless)),
    "forgetful": Mutant(Twins(queue=twins.Forgetful)),
    "marks": Mutant(patches=patches.unmarked_receivers),
    "early-mark": Mutant(patches=patches.marks_before_receipts),
    "forgotten-mark": Mutant(patches=patches.transactions_keep_no_mark),
    "early-trim": Mutant(patches=patches.trims_too_early),
    "dropped": Mutant(patches=patches.commits_what_was_dropped),
    "ids": Mutant(patches=patches.forgets_ids),
    "uncommitted": Mutant(patches=patches.reads_uncommitted),
    "outcomes": Mutant(patches=patches.drops_outcomes_before_telling),
    "raises": Mutant(patches=patches.core_that_raises),
    "chance": Mutant(patches=patches.core_that_leaves_bytes_to_chance),
    "trees": Mutant(patches=patches.fits_other_trees_each_time),
}

#: What catches each, of all that may.
CAUGHT_BY = {
    "fence": {"fence"},
    "position": {"state", "emitted", "restart"},
    "both": {"state", "emitted", "fence"},
    "queue-mark": {"emitted"},
    "endless": {"one state"},
    "forgetful": {"queued once"},
    "marks": {"state", "emitted"},
    "early-mark": {"gapless"},
    "forgotten-mark": {"committed once"},
    "early-trim": {"rest", "restart"},
    "dropped": {"taken in"},
    "ids": {"counted once"},
    "uncommitted": {"state"},
    "outcomes": {"told"},
    "raises": {"raised"},
    "chance": {"repeats"},
    "trees": {"same trees"},
}


def simulate_mutant(name: str, seed: int) -> Result:
    """Runs one seed with the product broken so."""
    mutant = MUTANTS[name]
    with mutant.patches():
        return simulate(seed, mutant.twins)
