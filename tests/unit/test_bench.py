"""The benchmarks measure what they say: deterministic streams, real questions, every figure above nothing."""

import os
import subprocess
import sys
import time
from pathlib import Path

from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.foresee import Foresee
from forestall.schemas.catalogue import CatalogueFile
from forestall.schemas.event import decode_event
from tests.bench import cores, streams, tables, throughput
from tests.bench.clocks import Clock, Timed
from tests.bench.metering import cpu_seconds


def test_the_synthetic_stream_is_the_same_every_time_and_in_order() -> None:
    """Figures of two runs are of the same events."""
    stream = streams.synthetic(500, 50)
    assert stream.lines == streams.synthetic(500, 50).lines
    events = [decode_event(line) for line in stream.lines]
    assert [event.time for event in events] == sorted(event.time for event in events)
    asking = sum(event.type.startswith("order.") for event in events)
    assert 0.15 < asking / len(events) < 0.25


def test_the_catalogue_has_four_problems() -> None:
    """As many as the figures are said to be for."""
    catalogue = parse([CatalogueFile(streams.CATALOGUE.name, streams.CATALOGUE.read_text())])
    assert len(catalogue.problems) == 4


def test_the_bare_cores_ask_answer_and_learn() -> None:
    """What is measured is work: questions are asked, effects made, answers learned."""
    found = cores.measure(streams.synthetic(6_000, 200))
    assert 0 < found.events < 6_000
    assert found.others["answers_an_event"] > 0.1
    assert found.others["effects_an_event"] > 0.1
    assert found.others["learn_us_an_answer"] > 0
    assert 0 < found.others["foresee_us"] < found.cpu_us


def test_the_ratio_that_others_read_is_of_the_whole_job() -> None:
    """To Kafka Streams exactly once, in CPU an event; what was left out gives no ratio."""
    whole = {"title": "whole", "cpu_us": 30.0, "others": {"spine_us": 4.0}}
    found = throughput.ratios({"whole_synthetic": whole, throughput.YARDSTICK: {"cpu_us": 20.0}})
    assert found["ratio_whole_job_to_kafka_streams_exactly_once"] == 1.5
    assert found["spine_us"] == {"synthetic": 4.0}
    assert throughput.RATIO not in throughput.ratios({"whole_synthetic": whole})


def test_every_name_that_only_takes_is_a_system() -> None:
    """The command's choices are made without making the streams."""
    assert [one.name for one in throughput.systems(throughput.Size(10, 5, 10))] == throughput.names()


def test_a_cores_work_moves_its_clock_and_nothing_else_does(tmp_path: Path) -> None:
    """Another process reads the same seconds from the file."""
    clock = Clock(tmp_path / "foresee.clock")
    core = Timed(Foresee(0, 1), clock)
    assert core.cached() == 0
    assert clock.read() == 0
    core.run([cores.configuration()], 0, 10)
    assert Clock(tmp_path / "foresee.clock").read() == clock.read() > 0


def test_cpu_counts_children_that_live_and_those_that_have_ended() -> None:
    """A system may work in processes of its own."""
    burn = "import time\nwhile time.process_time() < .3: pass\n"
    before = cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert cpu_seconds(os.getpid()) - before >= 0.29
    with subprocess.Popen(
        [sys.executable, "-c", burn + "input()"], stdin=subprocess.PIPE, text=True
    ) as child:
        deadline = time.monotonic() + 10
        while cpu_seconds(child.pid) < 0.29 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert cpu_seconds(os.getpid()) - before >= 0.58
        child.communicate("\n")


def test_the_tables_stand_in_terminal_and_page() -> None:
    """A missing figure leaves its cell empty."""
    one = {"title": "Forestall", "cpu_us": 12.34, "cpu_us_runs": [12.0, 13.0], "others": {}}
    found = {"systems": {"whole_retail": one}, "left_out": {"bytewax": "no"}, "spine_us": {}}
    table = tables.throughput(found)[0].markdown()
    assert "| Forestall | 12.3 | 12.0-13.0 |  |  |  |  |" in table
    assert "left out: bytewax" in table
