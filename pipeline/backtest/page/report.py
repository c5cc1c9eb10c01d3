"""The result as one page: it needs no network and no script, and reads well on a telephone and on paper too."""

from collections.abc import Iterator
from html import escape
from importlib import resources
from pathlib import Path

from forestall.pipeline.backtest.page.cards import cards
from forestall.pipeline.backtest.page.drawing import Drawing
from forestall.pipeline.backtest.page.html import Row, table
from forestall.pipeline.backtest.page.marks import Chart, Models
from forestall.pipeline.backtest.page.money_charts import contacts, leads, saving
from forestall.pipeline.backtest.page.quality_charts import auprc, auroc, factors, reliability
from forestall.pipeline.backtest.page.reading import READING
from forestall.pipeline.backtest.page.tables import (
    contender_table,
    slice_table,
    summary_table,
    treatment_table,
)
from forestall.pipeline.backtest.page.words import day, verdict
from forestall.pipeline.backtest.result import ProblemResult, Result

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Backtest of {name}</title>
<style>
{style}</style></head><body>
{content}
</body></html>
"""
#: The charts of a problem, in the order in which they stand on the page.
CHARTS = (saving, contacts, reliability, auroc, auprc, leads)


def write_report(path: Path, result: Result, name: str) -> None:
    """Writes the page; the same result gives the same bytes. Raises ConfigurationError where nothing can draw."""
    drawing = Drawing()
    style = resources.files(__package__).joinpath("page.css").read_text("utf-8")
    content = "\n".join(_content(result, name, drawing))
    path.write_text(_PAGE.format(name=escape(name), style=style, content=content), "utf-8")


def _content(result: Result, name: str, drawing: Drawing) -> Iterator[str]:
    run = result.run
    span = f", {day(run.first)} to {day(run.last)}" if run.first is not None and run.last is not None else ""
    models = ", ".join([run.model, *(other.run.model for other in result.others)])
    models = f"model{'s' if result.others else ''} {escape(models)}"
    yield f"<header><h1>How well {escape(name)} is foreseen</h1>"
    yield f'<p class="soft">{run.events:,} events of {run.customers:,} customers{span} · {models}</p></header>'
    if len(result.problems) > 1:
        links = (f'<a href="#{escape(one.problem)}">{escape(one.title)}</a>' for one in result.problems)
        yield f'<nav aria-label="Problems">{"".join(links)}</nav>'
        yield f'<section class="first"><h2>At a glance</h2>{summary_table(result)}</section>'
    for place, one in enumerate(result.problems):
        others = [other.problems[place] for other in result.others]
        names = [run.model, *(other.run.model for other in result.others)]
        yield from _problem(one, Models(names, [one, *others]), drawing, alone=len(result.problems) == 1)
    yield '<section id="reading"><h2>How to read this</h2><dl class="plain">'
    yield "".join(f"<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>" for word, meaning in READING)
    yield f'</dl><p class="soft small">{escape(_facts(result))}</p></section>'


def _problem(one: ProblemResult, models: Models, drawing: Drawing, *, alone: bool) -> Iterator[str]:
    yield f'<section id="{escape(one.problem)}"{" class=first" if alone else ""}>'
    yield f"<h2>{escape(one.title)} <code>{escape(one.problem)}</code></h2>"
    if one.money is None or not one.last.count:
        yield f'<p class="verdict">Nothing to score: {one.answered:,} of {one.questions:,} questions were answered.</p>'
        yield "</section>"
        return
    yield f'<p class="verdict">{escape(" ".join(verdict(one, one.money)))}</p>'
    yield cards(one)
    yield f"<h3>Beside others, on the same {one.last.count:,} questions</h3>{contender_table(one)}"
    made = (chart(one, models) for chart in CHARTS)
    yield f'<div class="charts">{"".join(_figure(chart, drawing) for chart in made if chart is not None)}</div>'
    yield from _looked_into(one, models, drawing)
    if any(treated.treatment != "untouched" for treated in one.treatments):
        yield f"<h3>What contact did</h3>{treatment_table(one)}"
    yield f'<p class="soft small">{escape(_counts(one))}</p></section>'


def _looked_into(one: ProblemResult, models: Models, drawing: Drawing) -> Iterator[str]:
    """What it looks at, beside whom it foresees well."""
    chart = factors(one, models)
    slices = f"<div><h3>Whom it foresees well</h3>{slice_table(one)}</div>" if one.slices else ""
    if chart is not None:
        yield f'<div class="split">{_figure(chart, drawing)}{slices}</div>'
    else:
        yield slices


def _figure(chart: Chart, drawing: Drawing) -> str:
    svg = drawing.svg(chart.spec, chart.alt, chart.height)
    rows = table(chart.header, [Row(cells) for cells in chart.rows], chart.title)
    details = f"<details><summary>The figures</summary>{rows}</details>"
    caption = f"<figcaption>{escape(chart.note)}</figcaption>"
    return f"<figure><h3>{escape(chart.title)}</h3>{svg}{caption}{details}</figure>"


def _counts(one: ProblemResult) -> str:
    held = ", ".join(f"{count:,} by {gate}" for gate, count in one.held_back.items())
    return (
        f"{one.questions:,} questions: {one.answered:,} answered, {one.unlearned:,} ended unlearned, {one.open:,} "
        f"still open. The core raised {one.alerts.get('raised', 0):,} alerts, of which {one.came_true:,} came true"
        + (f"; held back: {held}." if held else ".")
    )


def _facts(result: Result) -> str:
    run = result.run
    told = f"{run.events:,} events in {run.partitions} partition{'s' if run.partitions != 1 else ''}"
    if run.too_large:
        told += f"; {run.too_large:,} lines were too large"
    causes = ", ".join(f"{count:,} {cause}" for cause, count in run.dead_letters.items())
    return told + (f"; dead letters: {causes}." if causes else "; no dead letters.")
