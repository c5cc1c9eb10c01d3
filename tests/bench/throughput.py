"""Throughput: the whole job on real Kafka, the bare cores in process, and a bare count by Kafka Streams; one run."""

import platform
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import cores, kafka_streams, streams, worker

#: Events and customers of the synthetic stream, and of the quick one.
SIZES = {False: (200_000, 20_000), True: (40_000, 5_000)}
#: The key that checks outside of the project read.
RATIO = "ratio_whole_job_to_kafka_streams_exactly_once"


def run(console: Console, *, quick: bool, peers: bool) -> dict[str, Any]:
    """Runs everything in turn; returns what the JSON says."""
    synthetic = streams.synthetic(*SIZES[quick])
    retail = streams.retail()
    if quick:
        retail = streams.Stream(retail.name, retail.lines[:15_000])
    found: dict[str, Any] = {"machine": machine()}
    with worker.servers() as on:
        for stream in (retail, synthetic):
            job = worker.measure(stream, on, console.log)
            console.log(f"{stream.name}: the bare cores")
            bare = cores.measure(stream)
            found[stream.name] = {"worker": job._asdict(), "cores": bare._asdict(), **_ratios(job, bare)}
        if peers:
            for guarantee in kafka_streams.GUARANTEES:
                console.log(f"Kafka Streams, a bare keyed count, {guarantee}")
                found[f"kafka_streams_{guarantee}"] = kafka_streams.measure(
                    synthetic, on, guarantee
                )._asdict()
            whole = found["synthetic"]["worker"]["cpu_us"]
            found[RATIO] = whole / found["kafka_streams_exactly_once_v2"]["cpu_us"]
    console.print(_table(found))
    return found


def machine() -> dict[str, Any]:
    """What it ran on."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": len(models),
        "cpu": models[0] if models else "?",
    }


def _ratios(job: worker.JobFigures, bare: cores.CoreFigures) -> dict[str, float]:
    both = bare.foresee_us + bare.learn_us
    return {"spine_us": job.cpu_us - both, "ratio_whole_job_to_cores": job.cpu_us / both}


def _table(found: dict[str, Any]) -> Table:
    table = Table(
        "", "CPU µs an event", "events a second", "", title="Throughput, four problems", title_justify="left"
    )
    for name in ("retail", "synthetic"):
        job, bare = found[name]["worker"], found[name]["cores"]
        asked = f"{bare['questions_an_event']:.2f} questions, {bare['effects_an_event']:.2f} effects an event"
        table.add_row(
            f"{name}: the whole job", f"{job['cpu_us']:.1f}", f"{job['events_a_second']:,.0f}", asked
        )
        table.add_row(f"{name}: foresee's core", f"{bare['foresee_us']:.1f}", "", "")
        learned = f"{bare['learn_us_an_answer']:.1f} µs an answer"
        table.add_row(f"{name}: learn's core", f"{bare['learn_us']:.1f}", "", learned)
        table.add_row(f"{name}: the rest, the spine", f"{found[name]['spine_us']:.1f}", "", "")
    for guarantee in kafka_streams.GUARANTEES:
        if peer := found.get(f"kafka_streams_{guarantee}"):
            rate = f"{peer['events_a_second']:,.0f}"
            table.add_row(f"Kafka Streams count, {guarantee}", f"{peer['cpu_us']:.1f}", rate, "on synthetic")
    if RATIO in found:
        table.add_row("whole job ÷ Kafka Streams exactly once", f"{found[RATIO]:.2f}", "", "on synthetic")
    return table
