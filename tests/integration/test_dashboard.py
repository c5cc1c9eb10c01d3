"""The dashboard, held against a real Prometheus that scraped a worker's metrics."""

from collections.abc import Iterator

import pytest
from prometheus_client import start_http_server

from forestall.agents.child import free_port
from forestall.pipeline.metrics import SCORES, Metrics, process_registry, table
from tests.builders.metrics import CORE_COUNTS
from tests.builders.operation import ask, dashboard_queries, rules, scraped, scraping, without_data
from tests.servers.prometheus import Prometheus


def work(metrics: Metrics) -> None:
    """Measures once everything that can be measured."""
    metrics.carry_out(CORE_COUNTS)
    metrics.show_scores(0, {"return": dict.fromkeys(SCORES, 0.5)})
    edge = {
        "processor": "foresee",
        "partition": "0",
        "destination": "queue",
        "state": "ready",
        "cause": "epoch",
    }
    for row in table():
        if row.labels and edge.keys() >= set(row.labels):
            row.of(metrics).labels(*(edge[label] for label in row.labels))
    metrics.commit_seconds.labels("foresee").observe(0.004)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with Forestall's rules, that has scraped a process while it worked."""
    registry = process_registry()
    metrics = Metrics(registry, strict=True)
    exporter, thread = start_http_server(port := free_port(), "127.0.0.1", registry)
    server = Prometheus(tmp_path_factory.mktemp("prometheus"), scraping([f"127.0.0.1:{port}"])).start()
    try:
        for times in (1, 2, 4):
            work(metrics)
            scraped(server, times)
        yield server
    finally:
        server.stop()
        exporter.shutdown()
        exporter.server_close()
        thread.join()


def test_every_query_of_the_dashboard_returns_data(prometheus: Prometheus) -> None:
    """No panel is empty once a worker has done a little of everything."""
    queries = dashboard_queries()
    assert len(queries) > 30
    assert without_data(prometheus, queries) == []


def test_every_recorded_series_has_data(prometheus: Prometheus) -> None:
    """What alerts and dashboards build on is there to build on."""
    assert without_data(prometheus, {name: name for name in rules("record")}) == []


def test_a_query_of_what_nobody_exports_is_found_out(prometheus: Prometheus) -> None:
    """The check can fail: a misspelt metric and 0/0 count as no data."""
    queries = {"misspelt": "forestall_evnts_total", "nothing by nothing": "vector(0) / vector(0)"}
    assert without_data(prometheus, queries) == list(queries)
    assert ask(prometheus, "up")
