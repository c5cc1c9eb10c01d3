# ruff: noqa: INP001 (a script beside its output, not a module)
"""The overview dashboard: `python deploy/grafana/overview.py` writes dashboards/overview.json beside it.

A row of the dashboard is an entry of ROWS, a panel a `Panel`; that table is the whole dashboard.
"""

from pathlib import Path
from string import ascii_uppercase
from typing import NamedTuple

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

HERE = Path(__file__).parent
FILE = HERE / "dashboards" / "overview.json"
SOURCE = DataSourceRef(type_val="prometheus", uid="forestall-prometheus")
PER_LINE = 24  # Grafana's grid


class Panel(NamedTuple):
    """One panel: its queries by legend. `unit` is Grafana's name; `now` shows the last value only."""

    title: str
    text: str
    unit: str
    queries: dict[str, str]
    now: bool = False


ROWS: dict[str, tuple[Panel, ...]] = {
    "At a glance": (
        Panel("Workers", "Workers that answer.", "short", {"": 'sum(up{job="forestall"})'}, now=True),
        Panel(
            "Events",
            "Events applied a second.",
            "cps",
            {"": "sum(rate(forestall_events_total[5m]))"},
            now=True,
        ),
        Panel(
            "Alerts raised",
            "In the last hour.",
            "short",
            {"": 'sum(increase(forestall_alerts_total{state="raised"}[1h]))'},
            now=True,
        ),
        Panel(
            "Ready actions",
            "Work that waits.",
            "short",
            {"": 'max(forestall_queue_actions{state="ready"})'},
            now=True,
        ),
        Panel(
            "Oldest ready",
            "How long it waits.",
            "s",
            {"": "max(forestall_queue_oldest_ready_age_seconds)"},
            now=True,
        ),
        Panel(
            "Dead letters",
            "Share of the input.",
            "percentunit",
            {
                "": "sum(rate(forestall_dead_letters_total[5m])) / "
                "(sum(rate(forestall_events_total[5m])) + sum(rate(forestall_dead_letters_total[5m])))"
            },
            now=True,
        ),
    ),
    "What is foreseen": (
        Panel(
            "Questions",
            "Asked and answered a second, by problem.",
            "cps",
            {
                "{{problem}} asked": "sum by (problem) (rate(forestall_questions_asked_total[5m]))",
                "{{problem}} {{answer}}": "sum by (problem, answer) (rate(forestall_questions_answered_total[5m]))",
            },
        ),
        Panel(
            "Alerts",
            "Changes a second, by problem and new state.",
            "cps",
            {"{{problem}} {{state}}": "sum by (problem, state) (rate(forestall_alerts_total[5m]))"},
        ),
        Panel(
            "Decisions",
            "What became of predictions above the threshold; the gate that held back.",
            "cps",
            {
                "{{problem}} {{verdict}} {{gate}}": "sum by (problem, verdict, gate) "
                "(rate(forestall_decisions_total[5m]))"
            },
        ),
    ),
    "How well": (
        Panel(
            "AUROC and skill gate",
            "Prequential, in a sliding window; the gate is 1 while open.",
            "short",
            {
                "{{problem}}": "max by (problem) (forestall_score_auroc)",
                "{{problem}} gate": "max by (problem) (forestall_gate_open)",
            },
        ),
        Panel(
            "Precision and base rate",
            "Share of yes above the threshold, among all, and the area under precision and recall.",
            "percentunit",
            {
                "{{problem}} precision": "max by (problem) (forestall_score_precision)",
                "{{problem}} base rate": "max by (problem) (forestall_score_base_rate)",
                "{{problem}} AUPRC": "max by (problem) (forestall_score_auprc)",
            },
        ),
        Panel(
            "Calibration and loss",
            "Expected calibration error, and log loss in nats.",
            "short",
            {
                "{{problem}} ECE": "max by (problem) (forestall_score_calibration_error)",
                "{{problem}} log loss": "max by (problem) (forestall_score_log_loss)",
            },
        ),
        Panel(
            "Drift",
            "Mean squared error since it last changed, and how often it has become worse.",
            "short",
            {
                "{{problem}} error": "max by (problem) (forestall_drift_error)",
                "{{problem}} became worse": "max by (problem) (forestall_drifts)",
            },
        ),
        Panel(
            "Boosted trees",
            "Log loss that they save, nats a question, with its lower bound; 1 while they count.",
            "short",
            {
                "{{problem}} saves": "max by (problem) (forestall_challenger_gain)",
                "{{problem}} at least": "max by (problem) (forestall_challenger_gain_lower)",
                "{{problem}} counts": "max by (problem) (forestall_challenger_heard)",
            },
        ),
        Panel(
            "Learning",
            "Answers learned and notices sent a second.",
            "cps",
            {
                "{{problem}} answers": "sum by (problem) (rate(forestall_answers_learned_total[5m]))",
                "{{problem}} notices": "sum by (problem) (rate(forestall_notices_total[5m]))",
            },
        ),
    ),
    "Flow": (
        Panel(
            "Input",
            "Events by type, and what was late, repeated or unreadable, a second.",
            "cps",
            {
                "{{type}}": "sum by (type) (rate(forestall_events_total[5m]))",
                "late": "sum(rate(forestall_late_events_total[5m]))",
                "duplicate": "sum(rate(forestall_duplicate_events_total[5m]))",
                "dead: {{cause}}": "sum by (cause) (rate(forestall_dead_letters_total[5m]))",
            },
        ),
        Panel(
            "Lag",
            "Records between the state's position and the log's end.",
            "short",
            {"{{processor}} {{partition}}": "max by (processor, partition) (forestall_lag_records)"},
        ),
        Panel(
            "Age of the watermark",
            "How far event time is behind; a replay of history shows years.",
            "s",
            {
                "{{processor}} {{partition}}": "time() - max by (processor, partition) "
                "(forestall_watermark_timestamp_seconds)"
            },
        ),
    ),
    "Machinery": (
        Panel(
            "Commits",
            "Time of a commit: median and the slowest in a hundred.",
            "s",
            {
                "{{processor}} median": "histogram_quantile(0.5, "
                "sum by (processor, le) (rate(forestall_commit_seconds_bucket[5m])))",
                "{{processor}} p99": "histogram_quantile(0.99, "
                "sum by (processor, le) (rate(forestall_commit_seconds_bucket[5m])))",
            },
        ),
        Panel(
            "Records and chunks",
            "A second, by processor.",
            "cps",
            {
                "{{processor}} records": "sum by (processor) (rate(forestall_records_total[5m]))",
                "{{processor}} chunks": "sum by (processor) (rate(forestall_chunks_total[5m]))",
            },
        ),
        Panel(
            "Outbox",
            "Effects that wait, and deliveries a second, by destination.",
            "short",
            {
                "{{processor}} to {{destination}}": "sum by (processor, destination) (forestall_outbox_records)",
                "{{destination}} a second": "sum by (destination) (rate(forestall_relay_delivered_total[5m]))",
            },
        ),
        Panel(
            "Queue", "Actions by state.", "short", {"{{state}}": "max by (state) (forestall_queue_actions)"}
        ),
        Panel(
            "Memory", "Resident.", "bytes", {"{{instance}}": 'process_resident_memory_bytes{job="forestall"}'}
        ),
        Panel(
            "Documents and restarts",
            "Customers and problems held in memory; restarts by the supervisor.",
            "short",
            {
                "{{instance}} documents": "sum by (instance) (forestall_cached_documents)",
                "{{instance}} restarts": "forestall_worker_restarts",
            },
        ),
        Panel(
            "CPU",
            "Cores in use.",
            "short",
            {"{{instance}}": 'rate(process_cpu_seconds_total{job="forestall"}[5m])'},
        ),
    ),
}


