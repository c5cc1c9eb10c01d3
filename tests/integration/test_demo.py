"""The demo, whole: as a process of its own, on the embedded broker and store."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.kafka import Kafka
from tests.servers.redis import Redis

#: Enough of the sample for both problems to show skill and alert.
EVENTS = "16000"

#: A shell starts what it runs in the background with Ctrl-C ignored, and everything below inherits that.
STARTED_IN_A_TERMINAL = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from forestall.agents.cli.main import main; main()"
)

pytestmark = pytest.mark.timeout(180)


class Demo:
    """A demo on its way; `folder` is where it may put files."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-c", STARTED_IN_A_TERMINAL, "demo"]
        self.folder = folder
        environment = {**os.environ, "TMPDIR": str(folder), "FORESTALL_PREFIX": "ignored"}
        self.out = folder.parent / "demo.txt"
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [*command, *arguments], env=environment, cwd=folder, stdout=out, stderr=out
            )

    @property
    def text(self) -> str:
        """What it has shown so far."""
        return self.out.read_text()

    def until(self, so: Callable[[], bool]) -> None:
        """Waits until it is so; fails when the demo ends before."""
        while not so():
            assert self.process.poll() is None, self.text
            time.sleep(0.1)

    def left_behind(self) -> tuple[list[str], list[str]]:
        """Files and processes that are still there."""
        return [str(file) for file in self.folder.rglob("*")], _processes(self.folder)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Starts demos, each with an empty folder for its temporary files; what a test leaves running is ended."""
    started: list[Demo] = []

    def one(*arguments: str) -> Demo:
        folder = tmp_path / f"tmp{len(started)}"
        folder.mkdir()
        started.append(Demo(folder, *arguments))
        return started[-1]

    yield one
    for demo in started:
        demo.process.terminate()
        demo.process.wait(30)


def test_the_demo_foresees_and_scores_and_leaves_nothing_behind(start: Callable[..., Demo]) -> None:
    """With --exit it ends by itself with status 0: alerts with reasons on the way, on the topic and in the queue."""
    demo = start("--exit", "--events", EVENTS, "--json")
    assert demo.process.wait() == 0, demo.text
    lines = demo.text.splitlines()
    assert any("because" in line for line in lines)
    assert any("Will send goods back or cancel within 30 days" in line for line in lines)
    [result] = [json.loads(line) for line in lines if line.startswith("{")]
    assert result["on_topic"] >= 100
    assert result["in_queue"] == result["on_topic"]
    assert result["ready"] >= 100
    by_problem = {one["problem"]: one for one in result["problems"]}
    assert by_problem.keys() == {"lapse", "return"}
    assert by_problem["return"]["last"]["auroc"] > 0.65
    assert by_problem["return"]["last"]["precision"] > by_problem["return"]["last"]["base_rate"]
    assert by_problem["return"]["lead_days"] > 0
    assert demo.left_behind() == ([], [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_stays_until_it_is_told_to_end(start: Callable[..., Demo], number: signal.Signals) -> None:
    """Without --exit its servers can be looked at; Ctrl-C or SIGTERM ends it cleanly, with status 0."""
    demo = start("--events", "1500", "--set", "helpdesk")
    demo.until(lambda: "Ctrl-C ends the demo" in demo.text)
    found = dict(word.split("=", 1) for word in demo.text.split() if word.startswith("FORESTALL_"))
    look = [
        sys.executable,
        "-c",
        "from forestall.agents.cli.main import main; main()",
        "queue",
        "list",
        "--json",
    ]
    subprocess.run(look, env={**os.environ, **found}, check=True)
    assert len(_processes(demo.folder)) == 5  # demo, broker, store, supervisor, worker
    demo.process.send_signal(number)
    assert demo.process.wait() == 0, demo.text
    assert demo.left_behind() == ([], [])


def test_the_demo_takes_servers_that_are_there(
    start: Callable[..., Demo], kafka: Kafka, clean_redis: Redis
) -> None:
    """Where the embedded ones do not run: on Apache Kafka and Redis, under a prefix of its own."""
    own = ("--kafka", kafka.bootstrap, "--redis", clean_redis.url)
    demo = start("--exit", "--events", "3000", "--set", "helpdesk", "--json", *own)
    assert demo.process.wait() == 0, demo.text
    assert "FORESTALL_PREFIX=forestall-demo-" in demo.text
    [result] = [json.loads(line) for line in demo.text.splitlines() if line.startswith("{")]
    assert result["problems"][0]["every"]["count"] > 100
    assert result["in_queue"] == result["on_topic"]


def test_ctrl_c_in_the_middle_ends_everything(start: Callable[..., Demo]) -> None:
    """Status 130, and no traceback."""
    demo = start()
    demo.until(lambda: "events" in demo.text and "questions" in demo.text)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait() == 130
    assert "Traceback" not in demo.text
    assert demo.left_behind() == ([], [])


def _processes(folder: Path) -> list[str]:
    """The command lines of the processes that work in the folder, or in one below that is gone (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str((process / "cwd").readlink()).startswith(str(folder)):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it has ended meanwhile, or is another user's
    return found
