"""Scores as tables, for `forestall backtest`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import isnan, nan
from pathlib import Path

import click
import msgspec

from forestall.agents.cli.output import plural, print_table
from forestall.pipeline.backtest.result import Drifted, Money, ProblemResult, Result, Value
from forestall.pipeline.backtest.value import NOBODY
from forestall.pipeline.core.scores import Scores


def write_json(file: Path, document: msgspec.Struct) -> None:
    """One JSON document, indented."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def show(result: Result) -> None:
    """The result as tables."""
    for run in (result.run, *(other.run for other in result.others)):
        click.echo(
            f"{plural(run.events, 'event')} in {run.seconds:.1f} s ({run.events_a_second:,} a second, "
            f"{run.us_an_event:.0f} µs each, learning included), model {run.model}"
        )
    run = result.run
    if run.dead_letters or run.too_large:
        causes = [f"{count:,} {cause}" for cause, count in run.dead_letters.items()]
        causes += [f"{run.too_large:,} above max_event_bytes"] if run.too_large else []
        click.echo(f"dead letters: {', '.join(causes)}")
    for problem in result.problems:
        show_problem(problem)


def show_problem(one: ProblemResult, *, counts: bool = True) -> None:
    """One problem's scores and money, and counts of its questions where they are known."""
    click.echo(f"\n{one.title} ({one.problem})")
    print_table(_HEADINGS[:7] if one.money is None else _HEADINGS, _rows(one))
    if one.money is not None:
        click.echo(money_line(one, one.money))
    ends = f"{one.answered:,} answered, {one.unlearned:,} ended unlearned, {one.open:,} still open"
    if one.last_maturity is not None:
        ends += f"; of those asked since the last 30 % began {one.last_maturity:.0%} are answered"
    told = [f"{plural(one.questions, 'question')}: {ends}"] if counts else []
    raised = one.alerts.get("raised", 0)
    ended = ", ".join(f"{n:,} {state}" for state, n in one.alerts.items() if state != "raised")
    told.append(f"{plural(raised, 'alert')} raised" + (f"; {ended}" if ended else ""))
    if one.lead_hours is not None:
        told[-1] += f"; {one.came_true:,} came true, {_hours(one.lead_hours)} after the alert (median)"
    held = ", ".join(f"{count:,} by {gate}" for gate, count in one.held_back.items())
    told += [f"held back: {held}"] if held else []
    told += (
        [f"became worse {len(one.drifts)} times: {', '.join(map(_drift, one.drifts))}"] if one.drifts else []
    )
    click.echo("\n".join(told))


def _drift(one: Drifted) -> str:
    """When, and from what mean squared error to what."""
    day = datetime.fromtimestamp(one.known / 1000, UTC).date()
    return f"{day} (error {one.before:.3f}, since {one.since:.3f})"


def money_line(one: ProblemResult, money: Money) -> str:
    """What acting would have saved, in one sentence."""
    above = (
        f"{money.over_best_rule_per_1000_customers:+,.0f} against the best simple rule ({money.best_rule})"
    )
    return (
        f"acting above {one.threshold:.2f} saves {money.saving_per_1000_customers:,.0f} for each 1,000 of "
        f"{plural(money.customers, 'customer')} in {money.weeks:.1f} weeks: {above}, "
        f"{money.over_nobody_per_1000_customers:+,.0f} against contacting nobody"
    )


_HEADINGS = ("", "AUROC", "AUPRC", "log loss", "calibration error", "precision", "share foreseen",
             "contacts a week", "of them right", "saving per 1,000")  # fmt: skip


_SCORES = ("auroc", "auprc", "log_loss", "calibration_error", "precision", "recall")
_FIGURES = (("contacts_a_week", ",.1f"), ("precision", ".1%"), ("saving_per_1000_customers", ",.0f"))


def _rows(one: ProblemResult) -> Iterator[tuple[str, ...]]:
    """All answers; then all who foresaw the last 30 %, from the same questions."""
    short = one.money is None
    yield _row(f"all {one.every.count:,} answers", one.every, None, short)
    last = f"the last {one.last.count:,}, of which {one.last.base_rate:.1%} came true"
    if short:
        yield _row(last, one.last, None, short)
        return
    yield (f"{last}:", *[""] * (len(_HEADINGS) - 1))
    for contender in one.contenders:
        yield _row(f"  {contender.name}", contender.scores, contender.value, short)
    nobody = Value(
        contacts=0, hits=0, contacts_a_week=0.0, precision=nan, saving=0.0, saving_per_1000_customers=0.0
    )
    yield _row(f"  {NOBODY}", None, nobody, short)


def _row(name: str, scores: Scores | None, value: Value | None, short: bool) -> tuple[str, ...]:
    made = [(scores, field, ".3f") for field in _SCORES] + (
        [] if short else [(value, *figure) for figure in _FIGURES]
    )
    return name, *("" if of is None else _figure(getattr(of, field), form) for of, field, form in made)


def _figure(number: float, form: str) -> str:
    return "" if isnan(number) else f"{number:{form}}"


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"
