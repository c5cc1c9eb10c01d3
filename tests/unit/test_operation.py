"""Rules and dashboards speak of what exists."""

import re
import runpy

import yaml

from forestall.pipeline.metrics import table
from tests.builders.operation import DASHBOARDS, DEPLOY, RULES, dashboard_queries, metric_names, rules

#: As a scrape shows them: histograms under three names, informations under one.
EXPORTED = {row.name for row in table()}
EXPORTED |= {f"{row.name}_{part}" for row in table() for part in ("bucket", "sum", "count", "info")}


def test_the_dashboard_is_what_its_source_makes() -> None:
    """overview.json is fresh: run deploy/grafana/overview.py after changing it."""
    assert (DASHBOARDS / "overview.json").read_text() == runpy.run_path(f"{DEPLOY}/grafana/overview.py")[
        "build"
    ]()


def test_dashboards_and_rules_name_only_metrics_that_exist() -> None:
    """No panel and no rule asks for a metric that the table does not declare."""
    queries = [*dashboard_queries().values()]
    queries += [rule["expr"] for kind in ("record", "alert") for rule in rules(kind).values()]
    named = {name for query in queries for name in metric_names(query)}
    assert named
    assert named <= EXPORTED


def test_rules_name_only_series_that_rules_record() -> None:
    """An alert's `forestall:` series is recorded by a rule above it."""
    used = {
        name
        for rule in rules("alert").values()
        for name in re.findall(r"forestall:[a-z_:0-9]+", rule["expr"])
    }
    assert used
    assert used <= set(rules("record"))


def test_every_alert_says_what_happened_and_what_to_do() -> None:
    """Each has a summary, an action, and one of the two severities."""
    for name, rule in rules("alert").items():
        assert set(rule["annotations"]) == {"summary", "action"}, name
        assert rule["labels"]["severity"] in {"page", "ticket"}, name


def test_every_alert_is_tested_quiet_and_firing() -> None:
    """rules_test.yml has for each alert a moment without it and a moment with it."""
    tests = yaml.safe_load(RULES.with_name("rules_test.yml").read_text())["tests"]
    seen = {
        (case["alertname"], bool(case.get("exp_alerts")))
        for test in tests
        for case in test["alert_rule_test"]
    }
    assert seen == {(name, fires) for name in rules("alert") for fires in (False, True)}


def test_the_dashboards_data_source_is_provisioned() -> None:
    """Every panel names the data source that Grafana is given."""
    file = DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml"
    uids = {source["uid"] for source in yaml.safe_load(file.read_text())["datasources"]}
    overview = yaml.safe_load((DASHBOARDS / "overview.json").read_text())
    assert {panel["datasource"]["uid"] for panel in overview["panels"] if panel["type"] != "row"} == uids
