"""The table of metrics, and how the cores' counts reach it."""

import re
from collections import Counter
from math import nan

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from forestall.pipeline.metrics import COUNTERS, SCORES, Metrics, UnknownCount, table
from tests.builders.metrics import CORE_COUNTS


def samples(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """What a scrape would see: name and label values (in the order of the labels' names) -> value."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_names_follow_the_conventions_of_prometheus() -> None:
    """Each name has the prefix, and _total exactly if it is a counter."""
    for row in table():
        made = row.make(CollectorRegistry())
        assert re.fullmatch(r"forestall_[a-z]+(_[a-z]+)*", row.name)
        assert row.name.endswith("_total") == (type(made).__name__ == "Counter")


def test_no_label_can_hold_a_customer() -> None:
    """Labels are of a fixed list of bounded things."""
    bounded = {"type", "why", "problem", "answer", "verdict", "gate", "state", "cause"}
    bounded |= {"processor", "partition", "destination", "topic"}
    assert {label for row in table() for label in row.labels} == bounded


def test_every_count_of_the_cores_reaches_its_counter() -> None:
    """What the cores count stands in the scrape, under the label values given."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, strict=True)
    metrics.know_types(["order.placed"])
    metrics.carry_out(CORE_COUNTS)
    metrics.carry_out(CORE_COUNTS)
    for (name, *labels), n in CORE_COUNTS.items():
        row = COUNTERS[name]
        assert registry.get_sample_value(row.name, dict(zip(row.labels, labels, strict=True))) == 2 * n


def test_types_that_the_catalogue_does_not_name_share_one_label() -> None:
    """A flood of invented types makes one series."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, strict=True)
    metrics.know_types(["order.placed"])
    metrics.carry_out(Counter({("events", f"invented.{i}"): 1 for i in range(50)}))
    metrics.carry_out(Counter({("events", "order.placed"): 1, ("events", "forestall.tick"): 1}))
    events = {key: n for key, n in samples(registry).items() if key[0] == "forestall_events_total"}
    assert events == {
        ("forestall_events_total", "other"): 50,
        ("forestall_events_total", "order.placed"): 1,
        ("forestall_events_total", "forestall.tick"): 1,
    }


def test_a_type_counts_under_its_name_from_when_the_catalogue_names_it() -> None:
    """Until then it is one of the others."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, strict=True)
    for known in ([], ["order.placed"], []):
        metrics.know_types(known)
        metrics.carry_out(Counter({("events", "order.placed"): 1}))
    counted = samples(registry)
    assert counted[("forestall_events_total", "other")] == 1
    assert counted[("forestall_events_total", "order.placed")] == 2


@pytest.mark.parametrize("key", [("unheard_of",), ("alerts", "return"), ("lag_records", "foresee", "0")])
def test_an_unknown_count_is_loud_in_tests_and_counted_in_production(key: tuple[str, ...]) -> None:
    """A name or a number of labels that the table lacks raises if strict, else moves the warning counter."""
    with pytest.raises(UnknownCount, match=key[0]):
        Metrics(CollectorRegistry(), strict=True).carry_out(Counter({key: 1}))
    registry = CollectorRegistry()
    Metrics(registry).carry_out(Counter({key: 7}))
    assert samples(registry)[("forestall_unknown_counts_total",)] == 7


def test_scores_are_shown_by_problem_and_vanish_with_it() -> None:
    """A score that is no longer known is no longer exported, and one partition does not hide another's."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, strict=True)
    metrics.show_scores(0, {"return": dict.fromkeys(SCORES, 0.5), "lapse": {"auroc": 0.8}})
    metrics.show_scores(1, {"breach": {"auroc": 0.9}})
    assert samples(registry)[("forestall_score_calibration_error", "return")] == 0.5
    metrics.show_scores(0, {"return": {"gate_open": 1.0, "auroc": nan}})
    seen = {
        key: value for key, value in samples(registry).items() if key[-1] in {"return", "lapse", "breach"}
    }
    assert seen == {("forestall_gate_open", "return"): 1.0, ("forestall_score_auroc", "breach"): 0.9}


def test_a_partition_given_up_leaves_no_gauge_behind() -> None:
    """After a rebalance only the new owner shows lag, watermark and scores."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, strict=True)
    for partition in ("0", "1"):
        metrics.lag_records.labels("learn", partition).set(5)
        metrics.outbox_records.labels("learn", partition, "notices").set(5)
    metrics.lag_records.labels("foresee", "0").set(5)
    metrics.show_scores(0, {"return": {"auroc": 0.8}})
    metrics.left("learn", 0)
    assert {key for key in samples(registry) if len(key) > 2} == {
        ("forestall_lag_records", "1", "learn"),
        ("forestall_outbox_records", "notices", "1", "learn"),
        ("forestall_lag_records", "0", "foresee"),
    }
    assert ("forestall_score_auroc", "return") not in samples(registry)