def panel(number: int, row: tuple[Panel, ...], declared: Panel) -> stat.Panel | timeseries.Panel:
    """One panel as wide as its row allows; `number` is its id, by which links name it."""
    made = stat.Panel() if declared.now else timeseries.Panel()
    made = made.id(number).title(declared.title).description(declared.text).unit(declared.unit)
    made = made.datasource(SOURCE).height(4 if declared.now else 8)
    made = made.span(PER_LINE // min(len(row), 6 if declared.now else 3))
    for letter, (legend, query) in zip(ascii_uppercase, declared.queries.items(), strict=False):
        target = prometheus.Dataquery().ref_id(letter).expr(query).legend_format(legend or "__auto")
        made = made.with_target(target.instant() if declared.now else target.range())
    return made


def build() -> str:
    """The dashboard as Grafana imports it."""
    made = dashboard.Dashboard("Forestall: overview").uid("forestall-overview").tags(["forestall"])
    made = made.refresh("15s").time("now-1h", "now").timezone("browser").readonly()
    number = 0
    for title, row in ROWS.items():
        made = made.with_row(dashboard.Row(title).id(number := number + 1))
        for declared in row:
            made = made.with_panel(panel(number := number + 1, row, declared))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


if __name__ == "__main__":
    FILE.write_text(build())
