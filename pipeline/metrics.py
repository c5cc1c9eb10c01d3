"""Every metric that Forestall exports, in one table: the body of `Metrics`.

Names follow Prometheus: the prefix `forestall_`, the unit as suffix, `_total` on counters. Labels are
bounded: problems and types come from the catalogue, everything else from small fixed sets; an event type
that the catalogue does not name is counted as "other". No label ever holds a customer, a subject or anything
else out of an event's data.

Nothing is registered at import: a worker makes one `Metrics(registry)`, a test as many as it likes.

    metrics = Metrics(process_registry())
    metrics.carry_out(changes.counts)                          # what a core counted
    metrics.commit_seconds.labels("foresee").observe(0.004)    # what an edge measured
"""

import logging
from collections.abc import Iterable, Mapping
from math import isnan
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, PlatformCollector, ProcessCollector

from forestall.pipeline.instruments import Instrument, counter, gauge, histogram, info
from forestall.schemas.event import EVENT_TYPES

log = logging.getLogger(__name__)

OTHER = "other"

#: A commit is one call to Redis: from a fraction of a millisecond to the seconds of a struggling server.
COMMIT_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class UnknownCount(LookupError):
    """A core counted something that the table lacks, or with other labels; declare it in `Metrics`."""


class Metrics:
    """The metrics of one process. `strict` raises on an unknown count (tests); else it is counted and logged.

    The cores count the counters under their attribute's name: ("alerts", problem, state).
    """

    # What foresee counts. `why` and `cause` are fixed sets of words; `cause` is one of schemas.deadletter,
    # and the intake's dead letters count too. A question is one prediction made; answered "yes", "no" or
    # "unlearned" (superseded, given up, of an earlier revision). A late event is applied all the same.
    events = counter("forestall_events_total", "Journal events applied, by type.", "type")
    late_events = counter("forestall_late_events_total", "Events dated before their partition's watermark.")
    duplicate_events = counter("forestall_duplicate_events_total", "Events ignored as seen before.")
    ignored_events = counter("forestall_ignored_events_total", "Events ignored on purpose, by reason.", "why")
    questions_asked = counter("forestall_questions_asked_total", "Questions asked (predictions).", "problem")
    questions_answered = counter(
        "forestall_questions_answered_total", "Questions ended.", "problem", "answer"
    )
    questions_refused = counter("forestall_questions_refused_total", "Too many were open to ask.", "problem")
    decisions = counter("forestall_decisions_total", "Final decisions.", "problem", "verdict", "gate")
    alerts = counter("forestall_alerts_total", "Changes of alerts, by new state.", "problem", "state")
    dead_letters = counter("forestall_dead_letters_total", "Inputs that could not be processed.", "cause")

    # What learn counts.
    answers_learned = counter("forestall_answers_learned_total", "Answers that models learned.", "problem")
    trees_taken = counter(
        "forestall_trees_taken_total", "Boosted trees that learn took from the trainer.", "problem"
    )
    notices = counter("forestall_notices_total", "Notices sent to the journal partitions.", "problem")

    # What learn knows: prequential scores in a sliding window. Absent while there is nothing to score.
    score_auroc = gauge("forestall_score_auroc", "Area under the ROC curve.", "problem")
    score_auprc = gauge("forestall_score_auprc", "Area under the precision-recall curve.", "problem")
    score_log_loss = gauge("forestall_score_log_loss", "Logarithmic loss, nats a question.", "problem")
    score_auroc_lower = gauge("forestall_score_auroc_lower", "Its lower confidence bound.", "problem")
    score_calibration_error = gauge(
        "forestall_score_calibration_error", "Expected calibration error.", "problem"
    )
    score_recall = gauge("forestall_score_recall", "Share of the yes that are above it.", "problem")
    score_answers = gauge("forestall_score_answers", "Answers in the window.", "problem")
    score_precision = gauge("forestall_score_precision", "Share of yes above the threshold.", "problem")
    score_base_rate = gauge("forestall_score_base_rate", "Share of yes.", "problem")
    gate_open = gauge("forestall_gate_open", "1 while the skill gate is open, else 0.", "problem")
    offset_counts = gauge("forestall_offset_counts", "1 while customers' residuals count, else 0.", "problem")
    drifts = gauge("forestall_drifts", "How often predictions have become worse.", "problem")
    drift_error = gauge(
        "forestall_drift_error", "Mean squared error since it last changed (ADWIN).", "problem"
    )
    drift_answers = gauge("forestall_drift_answers", "Answers since then.", "problem")
    challenger_heard = gauge("forestall_challenger_heard", "1 while boosted trees count, else 0.", "problem")
    challenger_gain = gauge(
        "forestall_challenger_gain", "Log loss that they save, nats a question.", "problem"
    )
    challenger_gain_lower = gauge("forestall_challenger_gain_lower", "Its lower confidence bound.", "problem")

    # The machinery. `processor` is "foresee", "learn" or "intake" (whose partitions are "topic/number");
    # `destination` is a kind (queue, alerts, ledger,
    # deadletters, answers, notices), not each partition; a refusal's `cause` is "epoch" or "position".
    # The watermark is event time, so a replay of history shows history; its age is time() minus it.
    chunks = counter("forestall_chunks_total", "Chunks fetched.", "processor")
    records = counter("forestall_records_total", "Records of committed chunks.", "processor")
    commit_seconds = histogram(
        "forestall_commit_seconds", "Time of one commit.", "processor", buckets=COMMIT_BUCKETS
    )
    commits_refused = counter("forestall_commits_refused_total", "Commits refused.", "processor", "cause")
    outbox_records = gauge(
        "forestall_outbox_records", "Effects not yet delivered.", "processor", "partition", "destination"
    )
    relay_delivered = counter(
        "forestall_relay_delivered_total", "Effects delivered.", "processor", "destination"
    )
    lag_records = gauge("forestall_lag_records", "Records up to the log's end.", "processor", "partition")
    watermark = gauge(
        "forestall_watermark_timestamp_seconds", "Event time reached, epoch.", "processor", "partition"
    )
    cached_documents = gauge("forestall_cached_documents", "Documents in memory.", "processor", "partition")

    # The queue. `state` is ready, scheduled, claimed, snoozed, done, ended or dead; the age is 0 if none is
    # ready, and looks at the hundred that come first.
    queue_actions = gauge("forestall_queue_actions", "Actions in the queue.", "state")
    queue_oldest_ready = gauge("forestall_queue_oldest_ready_age_seconds", "The longest wait of the ready.")

    # The intake. `topic` is a foreign topic that the configuration names; its dead letters count above.
    intake_records = counter("forestall_intake_records_total", "Records read.", "topic")
    intake_events = counter("forestall_intake_events_total", "Events written to the journal.", "topic")

    # The process. The core's labels: version, and that of the state it writes. Unknown counts should be 0.
    restarts = gauge("forestall_worker_restarts", "How often the supervisor has restarted this worker.")
    assignments = counter("forestall_assignments_total", "How often it was given partitions.")
    core = info("forestall_core", "What this worker computes with.")
    unknown_counts = counter("forestall_unknown_counts_total", "What cores count and this table lacks.")

    def __init__(self, registry: CollectorRegistry, *, strict: bool = False) -> None:
        for row in table():
            self.__dict__[row.attribute] = row.make(registry)
        self._strict = strict
        self._types = frozenset(EVENT_TYPES)
        self._counters: dict[tuple[str, ...], Counter] = {}  # by the cores' keys
        self._problems: dict[int, set[str]] = {}

    def know_types(self, types: Iterable[str]) -> None:
        """Event types of the catalogue, counted under their own names from now on; all others are "other"."""
        self._types |= frozenset(types)

    def carry_out(self, counts: Mapping[tuple[str, ...], int]) -> None:
        """Adds what a core counted; a key is the metric's short name and its label values."""
        for key, n in counts.items():
            found = self._counters.get(key) or self._counter(key)
            if found is None:
                self._unknown(key, n)
            else:
                found.inc(n)

    def _counter(self, key: tuple[str, ...]) -> Counter | None:
        name, *labels = key
        row = COUNTERS.get(name)
        if row is None or len(labels) != len(row.labels):
            return None
        if row is COUNTERS["events"] and labels[0] not in self._types:
            return row.of(self).labels(OTHER)  # not kept: there is no end to them, and they may become known
        found = row.of(self).labels(*labels) if labels else row.of(self)
        self._counters[key] = found
        return found

    def show_scores(self, partition: int, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Shows what learn's partition knows of its problems, and no longer what it no longer knows.

        Keys are those of `SCORES`; a score that a problem lacks, or that is NaN (no answers yet), is not exported.
        """
        gone = self._problems.get(partition, set()) - scores.keys()
        self._problems[partition] = set(scores)
        for problem, values in [*((name, {}) for name in gone), *scores.items()]:
            for name in values.keys() - SCORES.keys() - NOT_SHOWN:
                self._unknown(("scores", name), 1)
            for name, row in SCORES.items():
                if name in values and not isnan(values[name]):
                    row.of(self).labels(problem).set(values[name])
                else:
                    row.of(self).remove_by_labels({"problem": problem})

    def left(self, processor: str, partition: int | str) -> None:
        """Another worker has the partition now: its gauges must not stand still here."""
        if isinstance(partition, int) and processor == "learn":
            self.show_scores(partition, {})
        for row in table():
            if "partition" in row.labels:
                row.of(self).remove_by_labels({"processor": processor, "partition": str(partition)})

    def _unknown(self, key: tuple[str, ...], n: int) -> None:
        if self._strict:
            raise UnknownCount(f"{key!r}: declare it in the table of pipeline/metrics.py, or fix its labels")
        log.warning("a core counts %s, which the table of metrics does not declare", key[0])
        self.unknown_counts.inc(n)


def process_registry() -> CollectorRegistry:
    """A registry that also shows the process' own CPU, memory and open files (Linux), and its Python."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def table() -> list[Instrument[Any]]:
    """Every row, in the order of the table."""
    return [row for row in vars(Metrics).values() if isinstance(row, Instrument)]


COUNTERS: Mapping[str, Instrument[Counter]] = {
    row.attribute: row for row in table() if row.name.endswith("_total")
}

#: Keys of learn's `scores()` that say nothing of their own: weights, and what a counter tells.
NOT_SHOWN = {"effective", "answers"}

#: The others.
SCORES: Mapping[str, Instrument[Gauge]] = {
    "auroc": Metrics.score_auroc,
    "auprc": Metrics.score_auprc,
    "log_loss": Metrics.score_log_loss,
    "auroc_lower": Metrics.score_auroc_lower,
    "calibration_error": Metrics.score_calibration_error,
    "precision": Metrics.score_precision,
    "recall": Metrics.score_recall,
    "count": Metrics.score_answers,
    "base_rate": Metrics.score_base_rate,
    "gate_open": Metrics.gate_open,
    "offset_counts": Metrics.offset_counts,
    "drifts": Metrics.drifts,
    "drift_error": Metrics.drift_error,
    "drift_answers": Metrics.drift_answers,
    "challenger_heard": Metrics.challenger_heard,
    "challenger_gain": Metrics.challenger_gain,
    "challenger_gain_lower": Metrics.challenger_gain_lower,
}
