"""Scores as tables, for `forestall backtest`."""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from forestall.agents.cli.output import plural, print_table
from forestall.pipeline.backtest.result import ProblemResult, Result


def write_json(file: Path, document: msgspec.Struct) -> None:
    """One JSON document, indented."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def show(result: Result) -> None:
    """The result as tables."""
    run = result.run
    click.echo(
        f"{plural(run.events, 'event')} in {run.seconds:.1f} s ({run.events_a_second:,} a second, "
        f"{run.us_an_event:.0f} µs each, learning included), model {run.model}"
    )
    if run.dead_letters or run.too_large:
        causes = [f"{count:,} {cause}" for cause, count in run.dead_letters.items()]
        causes += [f"{run.too_large:,} above max_event_bytes"] if run.too_large else []
        click.echo(f"dead letters: {', '.join(causes)}")
    for problem in result.problems:
        show_problem(problem)


def show_problem(one: ProblemResult, *, counts: bool = True) -> None:
    """One problem's scores, and counts of its questions where they are known."""
    click.echo(f"\n{one.title} ({one.problem})")
    headings = ["", "all answers", "the last 30 %", "base rate alone"]
    headings += ["LightGBM, trained once"] if one.reference is not None else []
    print_table(headings, _rows(one))
    ends = f"{one.answered:,} answered, {one.unlearned:,} ended unlearned, {one.open:,} still open"
    told = [f"{plural(one.questions, 'question')}: {ends}"] if counts else []
    raised = one.alerts.get("raised", 0)
    ended = ", ".join(f"{n:,} {state}" for state, n in one.alerts.items() if state != "raised")
    told.append(f"{plural(raised, 'alert')} raised" + (f"; {ended}" if ended else ""))
    if one.lead_hours is not None:
        told[-1] += f"; {one.came_true:,} came true, {_hours(one.lead_hours)} after the alert (median)"
    held = ", ".join(f"{count:,} by {gate}" for gate, count in one.held_back.items())
    told += [f"held back: {held}"] if held else []
    click.echo("\n".join(told))


def _rows(one: ProblemResult) -> Iterator[tuple[str, ...]]:
    told = _own_rows(one)
    if one.reference is None:
        yield from told
        return
    other = one.reference
    scores = [
        other.auroc,
        other.auprc,
        other.log_loss,
        other.calibration_error,
        other.precision,
        other.recall,
    ]
    for row, beside in zip(
        told, [f"{other.count:,}", "", *(f"{score:.3f}" for score in scores)], strict=True
    ):
        yield (*row, beside)


def _own_rows(one: ProblemResult) -> Iterator[tuple[str, ...]]:
    every, last = one.every, one.last
    yield "answers", f"{every.count:,}", f"{last.count:,}", ""
    yield "base rate", f"{every.base_rate:.3f}", f"{last.base_rate:.3f}", ""
    yield "AUROC", f"{every.auroc:.3f}", f"{last.auroc:.3f}", "0.500"
    yield "AUPRC", f"{every.auprc:.3f}", f"{last.auprc:.3f}", f"{last.base_rate:.3f}"
    yield "log loss", f"{every.log_loss:.3f}", f"{last.log_loss:.3f}", ""
    yield "calibration error", f"{every.calibration_error:.3f}", f"{last.calibration_error:.3f}", ""
    precision = f"precision above {one.threshold:.2f}"
    yield precision, f"{every.precision:.3f}", f"{last.precision:.3f}", f"{last.base_rate:.3f}"
    yield "share foreseen", f"{every.recall:.3f}", f"{last.recall:.3f}", ""


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"
