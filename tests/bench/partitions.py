"""As good with many partitions as with one: live on Kafka against the backtest's learning in line.

Each sample is replayed into a journal of many partitions before a real worker, so slowly that little waits to be
processed and learned, as it is where events come at their own pace. What was said when a question was asked stands in
the recorded answers. In line, one partition has every answer learned and told before the next event. Scored are the
questions of the published tasks that were asked last, 30 %, the same of both.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import rich.console
from rich.progress import Progress
from rich.table import Table

from forestall.agents.kafka_clients import consumer
from forestall.agents.lag import lag_meter
from forestall.agents.log_ends import ends_of, places_of, records_between
from forestall.agents.replay import replay
from forestall.agents.settings import Settings
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.partition import Prediction
from forestall.pipeline.core.scores import auroc, log_loss
from forestall.pipeline.inline import Inline
from forestall.schemas.answer import Answer, decode_answers_record
from forestall.schemas.event import MODEL_NOTICE
from forestall.schemas.notice import decode_notice_event
from tests.bench.foresight import Answered, Floats, test_rows
from tests.bench.samples import program_of, through
from tests.bench.servers import Servers, servers
from tests.bench.worker import WHOLE, installation
from tests.scenarios.samples import CATALOGUES, SAMPLES, TASKS, Task

PARTITIONS = 16
#: Events, and answers, that wait at most.
OUTSTANDING = 100
DRAWS = 200
_NOTICE = MODEL_NOTICE.encode()


class Noticed(NamedTuple):
    """What learn told of a problem: notices, and their bytes in one journal partition."""

    notices: int
    bytes: int


class Ran(NamedTuple):
    """A sample live: p of every answered question by problem, what was told of each, how long it took."""

    p: dict[str, dict[str, float]]
    noticed: dict[str, Noticed]
    seconds: float


def run(console: rich.console.Console, *, quick: bool, partitions: int, outstanding: int) -> dict[str, Any]:
    """Every sample, inline and live; returns what the JSON says. `quick` takes the smallest sample alone."""
    samples = ["helpdesk"] if quick else sorted({task.sample for task in TASKS.values()})
    found: dict[str, Any] = {
        "partitions": partitions,
        "outstanding": outstanding,
        "tasks": {},
        "notices": {},
        "seconds": {},
    }
    with servers(console) as on:
        for sample in samples:
            console.log(f"{sample}: one partition, inline")
            inline = _inline(sample)
            console.log(f"{sample}: {partitions} partitions, live")
            live = _live(on, sample, partitions, outstanding)
            for name, task in TASKS.items():
                if task.sample == sample:
                    found["tasks"][name] = _compared(task, inline[task.problem], live.p[task.problem])
                    console.log(f"{name}: {found['tasks'][name]['auroc_difference']:+.4f}")
            found["notices"][sample] = {name: one._asdict() for name, one in live.noticed.items()}
            found["seconds"][sample] = live.seconds
    for metric in ("auroc", "log_loss"):
        differences = [task[metric]["live"] - task[metric]["inline"] for task in found["tasks"].values()]
        found[f"mean_{metric}_difference"] = float(np.mean(differences))
    console.print(_table(found))
    return found


def _inline(sample: str) -> dict[str, list[Answered]]:
    answered: dict[str, list[Answered]] = {name: [] for name in program_of(sample).problems}

    def predicted(one: Prediction) -> None:
        if one.y is not None:
            row = Answered(one.question, one.customer, one.asked // 1000, one.p, one.y)
            answered[one.problem].append(row)

    through(Inline(1, None, predicted), sample, lambda event: None)
    return answered


def _live(on: Servers, sample: str, partitions: int, outstanding: int) -> Ran:
    bounds = {"outstanding_events": outstanding, "outstanding_answers": outstanding}
    with installation(on, CATALOGUES / f"{sample}.toml", partitions=partitions, **bounds) as one:
        one.start(*WHOLE)
        one.until_idle()
        with lag_meter(one.settings) as lag, Progress(console=on.console, transient=True) as shown:
            bar = shown.add_task(sample, total=1.0)
            done = replay(
                SAMPLES / f"{sample}.jsonl.gz",
                one.settings,
                lag=lag,
                progress=lambda at: shown.update(bar, completed=at.fraction),
            )
        one.until_idle()
        return Ran(_answered(one.settings), _noticed(one.settings), done.seconds)


def _answered(settings: Settings) -> dict[str, dict[str, float]]:
    """What was said of every answered question, by problem and question; what was sent twice counts once."""
    found: dict[str, dict[str, float]] = {}
    for record in _records(settings, settings.topics.answers):
        answer = decode_answers_record(record.value or b"")
        if isinstance(answer, Answer) and answer.stage != "open":
            found.setdefault(answer.problem, {})[answer.question] = answer.p
    return found


def _noticed(settings: Settings) -> dict[str, Noticed]:
    """Notices by problem, as they stand in the first partition of the journal."""
    found: dict[str, Noticed] = {}
    for record in _records(settings, settings.topics.events, partitions=1):
        value = record.value or b""
        if record.key is None and _NOTICE in value:
            notice = decode_notice_event(value).data
            before = found.get(notice.problem, Noticed(0, 0))
            found[notice.problem] = Noticed(before.notices + (notice.part == 0), before.bytes + len(value))
    return found


def _records(settings: Settings, topic: str, partitions: int | None = None) -> Iterator[Record]:
    with consumer(settings) as client:
        for place, end in ends_of(client, places_of(client, topic)[:partitions]).items():
            yield from records_between(client, place, 0, end)


def _compared(task: Task, inline: list[Answered], live: dict[str, float]) -> dict[str, Any]:
    """Both on the same rows, with the 95 % interval of the difference over draws of customers."""
    rows = test_rows(task, inline)
    y = np.array([float(row.y) for row in rows])
    said = np.array([[row.p, live[row.question]] for row in rows]).T
    ones = np.ones(len(y))
    both = {
        name: dict(zip(("inline", "live"), (metric(p, y, ones) for p in said), strict=True))
        for name, metric in (("auroc", auroc), ("log_loss", log_loss))
    }
    return {
        "problem": task.problem,
        "rows": len(y),
        **both,
        "auroc_difference": both["auroc"]["live"] - both["auroc"]["inline"],
        "interval": _interval(said, y, [row.customer for row in rows]),
        "mean_difference_of_p": float(np.mean(np.abs(said[1] - said[0]))),
    }


def _interval(said: Floats, y: Floats, customers: list[str]) -> list[float]:
    names = {customer: n for n, customer in enumerate(sorted(set(customers)))}
    whose = np.array([names[customer] for customer in customers])
    random = np.random.default_rng(0)
    even = np.full(len(names), 1.0 / len(names))
    drawn = []
    for _ in range(DRAWS):
        weight = random.multinomial(len(names), even).astype(np.float64)[whose]
        drawn.append(auroc(said[1], y, weight) - auroc(said[0], y, weight))
    return [float(bound) for bound in np.nanquantile(drawn, [0.025, 0.975])]


def _table(found: dict[str, Any]) -> Table:
    title = f"{found['partitions']} partitions live against one in line: the questions asked last"
    columns = ("task", "rows", "AUROC", "live", "difference (95 %)", "log loss", "live", "notices", "MB each")
    table = Table(*columns, title=title, title_justify="left")
    for name, task in found["tasks"].items():
        told = found["notices"][TASKS[name].sample][task["problem"]]
        lower, upper = task["interval"]
        table.add_row(
            name,
            f"{task['rows']:,}",
            *(f"{task['auroc'][which]:.4f}" for which in ("inline", "live")),
            f"{task['auroc_difference']:+.4f} ({lower:+.4f}, {upper:+.4f})",
            *(f"{task['log_loss'][which]:.4f}" for which in ("inline", "live")),
            f"{told['notices']:,}",
            f"{told['bytes'] / 1e6:.1f}",
        )
    table.add_row("mean", *[""] * 3, f"{found['mean_auroc_difference']:+.4f}", *[""] * 4)
    return table
