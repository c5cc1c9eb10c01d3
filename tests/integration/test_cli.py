"""The command line on real Kafka and Redis, with a real worker: an installation is used as its owner would."""

import gzip
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result

from forestall.agents.cli.main import forestall
from forestall.agents.settings import Settings
from tests.live import Live, live
from tests.servers.kafka import Kafka
from tests.servers.redis import Redis

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "deploy" / "catalogues" / "helpdesk.toml"
SAMPLE = ROOT / "pipeline" / "sources" / "samples" / "helpdesk.jsonl.gz"
EVENTS = 6_000

#: What follows a topic waits for what should be there.
pytestmark = pytest.mark.timeout(90)


class Used(NamedTuple):
    """An installation, and how to call the command line on it."""

    live: Live
    environment: dict[str, str]

    def run(self, *arguments: str | Path, code: int = 0) -> Result:
        """Runs a command; fails where it ends otherwise than expected."""
        ended = CliRunner().invoke(forestall, list(map(str, arguments)), env=self.environment)
        assert ended.exit_code == code, ended.output
        return ended

    def json(self, *arguments: str | Path) -> list[Any]:
        """What a command prints with --json."""
        return [json.loads(line) for line in self.run(*arguments, "--json").stdout.splitlines()]

    def processed(self) -> "Used":
        """Once the worker has read everything."""
        self.live.until_processed()
        return self


@pytest.fixture(scope="module")
def used(kafka: Kafka, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Used]:
    """Topics, catalogue and a worker, and part of a sample replayed with one broken line."""
    folder = tmp_path_factory.mktemp("cli")
    settings = Settings(kafka=kafka.bootstrap, redis=redis_server.url, prefix="cli", partitions=2)
    with live(settings, folder) as one:
        installation = Used(one, {"FORESTALL_KAFKA": kafka.bootstrap, "FORESTALL_REDIS": redis_server.url,
                                  "FORESTALL_PREFIX": "cli", "FORESTALL_PARTITIONS": "2"})  # fmt: skip
        installation.run("catalogue", "apply", CATALOGUE)
        one.worker.start()
        file = folder / "events.jsonl"
        with gzip.open(SAMPLE) as lines:
            file.write_bytes(b'{"customer": "Value 1", "type": \n' + b"".join(islice(lines, EVENTS)))
        told = installation.run("replay", file)
        assert f"sent {EVENTS + 1:,} events" in told.output
        assert "1 line will be dead letters" in told.output
        yield installation.processed()


def test_applying_topics_twice_finds_them_as_they_should_be(used: Used) -> None:
    """And other settings are told as what differs, with exit code 1."""
    assert "all 6 topics are there" in used.run("topics", "apply").output
    told = used.run("topics", "apply", "--partitions", "3", code=1)
    assert "cli.events: partitions is 2, should be 3" in told.output


def test_the_catalogue_in_force_is_shown_and_compared(used: Used, tmp_path: Path) -> None:
    """The same file changes nothing; other costs change the problem; another horizon is a new revision."""
    [shown] = used.json("catalogue", "show")
    assert [problem["problem"] for problem in shown["problems"]] == ["another_ticket"]
    assert used.run("catalogue", "show", "--text").output == CATALOGUE.read_text()
    assert "nothing would change" in used.run("catalogue", "diff", CATALOGUE).output
    other = tmp_path / CATALOGUE.name
    other.write_text(CATALOGUE.read_text().replace("miss = 8", "miss = 9"))
    assert "goes on with what it has learned" in used.run("catalogue", "diff", other, code=1).output
    other.write_text(CATALOGUE.read_text().replace("14d", "15d"))
    told = used.run("catalogue", "diff", other, code=1).output
    assert "it starts anew" in told
    assert '+happens = { on = "ticket.opened", within = "15d"' in told
    [again] = used.json("catalogue", "apply", CATALOGUE)
    assert again == {
        "version": shown["version"],
        "changed": False,
        "copies": 4,
        "problems": ["another_ticket"],
    }


def test_alerts_are_followed_from_the_beginning(used: Used) -> None:
    """As many as asked for, the first raised, each with its reasons; in words and as JSON."""
    found = used.json("alerts", "follow", "--from-beginning", "--limit", "5")
    assert len(found) == 5
    assert found[0]["alert"]["state"] == "raised"
    assert found[0]["alert"]["reasons"]
    words = used.run(
        "alerts", "follow", "--from-beginning", "--until-now", "--problem", "another_ticket"
    ).output
    assert "because" in words
    assert used.json("alerts", "follow", "--from-beginning", "--until-now", "--problem", "other") == []


