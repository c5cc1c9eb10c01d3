"""What is under deploy/, read for tests: every query of the dashboards, every expression of the rules."""

import json
import re
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from tests.servers.prometheus import Prometheus

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yml"
DASHBOARDS = DEPLOY / "grafana" / "dashboards"


def dashboard_queries() -> dict[str, str]:
    """Every query of every dashboard, by dashboard, panel and letter."""
    return {
        f"{file.stem}: {panel['title']} {target['refId']}": target["expr"]
        for file in sorted(DASHBOARDS.glob("*.json"))
        for panel in json.loads(file.read_text())["panels"]
        for target in panel.get("targets") or []
    }


def rules(kind: str) -> dict[str, dict[str, Any]]:
    """The rules of a kind ("record" or "alert"), by name."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule[kind]: rule for group in groups for rule in group["rules"] if kind in rule}


def metric_names(query: str) -> set[str]:
    """Forestall's own metrics in a query, without those that rules record."""
    return set(re.findall(r"\bforestall_[a-z_]+", query))


def scraping(targets: list[str]) -> str:
    """A prometheus.yml that scrapes `targets` (host:port) each half second, with Forestall's own rules."""
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "forestall", "static_configs": [{"targets": targets}]}],
        }
    )


def ask(prometheus: Prometheus, query: str) -> list[Any]:
    """The result of an instant query; raises on one that Prometheus does not understand."""
    with urllib.request.urlopen(
        f"{prometheus.url}/api/v1/query?query={urllib.parse.quote(query)}", timeout=10
    ) as answer:
        result: list[Any] = json.load(answer)["data"]["result"]
    return result


def scraped(prometheus: Prometheus, times: int, seconds: float = 30) -> None:
    """Waits until every target was scraped so many times."""
    deadline = time.monotonic() + seconds
    while not ask(prometheus, f'min(sum_over_time(up{{job="forestall"}}[5m])) >= {times}'):
        assert time.monotonic() < deadline, "Prometheus did not scrape the worker"
        time.sleep(0.2)


def without_data(prometheus: Prometheus, queries: dict[str, str]) -> list[str]:
    """The names of the queries that return nothing, or only NaN."""
    return [
        name
        for name, query in queries.items()
        if not any(series["value"][1] != "NaN" for series in ask(prometheus, query))
    ]
