"""`forestall backtest`: the live core over a file of events, or over what `forestall journal dump` recorded."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import msgspec

from forestall.agents.cli.files import catalogue_files
from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.output import plural, print_table
from forestall.agents.settings import Settings
from forestall.pipeline.backtest.predictions import PredictionsFile
from forestall.pipeline.backtest.result import ProblemResult, Result
from forestall.pipeline.backtest.run import Backtest
from forestall.pipeline.sources.event_file import EventFile
from forestall.schemas.catalogue import Configuration

_REPORT_EVERY = 500
_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog=NOTE)
@settings_options("partitions", "max_event_bytes")
@click.option("--problems", "problems", multiple=True, type=_PATH, metavar="FILE",
              help="A catalogue of problems; may be given again.")  # fmt: skip
@click.option("--events", type=_PATH, metavar="FILE", help="A file of events: .jsonl or .jsonl.gz, in order.")
@click.option("--model", metavar="NAME", help="A River classifier in place of our own: logistic, naive-bayes, tree, "
              "forest, or a class of River, as tree.HoeffdingTreeClassifier.")  # fmt: skip
@click.option("--predictions", type=_PATH, metavar="FILE", help="Write every question as a row: .csv.gz.")
@click.option(
    "--json", "json_file", type=_PATH, metavar="FILE", help="Write the result as one JSON document."
)
@click.option("--report", type=_PATH, metavar="FILE", help="Write the result as one page of HTML.")
def backtest(
    settings: Settings,
    problems: Sequence[Path],
    events: Path | None,
    model: str | None,
    predictions: Path | None,
    json_file: Path | None,
    report: Path | None,
) -> None:
    """Say how well a catalogue would have foreseen a file of events.

    It is the core that runs live, and it is tested before it is taught: each question is answered by what had
    been learned when it was asked, and learned only once its answer was known. So the scores are what you would
    have seen, and what changes in the catalogue changes them.

    \b
    How well are the shop's two problems foreseen?
      forestall backtest --problems deploy/catalogues/retail.toml \\
          --events pipeline/sources/samples/retail.jsonl.gz

    \b
    Every question with its prediction, for your own look; a page for others:
      forestall backtest --problems my.toml --events my.jsonl.gz \\
          --predictions questions.csv.gz --report page.html

    AUROC: the chance that a yes was given a higher probability than a no; .5 is a coin. Precision and share
    foreseen are those of acting above the problem's threshold, which follows from its costs. Calibration error:
    how far probabilities are from frequencies.
    """
    if not problems or events is None:
        raise click.UsageError("give --problems FILE and --events FILE")
    files = catalogue_files(problems)
    configuration = Configuration(version=0, files=files, salt="backtest")
    with ExitStack() as stack:
        rows = stack.enter_context(PredictionsFile(predictions)) if predictions else None
        now_ms = int(time.time() * 1000)
        run = Backtest(configuration, now_ms, partitions=settings.partitions, model=model, predicted=rows)
        result = _feed(run, events, settings.max_event_bytes)
    show(result)
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    if report is not None:
        from forestall.pipeline.backtest.report import write_report  # noqa: PLC0415 - loads what draws

        write_report(report, result, run.tallies, events.name)


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


def show_problem(one: ProblemResult) -> None:
    """One problem's scores and counts."""
    click.echo(f"\n{one.title} ({one.problem})")
    print_table(["", "all answers", "the last 30 %", "base rate alone"], _rows(one))
    ends = f"{one.answered:,} answered, {one.unlearned:,} ended unlearned, {one.open:,} still open"
    told = [f"{plural(one.questions, 'question')}: {ends}"]
    raised = one.alerts.get("raised", 0)
    ended = ", ".join(f"{n:,} {state}" for state, n in one.alerts.items() if state != "raised")
    told.append(f"{plural(raised, 'alert')} raised" + (f"; {ended}" if ended else ""))
    if one.lead_hours is not None:
        told[-1] += f"; {one.came_true:,} came true, {_hours(one.lead_hours)} after the alert (median)"
    held = ", ".join(f"{count:,} by {gate}" for gate, count in one.held_back.items())
    told += [f"held back: {held}"] if held else []
    click.echo("\n".join(told))


def _rows(one: ProblemResult) -> Iterator[tuple[str, str, str, str]]:
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


def _feed(run: Backtest, events: Path, limit: int) -> Result:
    with EventFile(events, limit) as lines, _bar() as bar:
        for line in lines:
            run.take(line.text)
            if run.events % _REPORT_EVERY == 0:
                bar(lines.fraction, run.events)
    return run.finish()


@contextmanager
def _bar() -> Iterator[Callable[[float, int], None]]:
    """A bar on stderr, where that is a terminal."""
    import rich.progress as bars  # noqa: PLC0415 - takes longer to load than --help may
    from rich.console import Console  # noqa: PLC0415

    columns = (bars.BarColumn(), bars.TaskProgressColumn(), bars.TextColumn("{task.description}"),
               bars.TimeRemainingColumn())  # fmt: skip
    console = Console(stderr=True)
    with bars.Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda fraction, events: progress.update(
            task, completed=fraction, description=f"{events:,} events"
        )
