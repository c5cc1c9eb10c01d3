"""`forestall model`: what has been learned of each problem, in readable names."""

from collections.abc import Iterator
from pathlib import Path

import click

from forestall.agents.cli.failures import Failed
from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.output import json_option, plural, print_json, print_table, printable, when
from forestall.agents.model_reading import StoredModels, kept_models, live_models
from forestall.agents.settings import Settings
from forestall.pipeline.backtest.categories import Categories
from forestall.pipeline.core.asking import SILENCE, known_categories
from forestall.pipeline.core.program import Program
from forestall.pipeline.inspection import CategoryView, FeatureView, ModelView, Name, model_view
from forestall.pipeline.sources.event_file import EventFile
from forestall.pipeline.sources.event_line import read_line

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def model() -> None:
    """See what has been learned of each problem."""


@model.command(epilog=NOTE)
@settings_options("redis", "prefix", "partitions", "answers_partitions")
@click.argument("problem", required=False)
@click.option(
    "--partition", type=click.IntRange(0), metavar="N", help="Of this partition of the answers alone."
)
@click.option(
    "--snapshot", type=_FOLDER, metavar="DIR", help="As kept by `forestall state snapshot`, not as it is now."
)
@click.option("--open", "count_open", is_flag=True, help="Count open questions too, for label maturity: reads every "
              "customer.")  # fmt: skip
@click.option("--events", type=_FILE, metavar="FILE", help="Name categories by the values in this file of events: "
              "models keep hashes alone.")  # fmt: skip
@click.option("--top", type=click.IntRange(0), metavar="N", default=15, show_default=True,
              help="So many features and categories, those that move most.")  # fmt: skip
@json_option
def show(
    settings: Settings,
    problem: str | None,
    partition: int | None,
    snapshot: Path | None,
    count_open: bool,
    events: Path | None,
    top: int,
    as_json: bool,
) -> None:
    """Show what learn knows of PROBLEM, or of all: its weights by feature, scores, gate, and what stands behind them.

    Size is how far a feature moves the logit, in one standard deviation of its values: compare features by it.
    Weight is for each deviation of the value; below and above are added to it under and over the usual; missing
    stands in where there is no value. All are of the logit: +0.7 doubles the odds.

    \b
    Example:
      forestall model show
      forestall model show return --top 40 --events orders.jsonl.gz
      forestall model show return --json | jq '.features[] | select(.size > 0.1)'
    """
    stored = live_models(settings, count_open) if snapshot is None else kept_models(snapshot)
    views = [
        view
        for view in _views(stored, events, settings.max_event_bytes)
        if problem in (None, view.problem) and partition in (None, view.partition)
    ]
    if not views and problem is not None:
        raise Failed(f"nothing has been learned of {problem}: is it in `forestall catalogue show`?", 1)
    if as_json:
        for view in views:
            print_json(view)
        return
    for number, view in enumerate(views):
        click.echo("\n" * (number > 0) + "\n".join(_head(view)))
        _tables(view, top)
    if not views:
        click.echo("nothing has been learned yet")


def _views(stored: StoredModels, events: Path | None, limit: int) -> Iterator[ModelView]:
    name = _names(stored.program, events, limit)
    waiting = stored.open_questions
    for one in stored.models:
        compiled = stored.program.problems.get(one.problem) if stored.program is not None else None
        open_questions = None if waiting is None else waiting[one.problem]
        yield model_view(
            one.problem, one.partition, one.state, one.written, one.size, compiled, name, open_questions
        )


def _names(program: Program | None, events: Path | None, limit: int) -> Name:
    """What names a category's hash."""
    if program is None:
        return lambda hash_: None
    fixed = known_categories([*program.asking, SILENCE])
    categories = Categories(program)
    if events is not None:
        with EventFile(events, limit) as lines:
            for text in lines:
                line = read_line(text.text) if text.text is not None else None
                if line is not None and line.event is not None:
                    categories.take(line.event)
    return lambda hash_: fixed.get(hash_) or categories.name(hash_)


def _head(view: ModelView) -> Iterator[str]:
    title = f": {view.title}" if view.title else ""
    revision = {True: "in force", False: "no longer in force", None: "unknown"}[view.in_force]
    gate = "open" if view.gate_open else "closed: raises nothing"
    yield f"{view.problem}{title}"
    yield (
        f"  learn/{view.partition}, {view.model}, revision {view.revision} ({revision}); {view.bytes:,} bytes, "
        f"state version {view.state_version}, kernels {view.kernels}"
    )
    yield (
        f"  {plural(view.answers, 'answer')}, {view.learned:,} learned; base rate {view.base_rate:.1%}; "
        f"gate {gate}; last notice {when(view.noticed)}, next at {view.next_notice:,} answers"
    )
    if view.maturity is not None:
        yield f"  {view.maturity:.1%} of the questions are answered, {view.open_questions:,} are open"
    counts = "λ = 1: counts" if view.own_term_counts else "λ = 0: does not count"
    yield (
        f"  customers' own terms: {counts} (log loss {view.loss_with_own_term:.4f} with them, "
        f"{view.loss_without_own_term:.4f} without)"
    )
    yield f"  scores: {_scores(view)}"
    dense = f", {view.dense:,} of them dense" if view.dense is not None else ""
    yield f"  {plural(view.columns, 'feature')}, {view.categories:,} categories{dense}, bias {view.bias:+.3f}"


def _scores(view: ModelView) -> str:
    """Those that `ModelView` does not have a place of its own for."""
    elsewhere = {"answers", "gate_open", "offset_counts"}
    named = {name: value for name, value in view.scores.items() if name not in elsewhere}
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in named.items())


def _tables(view: ModelView, top: int) -> None:
    if features := view.features[:top]:
        click.echo()
        print_table(
            ["feature", "size", "weight", "below", "above", "missing", "usual", "between", "known"],
            map(_feature, features),
        )
        if view.in_force is False:
            click.echo("the features' names went with the catalogue that had this revision")
    if categories := view.by_category[:top]:
        click.echo()
        print_table(["category", "weight", "answers"], map(_category, categories))


def _feature(one: FeatureView) -> list[str]:
    known = "" if one.known is None else f"{one.known:.0%}"
    weights = (one.weight, one.below, one.above, one.missing)
    between = f"{_number(one.low)} to {_number(one.high)}"
    name = printable(one.words)
    return [name, f"{one.size:.3f}", *(f"{w:+.3f}" for w in weights), _number(one.usual), between, known]


def _category(one: CategoryView) -> list[str]:
    name = f"#{one.hash}" if one.field is None else f"{one.field.removeprefix('data.')} = {one.value}"
    answers = "" if one.labels is None else "100 or more, dense" if one.dense else f"{one.labels:,}"
    return [printable(name), f"{one.weight:+.3f}", answers]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:,.4g}"
