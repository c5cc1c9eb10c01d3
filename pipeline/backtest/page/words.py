"""Numbers as people read them, and a problem's verdict in plain sentences."""

from datetime import UTC, datetime
from math import isnan

from forestall.pipeline.backtest.result import Money, ProblemResult, Value
from forestall.pipeline.backtest.value import NOBODY

#: From so many alerts a share is told as "N of 10".
_TEN = 10


def amount(value: float) -> str:
    """Money, with a real minus sign."""
    return f"{value:,.0f}".replace("-", "−")


def signed(value: float) -> str:
    """Money with its sign, either way."""
    return f"{value:+,.0f}".replace("-", "−")


def percent(share: float) -> str:
    """A share; a dash where there is none."""
    return "–" if isnan(share) else f"{share:.0%}" if share >= 0.0995 or share == 0 else f"{share:.1%}"


def score(value: float) -> str:
    """A score to three places; a dash where it is undefined."""
    return "–" if isnan(value) else f"{value:.3f}"


def hours(value: float) -> str:
    """A time: hours, from two days on days."""
    if value < 48:
        return f"{value:.1f} hours"
    return f"{value / 24:.1f} days" if value < 240 else f"{value / 24:.0f} days"


def short_hours(value: float) -> str:
    """A time for a card."""
    return f"{value:.1f} h" if value < 9.95 else f"{value:.0f} h" if value < 48 else hours(value)


def leads_tell(one: ProblemResult) -> bool:
    """Whether lead times say anything: where something must fail to happen, the problem always comes at the horizon."""
    return one.lead_hours is not None and max(bar.count for bar in one.leads) < 0.95 * one.came_true


def day(ms: int) -> str:
    """Epoch milliseconds as a date, UTC."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{moment.day} {moment:%b %Y}"


def verdict(one: ProblemResult, money: Money) -> list[str]:
    """What a manager wants to know first."""
    own = one.contenders[0].value
    assert own is not None
    if not own.contacts:
        return ["At the threshold that follows from its costs, nobody would have been contacted."]
    right = own.precision * _TEN
    told = [f"About {own.contacts_a_week:,.0f} customers a week would be contacted."]
    told.append(f"At {right:.0f} of 10 contacts the problem was coming.")
    if one.lead_hours is not None and leads_tell(one):
        told.append(f"Half of those alerts came more than {hours(one.lead_hours)} ahead.")
    told.append(_worth(money, own))
    return told


def _worth(money: Money, own: Value) -> str:
    saved, over = money.saving_per_1000_customers, money.over_best_rule_per_1000_customers
    unit = f"for each 1,000 of the {money.customers:,} customers in {money.weeks:.0f} weeks"
    if saved <= 0.0:
        return f"At these costs it does not pay: it would lose {amount(-saved)} {unit}."
    if over < 0.0:
        return f"It saves {amount(saved)} {unit}, {amount(-over)} less than a simple rule would ({money.best_rule})."
    if money.best_rule == NOBODY:
        return f"It saves {amount(saved)} {unit}; no simple rule saves anything."
    return (
        f"It saves {amount(saved)} {unit}, {amount(over)} more than the best simple rule ({money.best_rule})."
    )
