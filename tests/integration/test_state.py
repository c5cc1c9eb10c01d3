"""States on real Kafka and Redis while a worker runs: snapshots, verification, an upgrade, a refused downgrade."""

import gzip
import json
import struct
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from redis import Redis as Client

from forestall.agents.cli.main import main
from forestall.agents.lag import lag_meter
from forestall.agents.recorder import dump_journal
from forestall.agents.replay import Progress, replay
from forestall.agents.settings import Settings
from forestall.pipeline.core.versions import STATE_VERSION
from tests.live import brisk, live
from tests.scenarios.samples import CATALOGUES, SAMPLES
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis

EVENTS = 6_000
HALF = EVENTS // 2
PARTITIONS = ("--partitions", "2")


@pytest.fixture
def settings(kafka: Kafka, clean_redis: Redis, namespace: str, tmp_path: Path) -> Settings:
    """Small chunks, so that much happens in little time."""
    return brisk(kafka.bootstrap, clean_redis.url, namespace, partitions=2, snapshots=str(tmp_path / "kept"))


@pytest.fixture
def halves(tmp_path: Path) -> list[Path]:
    """The beginning of a sample in two files."""
    files = [tmp_path / "first.jsonl", tmp_path / "second.jsonl"]
    with gzip.open(SAMPLES / "helpdesk.jsonl.gz") as lines:
        for file in files:
            file.write_bytes(b"".join(islice(lines, HALF)))
    return files


def run(settings: Settings, *arguments: str) -> Result:
    """A command."""
    servers = ("--kafka", settings.kafka, "--redis", settings.redis, "--prefix", settings.prefix)
    return CliRunner().invoke(main, [*arguments, *servers], catch_exceptions=False)


def said(settings: Settings, *arguments: str, code: int = 0) -> str:
    """What a command says; it must end so."""
    done = run(settings, *arguments)
    assert done.exit_code == code, done.output
    return done.output


def verdicts(settings: Settings, folder: Path, code: int = 0) -> dict[str, Any]:
    """`state verify --json` by partition."""
    lines = said(settings, "state", "verify", str(folder), "--json", code=code).splitlines()
    checks = map(json.loads, lines)
    return {f"{check['processor']}/{check['partition']}": check for check in checks}


def feed(settings: Settings, events: Path, progress: Any = lambda progress: None) -> None:
    """Replays a file."""
    with lag_meter(settings) as lag:
        replay(events, settings, lag=lag, progress=progress)


def every_state(client: Client, prefix: str) -> list[bytes]:
    """The keys of the states."""
    return sorted(client.scan_iter(match=f"{prefix}:*:state"))


def as_version_2(client: Client, prefix: str) -> None:
    """Rewrites every state as the second version of state wrote it, but for subjects' names, which are not kept."""
    for key in every_state(client, prefix):
        for name, document in client.hgetall(key).items():
            older = b"\2" + document[1:]
            if name == b"p/head":
                head = msgspec.msgpack.decode(document) | {"version": 2}
                older = msgspec.msgpack.encode({field: head[field] for field in head if field != "behind"})
            elif name.startswith(b"c/"):
                fields = msgspec.msgpack.decode(document[1:])
                subjects = {f"s-{n}": one for n, one in enumerate(struct.iter_unpack("<8xddd", fields[3]))}
                older = b"\2" + msgspec.msgpack.encode([*fields[:3], subjects, *fields[4:6], *fields[6]])
            client.hset(key, name, older)


def test_a_running_workers_state_is_verified_from_a_snapshot_and_a_spoilt_byte_is_found(
    settings: Settings, halves: list[Path], tmp_path: Path
) -> None:
    """The snapshot is taken while it works, verified while it works, and after; then one byte is another in Redis."""
    first = tmp_path / "monday"
    underway: list[dict[str, Any]] = []
    with live(settings, tmp_path) as one:
        one.configure(CATALOGUES / "helpdesk.toml")
        one.worker.start()
        feed(settings, halves[0])
        assert "4 partitions in" in said(settings, "state", "snapshot", str(first))
        assert "holds a snapshot already" in said(settings, "state", "snapshot", str(first), code=78)

        def look(progress: Progress) -> None:
            if progress.sent > HALF // 2 and not underway:
                underway.append(verdicts(settings, first))

        feed(settings, halves[1], look)
        one.until_processed()
        ended = verdicts(settings, first)
        [model] = map(
            json.loads, said(settings, "model", "show", *PARTITIONS, "--json", "--open").splitlines()
        )
    assert all(check["equal"] for check in (*underway[0].values(), *ended.values()))
    assert sum(check["records"] for check in ended.values()) > HALF
    assert (
        0
        < sum(check["records"] for check in underway[0].values())
        < sum(c["records"] for c in ended.values())
    )
    assert model["in_force"] is True
    assert model["learned"] > 1_000
    assert 0.2 < model["maturity"] < 1
    with Client.from_url(settings.redis) as client:
        [key, *_] = every_state(client, settings.prefix)
        name = next(name for name in client.hkeys(key) if name.startswith(b"c/"))
        document = client.hget(key, name)
        assert document is not None
        client.hset(key, name, document[:-3] + bytes([document[-3] ^ 1]) + document[-2:])
    spoilt = verdicts(settings, first, code=1)
    unequal = [name for name, check in spoilt.items() if not check["equal"]]
    assert len(unequal) == 1
    assert spoilt[unequal[0]]["different"] == 1
    told = said(settings, "state", "verify", str(first), code=1)
    assert f"{unequal[0]}: DIFFERENT at {spoilt[unequal[0]]['position']:,}" in told
    assert f"document {name.decode()}" in told
    assert "1 of them differ" in told


