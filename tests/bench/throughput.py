"""CPU an event and events a second: Forestall's whole job, its bare cores, and others' bare counts, in one run."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec
import rich.console

from forestall.pipeline.errors import ForestallError
from tests.bench import cores, counts, worker
from tests.bench.metering import WARM, Measured
from tests.bench.servers import Servers, servers
from tests.bench.streams import Stream, retail, silent, synthetic

#: The key that is promised to readers outside of the project.
RATIO = "ratio_whole_job_to_kafka_streams_exactly_once"
#: What ratios are relative to, by what they are called.
YARDSTICK = "kafka_streams_exactly_once_v2"
YARDSTICKS = {
    "kafka_streams_exactly_once": YARDSTICK,
    "kafka_streams_at_least_once": "kafka_streams_at_least_once",
}


class Size(NamedTuple):
    """How much of each stream is run."""

    events: int
    customers: int
    retail: int | None
    silent: int


SIZES = {
    "quick": Size(40_000, 4_000, 10_000, 120_000),
    "usual": Size(200_000, 20_000, None, 800_000),
    "full": Size(1_000_000, 100_000, None, 2_000_000),
}


class System(NamedTuple):
    """One line of the table: `measure` runs it once."""

    name: str
    title: str
    measure: Callable[[Servers], Measured]


def systems(size: Size, profile: Path | None = None) -> list[System]:
    """Everything that is measured, in its order."""
    shop = synthetic(size.events, size.customers)
    sample = retail()
    sample = Stream(sample.name, sample.lines[: size.retail])
    found = [
        System(f"{kind}_{stream.name}", f"{title}, {stream.name}", measure)
        for stream in (shop, sample)
        for kind, title, measure in (
            ("whole", "the whole job", partial(worker.whole, stream, profile=profile)),
            ("split", "foresee, learn apart", partial(worker.split, stream)),
            ("cores", "the bare cores", lambda _on, stream=stream: cores.measure(stream)),
        )
    ]
    visits = silent(size.silent, size.customers)
    found += [
        System("whole_silent", "nothing asked, features kept", partial(worker.whole, visits, ahead=True)),
        System("cores_silent", "nothing asked, the bare core", lambda _on: cores.measure(visits)),
    ]
    return found + [
        System(peer.name, f"{peer.title}: a count", partial(counts.measure, peer, shop))
        for peer in counts.PEERS_TABLE
    ]


def names() -> list[str]:
    """What `--only` takes."""
    kinds = [f"{kind}_{stream}" for stream in ("synthetic", "retail") for kind in ("whole", "split", "cores")]
    return [*kinds, "whole_silent", "cores_silent"] + [peer.name for peer in counts.PEERS_TABLE]


def run(
    console: rich.console.Console,
    size: Size,
    *,
    only: Sequence[str] = (),
    repeat: int = 1,
    profile: Path | None = None,
) -> dict[str, Any]:
    """Runs each system in turn, `repeat` times over; returns what the JSON says."""
    chosen = [one for one in systems(size, profile) if not only or one.name in only]
    runs: dict[str, list[Measured]] = {one.name: [] for one in chosen}
    failed: dict[str, str] = {}
    with servers(console) as on:
        for turn in range(repeat):
            for one in chosen:
                if one.name in failed:
                    continue
                console.log(f"{one.title} ({turn + 1} of {repeat})" if repeat > 1 else one.title)
                try:
                    runs[one.name].append(one.measure(on))
                except ForestallError as error:
                    failed[one.name] = str(error)
                    console.log(f"[red]left out:[/red] {one.title}: {error}", markup=True)
    found = {one.name: _summary(one, runs[one.name]) for one in chosen if runs[one.name]}
    return {"size": size._asdict(), "warm_up": WARM, "systems": found, "left_out": failed, **ratios(found)}


def _summary(one: System, runs: list[Measured]) -> dict[str, Any]:
    """The median of the runs' CPU; all else is of the run that is next to it."""
    cpu = sorted(run.cpu_us for run in runs)
    middle = min(runs, key=lambda run: abs(run.cpu_us - median(cpu)))
    return {"title": one.title, **msgspec.to_builtins(middle), "cpu_us": median(cpu), "cpu_us_runs": cpu}


def ratios(found: dict[str, Any]) -> dict[str, Any]:
    """What the figures say of each other; only what was measured."""
    warm, whole = _cpu(found, "cpu_us", "us"), _cpu(found, "whole_us", "whole_us")
    told: dict[str, Any] = {}
    for name, cpu in (("ratios", warm), ("ratios_whole_process", whole)):
        for other, yard in YARDSTICKS.items():
            if yard in cpu:
                told[f"{name}_to_{other}"] = {system: us / cpu[yard] for system, us in cpu.items()}
    if YARDSTICK in warm:
        asked = {RATIO: "whole_synthetic", "ratio_foresee_to_kafka_streams_exactly_once": "foresee_synthetic"}
        told |= {key: warm[one] / warm[YARDSTICK] for key, one in asked.items() if one in warm}
    told["spine_us"] = {
        stream: one["others"]["spine_us"]
        for stream in ("synthetic", "retail", "silent")
        if (one := found.get(f"whole_{stream}"))
    }
    return told


def _cpu(found: dict[str, Any], key: str, suffix: str) -> dict[str, float]:
    """CPU µs an event by system, and of the processes of those that run apart."""
    cpu = {name: one[key] for name, one in found.items() if one.get(key)}
    for stream in ("synthetic", "retail"):
        others = found.get(f"split_{stream}", {}).get("others", {})
        apart = {f"{name}_{stream}": others.get(f"{name}_{suffix}") for name in ("foresee", "learn")}
        cpu |= {name: us for name, us in apart.items() if us}
    return cpu
