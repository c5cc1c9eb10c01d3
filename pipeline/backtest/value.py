"""What acting is worth, in the unit of a problem's costs.

A contact costs `contact`. If the problem was not coming, it also costs the `compensation` that was given for nothing;
if it was coming, the contact prevents it with the chance `effectiveness`, and then saves `miss`. So

    saving = hits · (effectiveness · miss + compensation) - contacts · (contact + compensation)

which is what the threshold is derived from: acting pays above p = (contact + compensation) / (effectiveness · miss +
compensation). Nobody contacted saves nothing. Whether a contact would have prevented the problem is not in a history
where nobody was contacted: `effectiveness` is the catalogue's word for it.
"""

import numpy as np

from forestall.pipeline.backtest.result import Contender, Money, Value
from forestall.pipeline.core.catalogue.declaration import DAY, Problem

WEEK = 7 * DAY
NOBODY = "contact nobody"


def saving(problem: Problem, contacts: int, hits: int) -> float:
    """What so many contacts save, at `hits` of which the problem was coming.

    >>> from forestall.pipeline.core.catalogue.declaration import Ask, Costs
    >>> saving(Problem(name="a", title="A", ask=Ask(on=("x",)), costs=Costs(miss=10, contact=1, compensation=2)), 3, 2)
    5.0
    """
    costs = problem.costs
    gained = hits * (problem.effectiveness * costs.miss + costs.compensation)
    return gained - contacts * (costs.contact + costs.compensation)


class Valuing:
    """Values counts of contacts over the last questions of one problem: of `customers`, over `weeks`."""

    def __init__(self, problem: Problem, customers: int, weeks: float) -> None:
        self.problem, self.customers, self.weeks = problem, customers, weeks

    def value(self, contacts: int, hits: int) -> Value:
        """What these contacts are worth."""
        saved = saving(self.problem, contacts, hits)
        return Value(
            contacts=contacts,
            hits=hits,
            contacts_a_week=contacts / self.weeks if self.weeks else 0.0,
            precision=hits / contacts if contacts else np.nan,
            saving=saved,
            saving_per_1000_customers=self._per_1000(saved),
        )

    def money(self, own: Value, rules: list[Contender]) -> Money:
        """The saving, against the best of the rules as it turned out, and against contacting nobody."""
        values = [(rule.value.saving, rule.name) for rule in rules if rule.value is not None]
        best, name = max(values, key=lambda value: value[0], default=(0.0, NOBODY))
        if best <= 0.0:
            best, name = 0.0, NOBODY
        costs = self.problem.costs
        return Money(
            miss=costs.miss,
            contact=costs.contact,
            compensation=costs.compensation,
            effectiveness=self.problem.effectiveness,
            customers=self.customers,
            weeks=self.weeks,
            saving_per_1000_customers=self._per_1000(own.saving),
            best_rule=name,
            over_best_rule_per_1000_customers=self._per_1000(own.saving - best),
            over_nobody_per_1000_customers=self._per_1000(own.saving),
        )

    def _per_1000(self, amount: float) -> float:
        return amount * 1000.0 / self.customers if self.customers else 0.0
