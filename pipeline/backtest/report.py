"""The result as one page: it needs no network, no script, and reads well on paper too."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

from forestall.pipeline.backtest.charts import auroc_over_time, reliability
from forestall.pipeline.backtest.result import ProblemResult, Result
from forestall.pipeline.backtest.tally import Tally

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Backtest of {name}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1c2430; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; margin: 1rem 0 }}
th, td {{ padding: .25rem 1rem .25rem 0; text-align: right; font-variant-numeric: tabular-nums }}
th:first-child, td:first-child {{ text-align: left }}
thead th {{ border-bottom: 1px solid #8894a4; font-weight: 600 }} tbody th {{ font-weight: 400 }}
figure {{ display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top }} figcaption {{ max-width: 26rem }}
svg {{ background: #f6f8fa; border-radius: 4px }} .line {{ fill: none; stroke: #0b62a8; stroke-width: 2 }}
.dot {{ fill: #0b62a8 }} .even {{ stroke: #66707e; stroke-dasharray: 4 4 }} text {{ font-size: 12px; fill: #3a4452 }}
p.note, figcaption {{ color: #3a4452; font-size: .9rem }}
</style></head><body>
<h1>Backtest of {name}</h1>
<p>{events:,} events, model {model}. Each question was answered by what had been learned when it was asked, and
learned only once its answer was known. “The last 30&nbsp;%” are the answers asked last.</p>
{problems}
</body></html>
"""
_PROBLEM = """<h2>{title}</h2>
<p class="note">{counts}</p>
<table><thead><tr><th scope="col"></th><th scope="col">all answers</th>
<th scope="col">the last 30&nbsp;%</th></tr></thead>
<tbody>{rows}</tbody></table>
<figure>{reliability}<figcaption>Of the questions that were given a probability, how many came true.
The dashed line is perfect; larger dots are more questions.</figcaption></figure>
<figure>{over_time}<figcaption>AUROC of each twentieth of the answers, in the order in which they were asked.
The dashed line is a coin.</figcaption></figure>
"""
#: What the table shows of the scores, in words.
_ROWS = (
    ("base rate", "base_rate"),
    ("AUROC", "auroc"),
    ("AUPRC", "auprc"),
    ("log loss", "log_loss"),
    ("calibration error", "calibration_error"),
    ("precision above the threshold", "precision"),
    ("share foreseen", "recall"),
)


def write_report(path: Path, result: Result, tallies: Mapping[str, Tally], name: str) -> None:
    """Writes the page; the same result gives the same bytes."""
    problems = "".join(_problem(one, tallies[one.problem]) for one in result.problems)
    page = _PAGE.format(
        name=escape(name), events=result.run.events, model=escape(result.run.model), problems=problems
    )
    path.write_text(page, "utf-8")


def _problem(one: ProblemResult, tally: Tally) -> str:
    p, y = tally.pairs()
    rows = "".join(
        f'<tr><th scope="row">{words}</th><td>{getattr(one.every, field):.3f}</td>'
        f"<td>{getattr(one.last, field):.3f}</td></tr>"
        for words, field in _ROWS
    )
    return _PROBLEM.format(
        title=f"{escape(one.title)} ({escape(one.problem)})",
        counts=escape(_counts(one)),
        rows=rows,
        reliability=reliability(p, y),
        over_time=auroc_over_time(p, y),
    )


def _counts(one: ProblemResult) -> str:
    counts = (
        f"{one.questions:,} questions: {one.answered:,} answered, {one.unlearned:,} ended unlearned, {one.open:,} "
        f"still open. {one.alerts.get('raised', 0):,} alerts raised above {one.threshold:.2f}, "
        f"{one.came_true:,} came true"
    )
    return counts + (f", {one.lead_hours:,.1f} hours ahead (median)." if one.lead_hours is not None else ".")
