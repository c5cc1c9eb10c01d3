"""Two workers on real Kafka and Redis, one killed on the way, against a replay of what was recorded."""

import gzip
import json
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner

from forestall.agents.cli.main import main
from forestall.agents.lag import lag_meter
from forestall.agents.recorder import dump_journal
from forestall.agents.replay import Progress, replay
from forestall.agents.settings import Settings
from tests.live import Live, brisk, live
from tests.scenarios.samples import CATALOGUES, SAMPLES
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis

EVENTS = 12_000


@pytest.fixture
def settings(kafka: Kafka, clean_redis: Redis, namespace: str) -> Settings:
    """Small chunks and a short session, so that much happens in little time."""
    return brisk(kafka.bootstrap, clean_redis.url, namespace, partitions=4)


def run(*arguments: str) -> str:
    """What a command says; it must end well."""
    done = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_what_two_workers_made_of_the_logs_is_what_a_replay_makes_of_them(
    settings: Settings, tmp_path: Path
) -> None:
    """One is killed and another joins; recorded while they work and after, states and all topics are the same
    bytes; and the scores are those of a backtest of the file."""
    catalogue = CATALOGUES / "helpdesk.toml"
    events = tmp_path / "events.jsonl"
    with gzip.open(SAMPLES / "helpdesk.jsonl.gz") as lines:
        events.write_bytes(b"".join(islice(lines, EVENTS)))
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    underway = tmp_path / "underway"
    with live(settings, tmp_path / "one") as one, live(settings, tmp_path / "two") as two:
        three = Live(settings, tmp_path / "three")
        one.configure(catalogue)
        one.worker.start()
        two.worker.start()

        def disturb(progress: Progress) -> None:
            if progress.sent > EVENTS // 3 and one.worker.alive:
                one.worker.kill()
                three.worker.start()
            if progress.sent > EVENTS * 3 // 4 and not (underway / "manifest.json").exists():
                dump_journal(underway, settings)

        try:
            with lag_meter(settings) as lag:
                replay(events, settings, lag=lag, progress=disturb)
            two.until_processed(120)
            dump_journal(tmp_path / "ended", settings)
            told = run("backtest", "--journal", str(tmp_path / "ended"), "--redis", settings.redis)
        finally:
            three.worker.kill()
    assert "replayed against the live state and the topics: byte for byte the same" in told
    assert "byte for byte the same" in run("backtest", "--journal", str(underway))
    run("backtest", "--journal", str(tmp_path / "ended"), "--json", str(tmp_path / "verified.json"))
    run(
        "backtest",
        "--problems",
        str(catalogue),
        "--events",
        str(events),
        "--json",
        str(tmp_path / "file.json"),
    )
    verified = json.loads((tmp_path / "verified.json").read_bytes())
    [recorded] = verified["scores"]
    [inline] = json.loads((tmp_path / "file.json").read_bytes())["problems"]
    assert recorded["answered"] == inline["answered"] > 1_000
    # Learning may be 200 of these few answers behind; over a whole sample it comes to less than .01.
    assert recorded["every"]["auroc"] == pytest.approx(inline["every"]["auroc"], abs=0.03)
    compared = [one["emitted"] for one in verified["partitions"]]
    for destination in ("answers", "alerts", "ledger", "notices"):
        assert sum(emitted.get(destination, 0) for emitted in compared) > 100, destination
