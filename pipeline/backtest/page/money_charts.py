"""Charts of what acting is worth: saving by threshold, contacts that are right, time to act."""

from forestall.pipeline.backtest.page.drawing import HEIGHT, MAIN, MARK, SOFT
from forestall.pipeline.backtest.page.marks import Chart, Models, Spec, across, dots, label, marked, thinned
from forestall.pipeline.backtest.page.words import amount, hours, leads_tell, percent
from forestall.pipeline.backtest.result import Money, ProblemResult, Rung, Value
from forestall.pipeline.backtest.rules import BASE_RATE
from forestall.pipeline.backtest.value import NOBODY

#: Fewer contacts than these are no share.
FEWEST = 20


def saving(one: ProblemResult, models: Models) -> Chart | None:
    """What each threshold would have saved."""
    if one.money is None or not one.rungs:
        return None
    own = next(rung for rung in one.rungs if rung.chosen)
    best = max(one.rungs, key=lambda rung: rung.value.saving)
    most = f"{best.threshold:.2f} would have saved most, {amount(best.value.saving_per_1000_customers)}"
    figures = [
        (
            f"{r.threshold:.2f}" + (" (chosen)" if r.chosen else ""),
            amount(r.value.saving_per_1000_customers),
            f"{r.value.contacts_a_week:,.1f}",
            percent(r.value.precision),
        )
        for r in thinned(one.rungs)
    ]
    return Chart(
        "What each threshold would have saved",
        _saving_spec(one, one.money, own),
        f"Saving per 1,000 customers by threshold. The chosen threshold {own.threshold:.2f} saves "
        f"{amount(own.value.saving_per_1000_customers)}; {most}.",
        f"The marked threshold follows from the costs, not from this curve; looking back, {most}.",
        ("threshold", "saving per 1,000", "contacts a week", "of them right"),
        figures,
    )


def _saving_spec(one: ProblemResult, money: Money, own: Rung) -> Spec:
    savings = [rung.value.saving_per_1000_customers for rung in one.rungs]
    highest = max(savings)
    lowest = max(min(savings), -highest) if highest > 0.0 else min(savings)
    x: Spec = {"field": "x", "type": "quantitative", "title": "contact above this probability"}
    x |= {"scale": {"domain": [0, 1]}, "axis": {"tickCount": 5}}
    y: Spec = {"field": "y", "type": "quantitative", "title": "saving per 1,000 customers"}
    y |= {"scale": {"domain": [lowest, max(highest, 1e-6) * 1.2], "nice": True}}
    curve = [{"x": rung.threshold, "y": rung.value.saving_per_1000_customers} for rung in one.rungs]
    chosen = {"x": own.threshold, "y": own.value.saving_per_1000_customers}
    layers: list[Spec] = [
        {
            "mark": {"type": "line", "color": MAIN, "strokeWidth": 2.5, "clip": True},
            "encoding": {"x": x, "y": y},
        },
        across(0.0, SOFT),
        *marked(chosen, f"chosen: {own.threshold:.2f}", x, y, right=own.threshold > 0.6),
    ]
    rule = money.saving_per_1000_customers - money.over_best_rule_per_1000_customers
    if money.best_rule != NOBODY:
        at = {"x": 1.0, "y": rule}
        layers += [
            across(rule, MARK, dash=True),
            label(at, "best simple rule", x, y, align="right", colour=MARK),
        ]
    return {"data": {"values": curve}, "layer": layers}


def contacts(one: ProblemResult, models: Models) -> Chart | None:
    """How many contacts are right, if so many are made."""
    made = [rung for rung in one.rungs if rung.value.contacts >= FEWEST]
    own = next((rung for rung in one.rungs if rung.chosen), None)
    if len(made) < 2 or own is None:
        return None
    spec, beside = _contacts_spec(one, made, own)
    return Chart(
        "How many contacts are right",
        spec,
        f"Precision against contacts a week: at the chosen threshold {own.value.contacts_a_week:,.1f} contacts a week, "
        f"{percent(own.value.precision)} of them right.",
        "Fewer contacts, to those most at risk, are right more often. The dots are the others of the table above.",
        ("contacts a week", "of them right", "threshold"),
        [
            (f"{r.value.contacts_a_week:,.1f}", percent(r.value.precision), f"{r.threshold:.2f}")
            for r in thinned(made)
        ],
        HEIGHT + 18 * beside,
    )


def _contacts_spec(one: ProblemResult, made: list[Rung], own: Rung) -> tuple[Spec, int]:
    """The chart, and how many others are on it."""
    x: Spec = {"field": "x", "type": "quantitative", "title": "contacts a week"}
    x |= {"scale": {"type": "sqrt"}, "axis": {"tickCount": 5, "format": "~s"}}
    y: Spec = {"field": "y", "type": "quantitative", "title": "of them right"}
    y |= {"axis": {"format": "%", "tickCount": 5}, "scale": {"domain": [0, 1]}}
    others = [(c.name, c.value) for c in one.contenders[1:] if c.value is not None and c.name != BASE_RATE]
    beside = [(name, value) for name, value in others if value.contacts]
    layers: list[Spec] = [
        {"mark": {"type": "line", "color": MAIN, "strokeWidth": 2.5}, "encoding": {"x": x, "y": y}},
        {
            "data": {"values": [{"name": name, **_place(value)} for name, value in beside]},
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": dots([name for name, _ in beside])},
        },
    ]
    if own.value.contacts:
        right = own.value.contacts_a_week > 0.4 * made[0].value.contacts_a_week
        layers += marked(_place(own.value), f"chosen: {own.threshold:.2f}", x, y, right=right)
    return {"data": {"values": [_place(rung.value) for rung in made]}, "layer": layers}, len(beside)


def _place(value: Value) -> dict[str, float]:
    return {"x": value.contacts_a_week, "y": value.precision}


def leads(one: ProblemResult, models: Models) -> Chart | None:
    """How long before the problem the alert was raised."""
    if one.lead_hours is None or not leads_tell(one):
        return None
    x = {
        "field": "x",
        "type": "ordinal",
        "sort": None,
        "title": None,
        "axis": {"labelAngle": -35, "domain": False},
    }
    y = {
        "field": "y",
        "type": "quantitative",
        "title": "alerts that came true",
        "axis": {"format": "%", "tickCount": 5},
    }
    shares = [{"x": bar.words, "y": bar.count / one.came_true} for bar in one.leads]
    bars = {"mark": {"type": "bar", "color": MAIN, "cornerRadiusEnd": 2}, "encoding": {"x": x, "y": y}}
    return Chart(
        "How long ahead",
        {"data": {"values": shares}, **bars},
        f"Lead times of {one.came_true:,} alerts that came true; the median is {hours(one.lead_hours)}.",
        f"From the alert to the moment the problem came. Half of them leave more than {hours(one.lead_hours)} to act.",
        ("lead time", "alerts"),
        [(bar.words, f"{bar.count:,}") for bar in one.leads],
    )
