"""`forestall backtest`: the live core over a file of events, or over what `forestall journal dump` recorded."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from forestall.agents.cli.files import catalogue_files
from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.scores import show, write_json
from forestall.agents.collecting import COLLECTOR_PACE
from forestall.agents.settings import Settings
from forestall.pipeline.backtest.comparing import compared
from forestall.pipeline.backtest.predictions import PredictionsFile
from forestall.pipeline.backtest.result import Result
from forestall.pipeline.backtest.run import Backtest
from forestall.pipeline.core.models.named import DEFAULT
from forestall.pipeline.sources.event_file import EventFile
from forestall.schemas.catalogue import Configuration

_REPORT_EVERY = 500
_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog=NOTE)
@settings_options("partitions", "redis", "max_event_bytes")
@click.option("--problems", "problems", multiple=True, type=_PATH, metavar="FILE",
              help="A catalogue of problems; may be given again.")  # fmt: skip
@click.option("--events", type=_PATH, metavar="FILE", help="A file of events: .jsonl or .jsonl.gz, in order.")
@click.option("--journal", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Replay what `forestall journal dump` recorded instead, and compare.")  # fmt: skip
@click.option("--model", "models", multiple=True, metavar="NAME", help="Another model in place of our own: boosted "
              "(needs the extra boosting), logistic, naive-bayes, tree, forest, or a class of River, as "
              "tree.HoeffdingTreeClassifier; our own is forestall. Given again, they stand side by side.")  # fmt: skip
@click.option("--reference", type=click.Choice(["lightgbm"]), help="Hold it against LightGBM, tuned and trained once "
              "on the first 70 % (needs the extra boosting; keeps all rows in memory).")  # fmt: skip
@click.option("--predictions", type=_PATH, metavar="FILE", help="Write every question as a row: .csv.gz. Of the first "
              "model, where there are more.")  # fmt: skip
@click.option(
    "--json", "json_file", type=_PATH, metavar="FILE", help="Write the result as one JSON document."
)
@click.option("--report", type=_PATH, metavar="FILE", help="Write the result as one page of HTML.")
def backtest(
    settings: Settings,
    problems: Sequence[Path],
    events: Path | None,
    journal: Path | None,
    models: Sequence[str],
    reference: str | None,
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

    \b
    Which model, and is it worth it? All on the same questions, beside the simplest rules:
      forestall backtest --problems my.toml --events my.jsonl.gz --report page.html \\
          --model forestall --model boosted --reference lightgbm

    \b
    Do the workers compute what one core alone computes of the same logs? (1 if anything differs)
      forestall journal dump recording/
      forestall backtest --journal recording/

    With --redis the live state is compared, else the one that was recorded with the logs.

    AUROC: the chance that a yes was given a higher probability than a no; .5 is a coin. Precision and share
    foreseen are those of acting above the problem's threshold, which follows from its costs. Calibration error:
    how far probabilities are from frequencies. Saving: what the contacts above the threshold would have been worth,
    by the catalogue's costs and effectiveness, for each 1,000 customers that were asked about; nobody is contacted
    again about a problem that an earlier contact still covers. docs/backtest.md says how to read all of it.
    """
    if journal is not None:
        if problems or events or models or reference or predictions or report:
            raise click.UsageError("--journal takes --redis and --json alone: the recording has the rest")
        from forestall.agents.cli.verification import verify_journal  # noqa: PLC0415 - loads the worker

        verify_journal(settings, journal, json_file)
        return
    if not problems or events is None:
        raise click.UsageError("give --problems FILE and --events FILE, or --journal DIR")
    files = catalogue_files(problems)
    configuration = Configuration(version=0, files=files, salt="backtest")
    now_ms = int(time.time() * 1000)
    results: list[Result] = []
    for model in models or (DEFAULT,):
        with ExitStack() as stack:
            stack.enter_context(_few_collections())
            rows = stack.enter_context(PredictionsFile(predictions)) if predictions and not results else None
            run = Backtest(
                configuration,
                now_ms,
                partitions=settings.partitions,
                model=model,
                predicted=rows,
                reference=reference is not None and not results,
            )
            results.append(_feed(run, events, settings.max_event_bytes, model if len(models) > 1 else ""))
    result = compared(results)
    show(result)
    if json_file is not None:
        write_json(json_file, result)
    if report is not None:
        from forestall.pipeline.backtest.page.report import write_report  # noqa: PLC0415 - loads what draws

        write_report(report, result, events.name)


def _feed(run: Backtest, events: Path, limit: int, name: str) -> Result:
    with EventFile(events, limit) as lines, _bar(name) as bar:
        for line in lines:
            run.take(line.text)
            if run.events % _REPORT_EVERY == 0:
                bar(lines.fraction, run.events)
    return run.finish()


@contextmanager
def _few_collections() -> Iterator[None]:
    """What a backtest keeps is customers, which are no garbage: to look through them again and again costs a tenth."""
    before = gc.get_threshold()
    gc.set_threshold(*COLLECTOR_PACE)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _bar(name: str) -> Iterator[Callable[[float, int], None]]:
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
            task, completed=fraction, description=f"{name} {events:,} events".strip()
        )