def test_an_action_goes_through_the_hands_of_support(used: Used) -> None:
    """Claimed, put off, claimed again, given back, claimed again, done: and the queue says so each time."""
    ready = used.json("queue", "list", "--limit", "3")
    assert [action["work"]["state"] for action in ready] == ["ready"] * 3
    [first, second] = used.json("queue", "claim", "--count", "2", "--worker", "me", "--lease", "5m")
    assert first["alert"]["id"] == ready[0]["alert"]["id"]
    one, token = first["alert"]["id"], first["token"]
    assert "not held by this claim" in used.run("queue", "done", one, "--token", "another", code=1).output
    [standing] = used.json("queue", "snooze", one, "--token", token, "--for", "2h")
    assert standing["state"] == "snoozed"
    two, token = second["alert"]["id"], second["token"]
    assert "is done" in used.run("queue", "done", two, "--token", token, "--result", "called").output
    assert two in [action["alert"]["id"] for action in used.json("queue", "list", "--state", "done")]
    [third] = used.json("queue", "claim")
    assert (
        "is snoozed" in used.run("queue", "release", third["alert"]["id"], "--token", third["token"]).output
    )
    assert "none is dead" in used.run("queue", "dead").output
    assert "no action is ready" in used.run("queue", "claim", "--problem", "other", code=1).output


def test_a_customer_is_shown_and_their_choices_take_effect(used: Used) -> None:
    """What is known can be said; a refusal, a silence and an erasure are in effect once the worker has read them."""
    customer = used.json("alerts", "follow", "--from-beginning", "--until-now")[-1]["alert"]["customer"]
    words = used.run("customer", "show", customer).output
    assert words.startswith(f"{customer}, by events up to 2011-03")
    assert "× ticket.opened" in words
    assert "open question" in words
    used.run("customer", "consent", customer, "--refuse", "contact")
    used.run("customer", "silence", customer, "--for", "30d", "--problem", "another_ticket")
    [known] = used.processed().json("customer", "export", customer)
    assert known["consents"]["contact"]["granted"] is False
    assert "another_ticket" in known["silences"]
    assert known["alerts"] == []
    used.run("customer", "forget", customer, "--yes")
    [erased] = used.processed().json("customer", "export", customer)
    assert erased["erased"] is not None
    assert erased["questions"] == []
    assert erased["counted"] == {}
    assert "nothing is known of nobody" in used.run("customer", "show", "nobody", code=1).output


def test_forgetting_asks_first(used: Used) -> None:
    """A slip of the finger erases nobody."""
    told = CliRunner().invoke(forestall, ["customer", "forget", "Value 1"], input="n\n", env=used.environment)
    assert told.exit_code == 1
    assert "It cannot be undone" in told.output


def test_dead_letters_are_listed_and_sent_again(used: Used) -> None:
    """The broken line is there with its reason; sent again as it is, it comes back."""
    [letter] = used.json("deadletters", "list", "--cause", "not_json")
    assert letter["letter"]["cause"] == "not_json"
    assert "1 not_json" in used.run("deadletters", "list").output
    used.run("deadletters", "replay", letter["place"])
    used.processed()
    used.live.until(lambda: len(used.json("deadletters", "list", "--cause", "not_json")) == 2)
    assert "1 letter not found" in used.run("deadletters", "replay", "0/999999", code=1).output


def test_the_logs_are_recorded(used: Used, tmp_path: Path) -> None:
    """Every partition of every topic, and a second recording does not overwrite the first."""
    [manifest] = used.json("journal", "dump", tmp_path / "recording")
    roles = [one["role"] for one in manifest["recorded"]]
    assert {role: roles.count(role) for role in roles} == {
        "events": 2, "answers": 2, "alerts": 2, "decisions": 2, "deadletters": 2, "catalogue": 1
    }  # fmt: skip
    assert "holds a recording already" in used.run("journal", "dump", tmp_path / "recording", code=78).output


def test_each_partition_has_a_digest(used: Used) -> None:
    """The same state has the same digest, and partitions differ."""
    first = used.json("state", "digest")
    assert [(row["processor"], row["partition"]) for row in first] == [
        ("foresee", 0), ("foresee", 1), ("learn", 0), ("learn", 1)
    ]  # fmt: skip
    assert len({row["sha256"] for row in first if row["documents"]}) == sum(
        1 for row in first if row["documents"]
    )
    assert used.json("state", "digest") == first


def test_an_absent_broker_is_one_line_with_its_remedy(used: Used) -> None:
    """Exit code 69; nobody has to read a traceback."""
    told = used.run("catalogue", "show", "--kafka", "127.0.0.1:1", code=69)
    assert len(told.stderr.splitlines()) == 1
    assert "FORESTALL_KAFKA" in told.stderr


def test_topics_that_are_missing_are_told_with_the_command_that_makes_them(used: Used) -> None:
    """As anyone meets it who starts with the second step."""
    told = used.run("alerts", "follow", "--prefix", "nobody", code=69)
    assert "run `forestall topics apply`" in told.stderr