def test_a_newer_core_takes_over_where_an_earlier_one_was_killed_and_is_verified_from_there(
    settings: Settings, halves: list[Path], tmp_path: Path
) -> None:
    """Its effects not yet delivered are delivered first; what it was is kept, and replayed from; the logs as a whole
    are then no longer replayed from their beginning."""
    for name in ("earlier", "newer"):
        (tmp_path / name).mkdir()
    with live(settings, tmp_path / "earlier") as earlier:
        earlier.configure(CATALOGUES / "helpdesk.toml")
        earlier.worker.start()
        feed(settings, halves[0])
    with Client.from_url(settings.redis) as client:
        as_version_2(client, settings.prefix)
        assert "let this one take over first" in said(
            settings, "state", "verify", str(taken_before(settings, tmp_path)), code=76
        )
        with live(settings, tmp_path / "newer") as newer:
            newer.worker.start()
            feed(settings, halves[1])
            newer.until_processed()
            log = newer.worker.log.read_text()
        metas = [
            client.hgetall(key.replace(b":state", b":meta")) for key in every_state(client, settings.prefix)
        ]
    origins = [json.loads(meta[b"origin"]) for meta in metas if b"origin" in meta]
    # One problem: the second partition of the answers has had no record, and stays as it is until one comes.
    assert [(one["version"], one["by"]) for one in origins] == [(2, STATE_VERSION)] * 3
    assert log.count("takes over from state version 2") >= 3
    checks = verdicts(settings, tmp_path / "kept" / f"{settings.prefix}-before-{STATE_VERSION}")
    assert sorted(check["since"] for check in checks.values()) == sorted(one["position"] for one in origins)
    assert sum(check["records"] for check in checks.values()) > HALF
    assert all(check["equal"] for check in checks.values())
    dump_journal(tmp_path / "whole", settings)
    whole = run(settings, "backtest", "--journal", str(tmp_path / "whole"))
    assert whole.exit_code == 76
    assert "forestall state verify" in whole.output


def taken_before(settings: Settings, tmp_path: Path) -> Path:
    """A snapshot of the state as it is, with another last commit than the live state will have."""
    said(settings, "state", "snapshot", str(tmp_path / "before"))
    for file in (tmp_path / "before").iterdir():
        line, _, body = gzip.decompress(file.read_bytes()).partition(b"\n")
        stand = json.loads(line) | {"commit": "an earlier one"}
        file.write_bytes(gzip.compress(json.dumps(stand).encode() + b"\n" + body))
    return tmp_path / "before"


def test_a_worker_of_an_earlier_release_does_not_even_join(
    settings: Settings, halves: list[Path], tmp_path: Path
) -> None:
    """Its supervisor lets it be; the message says what to do; the state stays as it is."""
    for name in ("newer", "older"):
        (tmp_path / name).mkdir()
    with live(settings, tmp_path / "newer") as newer:
        newer.configure(CATALOGUES / "helpdesk.toml")
        newer.worker.start()
        feed(settings, halves[0])
        newer.until_processed()
    with Client.from_url(settings.redis) as client:
        key = every_state(client, settings.prefix)[0]
        head = msgspec.msgpack.decode(client.hget(key, "p/head") or b"")
        client.hset(key, "p/head", msgspec.msgpack.encode(head | {"version": STATE_VERSION + 1}))
        before = client.hgetall(key)
        with live(settings, tmp_path / "older", supervised=True) as older:
            older.worker.start()
            older.until(lambda: not older.worker.alive)
            log = older.worker.log.read_text()
        assert client.hgetall(key) == before
    assert f"is of state version {STATE_VERSION + 1}, this release knows up to {STATE_VERSION}" in log
    assert "Run the newer release everywhere" in log
    assert "starting it again" not in log
    assert "Traceback" not in log
