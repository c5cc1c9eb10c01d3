"""The simplest rules to beat: knowing the base rate alone, contacting everybody, and counting how often the problem
came to the customer in the last 30 days. They are fitted on the questions asked before the last ones."""

import numpy as np

from forestall.pipeline.backtest.contacts import Contacts
from forestall.pipeline.backtest.ladder import MOST, Ladder
from forestall.pipeline.backtest.result import Contender
from forestall.pipeline.backtest.spread import weighed
from forestall.pipeline.backtest.timeline import Timeline
from forestall.pipeline.backtest.value import Valuing, saving
from forestall.pipeline.core.models.arrays import Floats, Integers

COUNTS = MOST + 1
#: How many answers the base rate weighs in the rate of yes at one count.
PRIOR = 4.0
BASE_RATE, EVERYBODY, COUNT = "base rate alone", "contact everybody", "count in the last 30 days"


class Rules:
    """Counts the answers at each count, over time."""

    def __init__(self) -> None:
        self._timeline = Timeline(2 * COUNTS)

    def add(self, asked: Integers, count: Integers, y: Floats) -> None:
        """Takes answers; `count` is how often the problem came in the 30 days before `asked` (epoch ms)."""
        numbers, which = self._timeline.places(asked)
        cells = which * 2 * COUNTS + COUNTS * (y > 0.0) + np.minimum(count, MOST)
        sums = np.bincount(cells, minlength=len(numbers) * 2 * COUNTS).reshape(-1, 2 * COUNTS)
        self._timeline.add_sums(numbers, sums.astype(np.float64))

    def contenders(self, contacts: Contacts, ladder: Ladder, since: int, valuing: Valuing) -> list[Contender]:
        """How the rules fare since then; none where nothing was asked before."""
        no, yes = np.split(self._timeline.before(since), 2)
        if no.sum() + yes.sum() == 0:
            return []
        base = float(yes.sum() / (no.sum() + yes.sum()))
        rates = (yes + PRIOR * base) / (no + yes + PRIOR)
        found, hits = contacts.since(since)
        everybody = valuing.value(int(found[0]), int(hits[0]))
        threshold = valuing.problem.threshold
        by_base = everybody if base > threshold else valuing.value(0, 0)
        rung, words = self._best(contacts, ladder, since, valuing)
        by_count = valuing.value(*((int(found[rung]), int(hits[rung])) if rung >= 0 else (0, 0)))
        later = np.split(self._timeline.since(since), 2)
        flat = weighed(np.full(COUNTS, base), later[0], later[1], threshold)
        counted = weighed(rates, later[0], later[1], threshold)
        return [
            Contender(name=BASE_RATE, kind="rule", scores=flat, value=by_base),
            Contender(name=EVERYBODY, kind="rule", scores=None, value=everybody),
            Contender(name=f"{COUNT}{words}", kind="rule", scores=counted, value=by_count),
        ]

    def _best(self, contacts: Contacts, ladder: Ladder, since: int, valuing: Valuing) -> tuple[int, str]:
        """The rung of counts that saved most before, and its words; -1 where none saved anything."""
        found, hits = contacts.before(since)
        counts = [(rung, f" ≥ {rung - ladder.at_least}") for rung in range(ladder.at_least, ladder.at_most)]
        counts += [
            (rung, f" ≤ {MOST - rung + ladder.at_most}") for rung in range(ladder.at_most, ladder.rungs)
        ]
        saved, rung, words = max(
            (saving(valuing.problem, int(found[rung]), int(hits[rung])), -rung, words)
            for rung, words in counts
        )
        return (-rung, words) if saved > 0.0 else (-1, ": nobody")
