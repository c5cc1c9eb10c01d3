"""Rules and configuration, held against Debian's promtool."""

import subprocess

from tests.builders.operation import DEPLOY


def promtool(*arguments: str) -> None:
    """Runs promtool; what it complains of is the failure's message."""
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, cwd=DEPLOY, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_is_valid() -> None:
    """Prometheus takes the configuration of the one-machine deployment, and its rules."""
    promtool("check", "config", "prometheus/prometheus.yml")


def test_alerts_fire_when_they_should_and_only_then() -> None:
    """The rules' own tests pass: each alert has a quiet and a firing moment."""
    promtool("test", "rules", "prometheus/rules_test.yml")
