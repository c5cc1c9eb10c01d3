"""The score cards of one problem."""

from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from forestall.pipeline.backtest.page.words import amount, percent, score, short_hours, signed
from forestall.pipeline.backtest.result import ProblemResult


class Card(NamedTuple):
    """A figure, what it is, and what to hold it against."""

    name: str
    figure: str
    beside: str
    kind: str = ""


def cards(one: ProblemResult) -> str:
    """All cards of a problem."""
    made = "".join(
        f'<div class="card"><dt>{escape(card.name)}</dt><dd class="figure {card.kind}">{escape(card.figure)}</dd>'
        f'<dd class="beside">{escape(card.beside)}</dd></div>'
        for card in _cards(one)
    )
    return f'<dl class="cards">{made}</dl>'


def _cards(one: ProblemResult) -> Iterator[Card]:
    money, own = one.money, one.contenders[0].value
    assert money is not None
    assert own is not None
    saved, over = money.saving_per_1000_customers, money.over_best_rule_per_1000_customers
    kind = "good" if saved > 0 else "bad" if saved < 0 else ""
    yield Card("Saving per 1,000 customers", amount(saved), "contacting nobody: 0", kind)
    kind = "good" if over > 0 else "bad" if over < 0 else ""
    yield Card("Against the best simple rule", signed(over), money.best_rule, kind)
    yield Card("Contacts that are right", percent(own.precision), f"base rate {percent(one.last.base_rate)}")
    yield Card(
        "Contacts a week", f"{own.contacts_a_week:,.0f}", f"above the threshold of {one.threshold:.2f}"
    )
    if one.lead_hours is not None:
        yield Card(
            "Time to act (median)", short_hours(one.lead_hours), f"of {one.came_true:,} alerts that came true"
        )
    yield Card("Ranking (AUROC)", score(one.last.auroc), _against(one))
    yield Card("Calibration error", score(one.last.calibration_error), f"log loss {score(one.last.log_loss)}")


def _against(one: ProblemResult) -> str:
    if one.reference is not None:
        return f"LightGBM, trained once: {score(one.reference.auroc)}"
    rules = [c.scores.auroc for c in one.contenders if c.kind == "rule" and c.scores is not None]
    return f"best simple rule {score(max(rules))}" if rules else "a coin: 0.500"
