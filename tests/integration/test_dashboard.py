"""The dashboard, held against a real Prometheus that scraped a real worker while it worked."""

import gzip
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from forestall.agents.kafka_clients import producer
from forestall.agents.lag import lag_meter
from forestall.agents.replay import replay
from forestall.agents.settings import Settings
from forestall.pipeline.metrics import table
from tests.builders.broken import broken
from tests.builders.operation import DEPLOY, ask, dashboard_queries, rules, scraped, scraping, without_data
from tests.live import Live, boosted, live, trainer
from tests.servers.kafka import Kafka
from tests.servers.prometheus import Prometheus
from tests.servers.redis import Redis

SAMPLE = DEPLOY.parent / "pipeline" / "sources" / "samples" / "helpdesk.jsonl.gz"
#: Enough for the skill gate to open, so that there are alerts and work in the queue.
EVENTS = 12_000


def work(one: Live, folder: Path) -> None:
    """A stretch of the help desk's history, at the pace of learning; then broken input, which is of today."""
    with gzip.open(SAMPLE) as lines, gzip.open(folder / "some.jsonl.gz", "wb") as some:
        some.writelines(line for line, _ in zip(lines, range(EVENTS), strict=False))
    with lag_meter(one.settings) as lag:
        replay(folder / "some.jsonl.gz", one.settings, lag=lag)
    with producer(one.settings) as client:
        for found in broken(seed=1, count=300, now_ms=round(time.time() * 1000)):
            client.send(one.settings.topics.events, found.value, found.key)
    one.until_processed()


def shown(one: Live) -> set[str]:
    """The names of the series that the worker shows."""
    with urllib.request.urlopen(f"http://{one.web}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}


@pytest.fixture(scope="module")
def one(kafka: Kafka, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A worker with the help desk's catalogue, and a trainer."""
    settings = Settings(
        kafka=kafka.bootstrap, redis=redis_server.url, prefix="dashboard", partitions=2, breaker="off"
    )
    folder = tmp_path_factory.mktemp("worker")
    training = trainer(settings, folder)
    with live(settings, folder) as worker:
        worker.configure(boosted(DEPLOY / "catalogues" / "helpdesk.toml", folder))
        training.start()
        try:
            yield worker
        finally:
            training.kill()


@pytest.fixture(scope="module")
def prometheus(one: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with Forestall's rules, that has scraped the worker from its start to its last event."""
    folder = tmp_path_factory.mktemp("prometheus")
    server = Prometheus(folder, scraping([one.web])).start()
    try:
        one.worker.start()
        scraped(server, 2)
        work(one, folder)
        scraped(server, 8)
        time.sleep(3)  # gauges of queue and scores follow, and are scraped
        yield server
    finally:
        server.stop()


def test_every_query_of_the_dashboard_returns_data(prometheus: Prometheus) -> None:
    """No panel is empty once a worker has done a little of everything."""
    queries = dashboard_queries()
    assert len(queries) > 30
    assert without_data(prometheus, queries) == []


def test_every_recorded_series_has_data(prometheus: Prometheus) -> None:
    """What alerts and dashboards build on is there to build on."""
    assert without_data(prometheus, {name: name for name in rules("record")}) == []


def test_the_worker_knows_every_count_of_its_cores(prometheus: Prometheus) -> None:
    """No core counts what has no metric."""
    assert ask(prometheus, "max(forestall_unknown_counts_total)")[0]["value"][1] == "0"


def test_every_metric_is_shown_but_for_what_did_not_happen(prometheus: Prometheus, one: Live) -> None:
    """A metric that nobody ever sets would be declared in vain."""
    names = {row.name for row in table()}
    missing = {name for name in names if not {name, f"{name}_bucket", f"{name}_info"} & shown(one)}
    assert missing <= {
        "forestall_questions_refused_total",
        "forestall_ignored_events_total",
        "forestall_commits_refused_total",
        "forestall_intake_records_total",
        "forestall_intake_events_total",
    }


def test_a_query_of_what_nobody_exports_is_found_out(prometheus: Prometheus) -> None:
    """The check can fail: a misspelt metric and 0/0 count as no data."""
    queries = {"misspelt": "forestall_evnts_total", "nothing by nothing": "vector(0) / vector(0)"}
    assert without_data(prometheus, queries) == list(queries)
