"""What a benchmark found, as rows: for the terminal and for the page alike."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import rich.console
import rich.table


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

    def markdown(self) -> str:
        """For the page."""
        lines = [
            f"### {self.title}",
            "",
            _line(self.columns),
            _line(["---", *["---:"] * (len(self.columns) - 1)]),
        ]
        return "\n".join([*lines, *map(_line, self.cells), ""])


def throughput(found: dict[str, Any]) -> list[Rows]:
    """The systems, and what the whole job is made of."""
    shares = found.get("ratios_to_kafka_streams_exactly_once", {})
    rows = []
    for name, one in found["systems"].items():
        runs, servers = one["cpu_us_runs"], one.get("servers_us", {})
        rate = one.get("events_a_second")
        rows.append(
            [
                one["title"], f"{one['cpu_us']:.1f}", f"{runs[0]:.1f}-{runs[-1]:.1f}" if len(runs) > 1 else "",
                f"{shares[name]:.2f}" if name in shares else "", f"{rate:,.0f}" if rate else "",
                *(f"{servers[each]:.1f}" if each in servers else "" for each in ("redis", "kafka")),
            ]
        )  # fmt: skip
    rows += [[f"left out: {name}", "", "", "", "", "", ""] for name in found["left_out"]]
    columns = ("", "CPU µs", "all runs", "÷ KS", "events/s", "Redis µs", "Kafka µs")
    return [Rows("CPU by event, one worker process", columns, rows), _parts(found)]


def _parts(found: dict[str, Any]) -> Rows:
    """Of what the whole job consists, by stream."""
    systems, cells = found["systems"], []
    streams = ("synthetic", "retail")

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
    """By load and destination."""
    cells = [
        [
            f"{load}: {title}", f"{one['events_a_second']:,.0f}", f"{one[key]['alerts']:,}",
            *(f"{one[key][name]:,.0f}" if name in one[key] else "" for name in ("p50_ms", "p99_ms", "p999_ms")),
        ]
        for load, one in found["loads"].items()
        for key, title in (("claimable", "claimable"), ("on_topic", "on the topic, committed"))
    ]  # fmt: skip
    title = f"From event produced to alert, ms, by share of {found['maximum_events_a_second']:,.0f} events/s"
    return [Rows(title, ("", "events/s", "alerts", "p50", "p99", "p99.9"), cells)]


def memory(found: dict[str, Any]) -> list[Rows]:
    """By number of customers."""
    cells = [
        [
            f"{one['customers']:,}", *(f"{one['document_bytes'][name]:,.0f}" for name in ("median", "p99", "max")),
            f"{one['redis_bytes_a_customer']:,.0f}", f"{one['worker_mb_empty']:,.0f}", f"{one['worker_mb']:,.0f}",
        ]
        for one in found["customers"].values()
    ]  # fmt: skip
    columns = (
        "customers",
        "median",
        "p99",
        "max",
        "Redis in all, a customer",
        "worker empty, MB",
        "worker, MB",
    )
    return [Rows("Bytes of a customer's document", columns, cells)]


def queue(found: dict[str, Any]) -> list[Rows]:
    """By call."""
    names = ("wall_us", "client_us", "redis_us")
    cells = [[call, *(f"{one[name]:.0f}" for name in names)] for call, one in found["calls"].items()]
    columns = ("", "wall", "client's CPU", "Redis' CPU")
    return [Rows(f"The queue, µs an action ({found['actions']:,} actions)", columns, cells)]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
