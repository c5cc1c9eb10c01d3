"""A worker and a trainer on real Kafka and Redis, both killed on the way, against a replay of what was recorded."""

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
from forestall.schemas.answer import decode_answers_record
from forestall.schemas.event import MODEL_NOTICE
from forestall.schemas.notice import decode_notice_event
from forestall.schemas.trees import FittedTrees
from tests.live import boosted, brisk, live, trainer
from tests.scenarios.samples import CATALOGUES, SAMPLES
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis

EVENTS = 14_000


@pytest.fixture
def settings(kafka: Kafka, clean_redis: Redis, namespace: str) -> Settings:
    """Small chunks and a short session, so that much happens in little time."""
    return brisk(kafka.bootstrap, clean_redis.url, namespace, partitions=2)


def run(*arguments: str) -> str:
    """What a command says; it must end well."""
    done = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_trees_are_part_of_the_logs_and_a_replay_gives_the_same_bytes(
    settings: Settings, tmp_path: Path
) -> None:
    """Worker and trainer are killed and start again; trees come at their numbers, each once; they are heard; states
    and topics are what a replay makes of the logs; and the scores are those of a backtest of the file."""
    events = tmp_path / "events.jsonl"
    with gzip.open(SAMPLES / "helpdesk.jsonl.gz") as lines:
        events.write_bytes(b"".join(islice(lines, EVENTS)))
    catalogue = boosted(CATALOGUES / "helpdesk.toml", tmp_path)
    (tmp_path / "one").mkdir()
    training, again = trainer(settings, tmp_path, "training"), trainer(settings, tmp_path, "again")
    with live(settings, tmp_path / "one") as one:
        one.configure(catalogue)
        one.worker.start()
        training.start()

        def disturb(progress: Progress) -> None:
            if progress.sent > EVENTS // 2 and training.alive:
                training.kill()
                again.start()
                one.worker.kill()
                one.worker.start()

        try:
            with lag_meter(settings) as lag:
                replay(events, settings, lag=lag, progress=disturb)
            one.until_processed(120)
            assert "follows" in again.log.read_text(), again.log.read_text()
        finally:
            training.kill()
            again.stop()
        one.until_processed(60)
        dump_journal(tmp_path / "ended", settings)
        told = run("backtest", "--journal", str(tmp_path / "ended"), "--redis", settings.redis)
        records = [decode_answers_record(record.value) for record in one.read(settings.topics.answers)]
        fitted = [record for record in records if isinstance(record, FittedTrees)]
        notices = [
            decode_notice_event(record.value).data
            for record in one.read(settings.topics.events)
            if record.key is None and MODEL_NOTICE.encode() in record.value
        ]
    assert "replayed against the live state and the topics: byte for byte the same" in told
    assert [trees.answers for trees in fitted] == sorted({trees.answers for trees in fitted})
    assert fitted[0].answers == 300
    assert len(fitted) >= 3
    heard = {notice.fitted for notice in notices if notice.share > 0.0}
    assert heard
    assert (
        {notice.fitted for notice in notices if notice.trees} == heard <= {trees.through for trees in fitted}
    )
    run("backtest", "--journal", str(tmp_path / "ended"), "--json", str(tmp_path / "live.json"))
    run(
        "backtest",
        "--problems",
        str(catalogue),
        "--events",
        str(events),
        "--json",
        str(tmp_path / "file.json"),
    )
    [recorded] = json.loads((tmp_path / "live.json").read_bytes())["scores"]
    [inline] = json.loads((tmp_path / "file.json").read_bytes())["problems"]
    assert recorded["answered"] == inline["answered"] > 2_000
    # Trees come some answers later, and learning may be 200 of these few behind.
    assert recorded["every"]["auroc"] == pytest.approx(inline["every"]["auroc"], abs=0.03)
    assert recorded["every"]["log_loss"] == pytest.approx(inline["every"]["log_loss"], abs=0.02)
