"""The benchmarks measure what they say: deterministic streams, real questions, every figure above nothing."""

import os
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.foresee import Foresee
from forestall.schemas.catalogue import CatalogueFile
from forestall.schemas.event import decode_event
from tests.bench import aims, charts, cores, latency, page, streams, tables, throughput
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


def test_a_stream_that_asks_nothing_asks_nothing() -> None:
    """No event of it is one that a problem of the catalogue asks at."""
    events = [decode_event(line) for line in streams.silent(500, 50).lines]
    catalogue = parse([CatalogueFile(streams.CATALOGUE.name, streams.CATALOGUE.read_text())])
    asking = {type_ for problem in catalogue.problems for type_ in problem.ask.on}
    assert asking
    assert not asking & {event.type for event in events}


def test_a_long_stream_is_taken_line_by_line() -> None:
    """The parts of it are what the whole would be."""
    whole = list(streams.synthetic_lines(100, 10))
    lines = streams.synthetic_lines(100, 10)
    first, rest = streams.NextLines(lines, 70), streams.NextLines(lines, 30)
    assert (len(first), len(rest)) == (70, 30)
    assert list(first) + list(rest) == whole


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


def test_ratios_are_of_warm_to_warm_and_of_whole_processes_to_whole_processes() -> None:
    """A process is dearer from its start than warm; each processor apart has its share."""
    apart = {"foresee_us": 20.0, "learn_us": 10.0, "foresee_whole_us": 40.0, "learn_whole_us": 20.0}
    found = throughput.ratios(
        {
            "split_synthetic": {"cpu_us": 30.0, "whole_us": 60.0, "others": apart},
            throughput.YARDSTICK: {"cpu_us": 10.0, "whole_us": 40.0},
        }
    )
    warm, whole = (
        found[f"{kind}_to_kafka_streams_exactly_once"] for kind in ("ratios", "ratios_whole_process")
    )
    assert (warm["split_synthetic"], warm["foresee_synthetic"], warm["learn_synthetic"]) == (3.0, 2.0, 1.0)
    assert (whole["split_synthetic"], whole["foresee_synthetic"], whole["learn_synthetic"]) == (1.5, 1.0, 0.5)


def test_latency_counts_from_when_an_event_was_due_and_leaves_out_the_beginning() -> None:
    """Ten events a second from number 100 on: number 130 was due after 3 s; 119 in the first two."""
    load = latency.Load(streams.Stream("x", []), first=100, count=100, rate=10.0)
    seen = {"o-119": 1002.0, "o-130": 1003.25, "o-99": 1000.0, "o-200": 1011.0}
    assert load.taken(1000.0, seen) == [0.25]


def test_an_aim_is_met_or_not_or_not_measured() -> None:
    """At most and at least; what was not run is left out."""
    most = aims.Aim("x", 10, "{:.1f}", lambda found: float(found["queue"]["x"]))
    least = most._replace(least=True)
    assert most.row({"queue": {"x": 12}}) == ["x", "≤ 10.0", "12.0", "no"]
    assert least.row({"queue": {"x": 12}}) == ["x", "≥ 10.0", "12.0", "yes"]
    assert most.row({}) is None


def test_the_page_is_what_was_found() -> None:
    """docs/performance.md comes of the figures beside it, and of nothing else."""
    assert page.kept()
    assert page.PAGE.read_text() == page.text()


def words_of(svg: str) -> list[str]:
    """What is written in a chart."""
    texts = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    found = [text.text or "" for text in texts]
    assert found
    return found


def test_every_chart_of_the_page_is_drawn_from_its_figures() -> None:
    """Each has the words that its figures give (where they stand depends on the fonts), and the page shows it."""
    for name, found in page.kept().items():
        if (chart := page.SECTIONS[name].chart) is not None:
            kept = (page.KEPT / f"{name}.svg").read_text()
            assert words_of(kept) == words_of(charts.svg(chart(found)))
            assert f"({page.KEPT.name}/{name}.svg)" in page.text()


def test_every_name_that_only_takes_is_a_system() -> None:
    """The command's choices are made without making the streams."""
    assert [one.name for one in throughput.systems(throughput.Size(10, 5, 10, 10))] == throughput.names()


def test_a_cores_work_moves_its_clock_and_nothing_else_does(tmp_path: Path) -> None:
    """Another process reads the same seconds from the file."""
    clock = Clock(tmp_path / "foresee.clock")
    core = Timed(Foresee(0, 1), clock)
    assert core.cached() == 0
    assert clock.read() == 0
    core.run([cores.configuration()], 0, 10)
    assert Clock(tmp_path / "foresee.clock").read() == clock.read() > 0


def test_cpu_counts_children_that_live_and_those_that_have_ended() -> None:
    """A system may work in processes of its own. (Their time is told in ticks of 10 ms.)"""
    burn = "import time\nwhile time.process_time() < .3: pass\n"
    before = cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert cpu_seconds(os.getpid()) - before > 0.28
    with subprocess.Popen(
        [sys.executable, "-c", burn + "input()"], stdin=subprocess.PIPE, text=True
    ) as child:
        deadline = time.monotonic() + 10
        while cpu_seconds(child.pid) < 0.29 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert cpu_seconds(os.getpid()) - before > 0.57
        child.communicate("\n")


def test_the_tables_stand_in_terminal_and_page() -> None:
    """A missing figure leaves its cell empty."""
    one = {"title": "Forestall", "cpu_us": 12.34, "cpu_us_runs": [12.0, 13.0], "others": {}}
    size = {"events": 1_000, "customers": 100}
    found = {"size": size, "systems": {"whole_retail": one}, "left_out": {"bytewax": "no"}, "spine_us": {}}
    table = tables.throughput(found)[0].markdown()
    assert "| Forestall | 12.3 | 12.0-13.0 |  |  |  |  |  |  |" in table
    assert "left out: bytewax" in table
