"""What the demo shows while it runs: how far it is, and a few of the alerts as they come."""

import re
import threading
import time
from collections import Counter
from contextlib import suppress
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from forestall.agents.cli.demo_stage import Stage
from forestall.agents.cli.output import printable, when
from forestall.agents.follow import follow
from forestall.agents.redis_calls import ask_redis
from forestall.agents.replay import Progress
from forestall.pipeline.core.catalogue.declaration import Problem
from forestall.pipeline.errors import ForestallError
from forestall.pipeline.queue.queue import ActionQueue
from forestall.schemas.alert import Alert, decode_alert

#: Seconds between two alerts that are shown, and between two lines on how far it is where there is no terminal.
ALERT_EVERY = 0.7
LINE_EVERY = 3.0
DAY_MS = 86_400_000
_METRIC = re.compile(
    r"^forestall_(questions_asked|answers_learned|alerts)_total\{(.*)\} (\S+)$", re.MULTILINE
)


class Show:
    """Follows one demo from a thread of its own; `with Show(...) as show:` while the sample is replayed."""

    def __init__(self, stage: Stage, total: int, console: Console) -> None:
        self._stage, self._total, self._console = stage, total, console
        self._bar = Bar(BarColumn(12), TaskProgressColumn(), TextColumn("{task.description}"), console=console,
                        transient=True, disable=not console.is_terminal)  # fmt: skip
        self._task = self._bar.add_task("", total=total)
        self._sent = 0
        self._seen: Counter[str] = Counter()
        self._shown: dict[str, int] = {}
        self._turn: Counter[str] = Counter()
        self._alert_at = self._line_at = self._scraped_at = 0.0
        self._counts: Counter[str] = Counter()
        self._ended = threading.Event()
        self._follower = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "Show":
        self._bar.start()
        self._follower.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._ended.set()
        self._bar.stop()
        self._follower.join(5)
        if error is None:
            self.refresh()
            self._line()

    def progress(self, progress: Progress) -> None:
        """Takes how far the replay is."""
        self._sent = progress.sent
        self.refresh()

    def refresh(self) -> None:
        """Shows how far it is."""
        now = time.monotonic()
        if now - self._scraped_at > 0.5:
            self._scraped_at = now
            self._counts = _counts(self._stage.metrics()) or self._counts
        self._bar.update(self._task, completed=self._sent, description=self._words())
        if not self._console.is_terminal and now - self._line_at > LINE_EVERY:
            self._line_at = now
            self._line()

    def delivered(self) -> bool:
        """Whether every alert that the worker raised is on the topic and in the queue."""
        self._scraped_at = 0.0
        raised, settings = self._counts["raised"], self._stage.settings
        counts = ask_redis(settings, lambda redis: ActionQueue(redis, settings.store_prefix).counts())
        return self._seen["raised"] >= raised and sum(counts.values()) >= raised

    def _words(self) -> str:
        counts = self._counts
        return (
            f"{self._sent:,} events, {counts['questions_asked']:,} questions, "
            f"{counts['answers_learned']:,} answers, {self._seen['raised']:,} alerts"
        )

    def _line(self) -> None:
        self._console.print(f"[dim]--[/] {self._words()}")

    def _follow(self) -> None:
        settings = self._stage.settings
        with suppress(ForestallError):  # the servers may end before us
            for one in follow(
                settings.topics.alerts, decode_alert, settings, start="beginning", stop=self._ended.is_set
            ):
                self._seen[one.content.state] += 1
                self._show(one.content)

    def _show(self, alert: Alert) -> None:
        """An alert now and then, of each problem in turn; and what came of those that were shown."""
        if alert.id in self._shown and outcome(alert, self._stage.problems[alert.problem]):
            days = (alert.changed - self._shown.pop(alert.id)) / DAY_MS
            self._console.print(
                f"[green]{when(alert.changed)[:10]}  {_who(alert)}: it came true, {days:.1f} days after the alert[/]"
            )
            return
        now = time.monotonic()
        if alert.state != "raised" or now - self._alert_at < ALERT_EVERY or not self._is_turn(alert.problem):
            return
        self._alert_at = now
        self._turn[alert.problem] += 1
        self._shown[alert.id] = alert.raised
        self._stage.customers.append(alert.customer)
        self._console.print(
            f"{when(alert.raised)[:10]}  {_who(alert)}: [b]{escape(alert.title)}[/], p = [b]{alert.p:.0%}[/]"
        )
        for reason in alert.reasons:
            self._console.print(f"{'':12}[dim]because[/] {escape(printable(reason.text))}")

    def _is_turn(self, problem: str) -> bool:
        return self._turn[problem] <= min(self._turn.values(), default=0) + 1


def outcome(alert: Alert, problem: Problem) -> bool | None:
    """Whether the problem came, where this change of an alert tells: an event came, or none until the horizon."""
    negated = problem.happens is not None and problem.happens.negated
    return {"occurred": True, "cleared": False, "horizon": negated}.get(alert.occasion or "")


def _who(alert: Alert) -> str:
    about = f" ({escape(printable(alert.subject))})" if alert.subject else ""
    return f"customer {escape(printable(alert.customer))}{about}"


def _counts(metrics: str) -> Counter[str]:
    """Questions, answers and raised alerts out of the worker's metrics."""
    counts: Counter[str] = Counter()
    for name, labels, value in _METRIC.findall(metrics):
        if name != "alerts":
            counts[name] += int(float(value))
        elif 'state="raised"' in labels:
            counts["raised"] += int(float(value))
    return counts
