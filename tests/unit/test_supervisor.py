"""The supervisor restarts what a restart may cure, and nothing else."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forestall.agents import worker
from forestall.agents.exits import EXITS, code_of, is_final
from forestall.agents.supervisor import SUPERVISOR
from forestall.pipeline.errors import (
    BreakerOpen,
    ConfigurationError,
    PositionLost,
    SequenceGap,
    StaleEpoch,
    StateError,
)

#: A child that counts its lives in a file and ends each with the next of the given codes.
CHILD = """
import pathlib, sys
lives = pathlib.Path(sys.argv[1])
lives.write_text(lives.read_text() + "x")
sys.exit(int(sys.argv[1 + len(lives.read_text())]))
"""
SUPERVISE = (
    "import sys; from forestall.agents.supervisor import Supervisor; sys.exit(Supervisor(sys.argv[1:]).run())"
)


def supervised(tmp_path: Path, *codes: int) -> tuple[int, int]:
    """The supervisor's exit code, and how often the child lived."""
    lives = tmp_path / "lives"
    lives.write_text("")
    command = [sys.executable, "-c", CHILD, str(lives), *map(str, codes)]
    done = subprocess.run([sys.executable, "-c", SUPERVISE, *command], check=False, timeout=60)
    return done.returncode, len(lives.read_text())


def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    """Until it ends by itself."""
    assert supervised(tmp_path, 75, 1, 0) == (0, 3)


@pytest.mark.parametrize("code", sorted({code for _, code in EXITS if is_final(code)}))
def test_a_child_that_ended_for_good_is_not_started_again(tmp_path: Path, code: int) -> None:
    """Its exit code is the supervisor's."""
    assert supervised(tmp_path, code) == (code, 1)


def test_asked_to_end_it_ends_the_child_and_itself() -> None:
    """SIGTERM is handed on, and answered within the grace."""
    handler = "signal.signal(signal.SIGTERM, lambda *_: exit(0))"
    child = f"import signal, time; {handler}; print(1, flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, sys.executable, "-c", child], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert process.wait(timeout=15) == 0
    assert time.monotonic() - began < 10


def test_every_reason_to_end_has_its_code() -> None:
    """What an operator must mend first is final; what a fresh start may cure is not."""
    final = [BreakerOpen(), PositionLost(), ConfigurationError(["x"]), StateError(), SequenceGap(), None]
    assert all(is_final(code_of(error)) for error in final)
    assert not any(is_final(code_of(error)) for error in (StaleEpoch("other"), ConnectionError(), OSError()))
    assert not is_final(-signal.SIGKILL)


async def test_a_worker_ends_whose_supervisor_died_while_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """By then its parent is another process, and always was as far as it can see: it knows by the id it was told."""
    monkeypatch.setenv(SUPERVISOR, str(os.getpid()))  # as if we were the supervisor, and not our parent
    ending = worker.Ending()
    await asyncio.wait_for(worker._parent(ending), 5)
    assert await ending.wait() is None
