"""The tables of the page."""

from forestall.pipeline.backtest.page.html import Row, table
from forestall.pipeline.backtest.page.words import amount, hours, percent, score, signed
from forestall.pipeline.backtest.result import Contender, ProblemResult, Result, Slice
from forestall.pipeline.backtest.value import NOBODY
from forestall.pipeline.core.wording import noun

_SCORES = ("auroc", "auprc", "log_loss", "calibration_error")


def summary_table(result: Result) -> str:
    """All problems, a line each."""
    header = ("problem", "saving per 1,000 customers", "against the best simple rule", "contacts a week",
              "of them right", "half come later than", "AUROC")  # fmt: skip
    return table(header, [_summary(one) for one in result.problems], "All problems")


def _summary(one: ProblemResult) -> Row:
    own = one.contenders[0].value if one.contenders else None
    if one.money is None or own is None:
        return Row((one.title, *["–"] * 5, score(one.last.auroc)))
    return Row(
        (
            one.title,
            amount(one.money.saving_per_1000_customers),
            signed(one.money.over_best_rule_per_1000_customers),
            f"{own.contacts_a_week:,.0f}",
            percent(own.precision),
            hours(one.lead_hours) if one.lead_hours is not None else "–",
            score(one.last.auroc),
        )
    )


def contender_table(one: ProblemResult) -> str:
    """Who foresaw the last questions how well, and what each would have saved."""
    header = ("", "saving per 1,000 customers", "contacts a week", "of them right", "AUROC", "AUPRC", "log loss",
              "calibration error", "precision", "share foreseen")  # fmt: skip
    rows = [_contender(contender, own=place == 0) for place, contender in enumerate(one.contenders)]
    rows.append(Row((NOBODY, "0", "0", "–", *["–"] * 6)))
    return table(header, rows, "Models and simple rules")


def _contender(one: Contender, *, own: bool) -> Row:
    cells = [one.name.replace("≥ ", "≥\N{NO-BREAK SPACE}").replace("≤ ", "≤\N{NO-BREAK SPACE}")]
    cells += (
        ["–"] * 3
        if one.value is None
        else [
            amount(one.value.saving_per_1000_customers),
            f"{one.value.contacts_a_week:,.1f}",
            percent(one.value.precision),
        ]
    )
    if one.scores is None:
        cells += ["–"] * 6
    else:
        cells += [score(getattr(one.scores, field)) for field in _SCORES]
        cells += [percent(one.scores.precision), percent(one.scores.recall)]
    return Row(cells, "own" if own else "")


def slice_table(one: ProblemResult) -> str:
    """The last questions in slices."""
    header = ("", "share", "came true", "mean probability", "AUROC", "precision", "share foreseen")
    rows: list[Row] = []
    field = ""
    for part in one.slices:
        if part.field != field:
            field = part.field
            rows.append(Row((noun({}, field),), "group"))
        rows.append(_slice(part))
    return table(header, rows, "Slices of the last questions")


def _slice(part: Slice) -> Row:
    shares = (percent(part.share), percent(part.base_rate), percent(part.said))
    return Row((part.value, *shares, score(part.auroc), percent(part.precision), percent(part.recall)))


def treatment_table(one: ProblemResult) -> str:
    """What came of the questions above the threshold, by what was done."""
    header = ("above the threshold", "questions", "mean probability", "came true", "fewer than foreseen")
    rows = [
        Row(
            (
                t.treatment.replace("_", " "),
                f"{t.count:,}",
                percent(t.said),
                percent(t.came),
                percent(t.said - t.came),
            )
        )
        for t in one.treatments
    ]
    return table(header, rows, "Effect of contact")
