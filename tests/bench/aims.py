"""What we aim at, and what was measured, met or not: the first table of the page."""

from collections.abc import Callable
from typing import Any, NamedTuple

Found = dict[str, dict[str, Any]]


class Aim(NamedTuple):
    """`read` finds the figure in what the benchmarks found, by benchmark; KeyError where it was not measured."""

    says: str
    bound: float
    form: str
    read: Callable[[Found], float]
    least: bool = False

    def row(self, found: Found) -> list[str] | None:
        """Its line of the table; None where it was not measured."""
        try:
            value = self.read(found)
        except KeyError:
            return None
        met = value >= self.bound if self.least else value <= self.bound
        sign = "≥" if self.least else "≤"
        return [
            self.says,
            f"{sign} {self.form.format(self.bound)}",
            self.form.format(value),
            "yes" if met else "no",
        ]


def _ratio(of: str, system: str) -> Callable[[Found], float]:
    return lambda found: float(found["throughput"][f"{of}_to_kafka_streams_exactly_once"][system])


def _spread(found: Found) -> float:
    """How far CPU an event is from the middle of its range, at most."""
    cpu = [one["cpu_us"] for one in found["memory"]["customers"].values()]
    return (max(cpu) - min(cpu)) / (max(cpu) + min(cpu)) * 100


def _documents(found: Found, name: str) -> float:
    return float(max(one["document_bytes"][name] for one in found["memory"]["customers"].values()))


FORESEE = "foresee's whole job ÷ a bare count of Kafka Streams, exactly once"
BOTH = "foresee and learn ÷ the same count"

AIMS = (
    Aim(f"{FORESEE}: whole processes", 0.65, "{:.2f}", _ratio("ratios_whole_process", "foresee_synthetic")),
    Aim(f"{FORESEE}: warm", 0.65, "{:.2f}", _ratio("ratios", "foresee_synthetic")),
    Aim(f"{BOTH}: whole processes", 1.0, "{:.2f}", _ratio("ratios_whole_process", "whole_synthetic")),
    Aim(f"{BOTH}: warm", 1.0, "{:.2f}", _ratio("ratios", "whole_synthetic")),
    Aim("what the spine adds to the cores, CPU µs an event", 10, "{:.1f}",
        lambda found: float(found["throughput"]["spine_us"]["synthetic"])),
    Aim("events a second that ask nothing, features kept, in one worker process", 60_000, "{:,.0f}",
        lambda found: float(found["throughput"]["systems"]["whole_silent"]["events_a_second"]), least=True),
    Aim("from event produced to action claimable at half load: p99, ms", 250, "{:,.0f}",
        lambda found: float(found["latency"]["loads"]["50%"]["claimable"]["p99_ms"])),
    Aim("bytes of a customer's document, median", 1_500, "{:,.0f}", lambda found: _documents(found, "median")),
    Aim("CPU an event by number of customers, warm: ± %", 10, "{:.0f}", _spread),
)  # fmt: skip
