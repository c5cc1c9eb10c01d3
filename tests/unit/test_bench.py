"""The benchmarks measure what they say: deterministic streams, real questions, every figure above nothing."""

from forestall.pipeline.core.catalogue.parse import parse
from forestall.schemas.catalogue import CatalogueFile
from forestall.schemas.event import decode_event
from tests.bench import cores, streams


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
