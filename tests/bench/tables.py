"""What a benchmark found, as rows: for the terminal and for the page alike."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import rich.console
import rich.table

from tests.bench.aims import AIMS


class Rows(NamedTuple):
    """A table: its title, its columns, its cells."""

    title: str
    columns: Sequence[str]
    cells: list[Sequence[str]]

    def show(self, console: rich.console.Console) -> None:
        """For a terminal."""
        table = rich.table.Table(title=self.title, title_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left", overflow="fold")
        for cells in self.cells:
            table.add_row(*cells)
        console.print(table)

    def markdown(self, level: int = 3) -> str:
        """For the page, under a heading of this level."""
        lines = [
            f"{'#' * level} {self.title}",
            "",
            _line(self.columns),
            _line(["---", *["---:"] * (len(self.columns) - 1)]),
        ]
        return "\n".join([*lines, *map(_line, self.cells), ""])


def aims(found: dict[str, dict[str, Any]]) -> Rows:
    """What was measured of what we aim at."""
    cells = [row for aim in AIMS if (row := aim.row(found)) is not None]
    return Rows("Aims", ("", "aim", "measured", "met"), cells)


def throughput(found: dict[str, Any]) -> list[Rows]:
    """The systems, and what the whole job is made of."""
    columns = (
        "",
        "warm, µs",
        "all runs",
        "÷ KS",
        "whole process, µs",
        "÷ KS",
        "events/s",
        "Redis µs",
        "Kafka µs",
    )
    size = found["size"]
    rows = [_system(found, name, one) for name, one in found["systems"].items()]
    rows += [[f"left out: {name}", *[""] * (len(columns) - 1)] for name in found["left_out"]]
    title = (
        f"CPU µs an event, one worker process: {size['events']:,} events of {size['customers']:,} customers"
    )
    return [Rows(title, columns, rows), _parts(found)]


def _system(found: dict[str, Any], name: str, one: dict[str, Any]) -> list[str]:
    def share(of: str) -> str:
        return _figure(found.get(f"{of}_to_kafka_streams_exactly_once", {}).get(name), "{:.2f}")

    runs, servers = one["cpu_us_runs"], one.get("servers_us", {})
    return [
        one["title"], f"{one['cpu_us']:.1f}", f"{runs[0]:.1f}-{runs[-1]:.1f}" if len(runs) > 1 else "",
        share("ratios"), _figure(one.get("whole_us"), "{:.1f}"), share("ratios_whole_process"),
        _figure(one.get("events_a_second"), "{:,.0f}"),
        *(_figure(servers.get(each), "{:.1f}") for each in ("redis", "kafka")),
    ]  # fmt: skip


def _figure(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _parts(found: dict[str, Any]) -> Rows:
    """Of what the whole job consists, by stream."""
    systems, cells = found["systems"], []
    streams = ("synthetic", "retail", "silent")

    def row(title: str, kind: str, key: str, digits: int) -> None:
        values = [systems.get(f"{kind}_{stream}", {}).get("others", {}).get(key) for stream in streams]
        if any(value is not None for value in values):
            cells.append([title, *("" if value is None else f"{value:.{digits}f}" for value in values)])

    row("one process: CPU µs of foresee's core", "whole", "foresee_core_us", 1)
    row("one process: CPU µs of learn's core", "whole", "learn_core_us", 1)
    row("one process: the rest, the spine", "whole", "spine_us", 1)
    row("apart: CPU µs of foresee with its relay", "split", "foresee_us", 1)
    row("apart: CPU µs of learn with its relay", "split", "learn_us", 1)
    row("in process, no servers: foresee's core", "cores", "foresee_us", 1)
    row("in process, no servers: learn's core", "cores", "learn_us", 1)
    row("in process, no servers: learn's core, by answer", "cores", "learn_us_an_answer", 1)
    row("answered questions an event", "whole", "answers_an_event", 2)
    row("decisions an event", "whole", "ledger_an_event", 3)
    row("alerts an event (raised, updated, ended)", "whole", "alerts_an_event", 3)
    row("seconds until the rest is delivered", "whole", "drain_seconds", 1)
    return Rows("The whole job, by event", ("", *streams), cells)


def latency(found: dict[str, Any]) -> list[Rows]:
    """By load and destination; and how busy it was meanwhile."""
    names = ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms")
    cells = [
        [
            f"{load}: {title}",
            f"{one[key]['alerts']:,}",
            *(_figure(one[key].get(name), "{:,.0f}") for name in names),
        ]
        for load, one in found["loads"].items()
        for key, title in (("claimable", "claimable"), ("on_topic", "on the topic, committed"))
    ]
    title = f"From event produced to alert, ms, by share of {found['maximum_events_a_second']:,.0f} events/s"
    busy = [
        [
            load, f"{one['events_a_second']:,.0f}", f"{one['seconds']:.0f}", f"{one['worker_busy']:.0%}",
            f"{one['machine_busy']:.0%}", f"{one['sender_late_ms']:.0f}",
        ]
        for load, one in found["loads"].items()
    ]  # fmt: skip
    columns = ("load", "events/s", "seconds", "worker, of a core", "machine", "sender late, p99, ms")
    return [
        Rows(title, ("", "alerts", "p50", "p90", "p99", "p99.9", "max"), cells),
        Rows("Meanwhile", columns, busy),
    ]


def memory(found: dict[str, Any]) -> list[Rows]:
    """By number of customers: what is kept of them, and what it costs."""
    sizes = found["customers"].values()
    kept = [
        [
            f"{one['customers']:,}",
            *(f"{one['document_bytes'][name]:,.0f}" for name in ("median", "mean", "p99", "max")),
            *(f"{one['redis_bytes_a_customer'][name]:,.0f}" for name in ("documents", "due", "everything")),
        ]
        for one in sizes
    ]  # fmt: skip
    costs = [
        [
            f"{one['customers']:,}", f"{one['events']:,}", f"{one['cpu_us']:.1f}",
            f"{one['core_us']:.1f}", f"{one['redis_us']:.1f}", f"{one['events_a_second']:,.0f}",
            f"{one['worker_mb_empty']:,.0f}", f"{one['worker_mb']:,.0f}",
        ]
        for one in sizes
    ]  # fmt: skip
    bytes_columns = ("customers", "document: median", "mean", "p99", "max")
    redis_columns = ("Redis: documents", "due index", "everything")
    names = ("customers", "events", "CPU µs an event", "its cores", "Redis", "events/s")
    title = f"Bytes a customer ({found['events_a_customer_in_200_days']} events each)"
    return [
        Rows(title, (*bytes_columns, *redis_columns), kept),
        Rows("The worker, warm", (*names, "MB empty", "MB"), costs),
    ]


def queue(found: dict[str, Any]) -> list[Rows]:
    """By call."""
    names = ("wall_us", "client_us", "redis_us")
    cells = [[call, *(f"{one[name]:.0f}" for name in names)] for call, one in found["calls"].items()]
    columns = ("", "wall", "client's CPU", "Redis' CPU")
    return [Rows(f"The queue, µs an action ({found['actions']:,} actions)", columns, cells)]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
