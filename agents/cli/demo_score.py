"""The demo's score: how well each problem was foreseen, against knowing the base rate alone."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

import msgspec
import numpy as np

from forestall.agents.cli.demo_show import outcome
from forestall.agents.cli.demo_stage import Stage
from forestall.agents.follow import follow
from forestall.agents.redis_calls import ask_redis
from forestall.pipeline.core.scores import Scores, scores
from forestall.pipeline.queue.queue import ActionQueue
from forestall.schemas.alert import Alert, decode_alert
from forestall.schemas.answer import Answer, decode_answers_record

#: The share of the answers, asked last, that tells how it does once it has learned.
LAST = 0.3
DAY_MS = 86_400_000


class ProblemResult(msgspec.Struct, frozen=True, kw_only=True):
    """One problem: scores over all answers from the first on, and over those asked last.

    `ended` are alerts of which it is known whether the problem came, `came_true` those where it did; `lead_days` is
    the median time from these alerts to when it came.
    """

    problem: str
    title: str
    threshold: float
    every: Scores
    last: Scores
    alerts: int
    ended: int
    came_true: int
    lead_days: float | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a demo came to. `on_topic` are alerts (not their changes) on the alert topic, `in_queue` actions."""

    sample: str
    events: int
    seconds: float
    problems: list[ProblemResult]
    on_topic: int
    in_queue: int
    ready: int


def result_of(stage: Stage, events: int, began: float) -> Result:
    """Reads answers, alerts and queue as they stand, and scores them; the demo `began` then (time.monotonic)."""
    answers: defaultdict[str, dict[tuple[str, int], Answer]] = defaultdict(dict)
    for record in _all(stage, "answers"):
        if isinstance(record, Answer) and record.stage != "open":
            answers[record.problem][record.sender, record.sequence] = (
                record  # one that was sent twice counts once
            )
    alerts: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in _all(stage, "alerts"):
        if isinstance(alert, Alert):
            alerts[alert.problem].append(alert)
    settings = stage.settings
    queue = ask_redis(settings, lambda redis: ActionQueue(redis, settings.store_prefix).counts())
    problems = [
        _problem(stage, name, list(found.values()), alerts[name]) for name, found in sorted(answers.items())
    ]
    return Result(
        sample=stage.set.name,
        events=events,
        seconds=round(time.monotonic() - began, 1),
        problems=problems,
        on_topic=len({alert.id for found in alerts.values() for alert in found}),
        in_queue=sum(queue.values()),
        ready=queue["ready"],
    )


def score_lines(result: Result) -> Iterator[str]:
    """The result in words."""
    for one in result.problems:
        yield f"\n[b]{one.title}[/] ({one.problem})"
        yield f"  {'':24}{'all answers':>14}{f'the last {LAST:.0%}':>14}{'base rate alone':>18}"
        for name, every, last, naive in _rows(one):
            yield f"  {name:24}{every:>14}{last:>14}{naive:>18}"
        share = (
            f", {one.came_true / one.ended:.0%} of the {one.ended:,} whose end is known came true"
            if one.ended
            else ""
        )
        lead = f", {one.lead_days:.1f} days ahead (median)" if one.lead_days is not None else ""
        yield f"  {one.alerts:,} alerts{share}{lead}"
    yield (
        f"\n{result.on_topic:,} alerts on the topic, {result.in_queue:,} actions in the queue, "
        f"{result.ready:,} of them ready to be worked; {result.seconds:.0f} s in all"
    )


def _rows(one: ProblemResult) -> Iterator[tuple[str, str, str, str]]:
    every, last = one.every, one.last
    yield "answers", f"{every.count:,}", f"{last.count:,}", ""
    yield "base rate", f"{every.base_rate:.3f}", f"{last.base_rate:.3f}", ""
    yield "AUROC", f"{every.auroc:.3f}", f"{last.auroc:.3f}", "0.500"
    yield "AUPRC", f"{every.auprc:.3f}", f"{last.auprc:.3f}", f"{last.base_rate:.3f}"
    yield "log loss", f"{every.log_loss:.3f}", f"{last.log_loss:.3f}", f"{_entropy(last.base_rate):.3f}"
    yield "calibration error", f"{every.calibration_error:.3f}", f"{last.calibration_error:.3f}", ""
    precision = f"precision above {one.threshold:.2f}"
    yield precision, f"{every.precision:.3f}", f"{last.precision:.3f}", f"{last.base_rate:.3f}"
    yield "recall above it", f"{every.recall:.3f}", f"{last.recall:.3f}", ""


def _all(stage: Stage, role: str) -> Iterator[Alert | object]:
    topic = getattr(stage.settings.topics, role)
    decode = decode_alert if role == "alerts" else decode_answers_record
    found = follow(topic, decode, stage.settings, start="beginning", until_now=True)
    return (one.content for one in found)


def _problem(stage: Stage, name: str, answers: list[Answer], alerts: Sequence[Alert]) -> ProblemResult:
    answers.sort(key=lambda answer: (answer.asked, answer.question))
    problem = stage.problems[name]
    ended = [(alert, came) for alert in alerts if (came := outcome(alert, problem)) is not None]
    true = [alert for alert, came in ended if came]
    return ProblemResult(
        problem=name,
        title=problem.title,
        threshold=problem.threshold,
        every=_scores(answers, problem.threshold),
        last=_scores(answers[-max(1, round(len(answers) * LAST)) :], problem.threshold),
        alerts=Counter(alert.state for alert in alerts)["raised"],
        ended=len(ended),
        came_true=len(true),
        lead_days=median((a.changed - a.raised) / DAY_MS for a in true) if true else None,
    )


def _scores(answers: Sequence[Answer], threshold: float) -> Scores:
    p, y, weight = np.array([(a.p, a.y, a.weight) for a in answers], np.float64).T.copy()
    return scores(p, y, weight, threshold)


def _entropy(rate: float) -> float:
    """The log loss of always saying the base rate."""
    if not 0.0 < rate < 1.0:
        return 0.0
    return float(-(rate * np.log(rate) + (1.0 - rate) * np.log(1.0 - rate)))
