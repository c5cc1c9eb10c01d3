"""The environment of the other systems: their pinned versions in build/bench-venv, apart from our own."""

import functools
import subprocess
import sys
from pathlib import Path

from forestall.pipeline.errors import ServerFailed

PEERS = Path(__file__).parent / "peers"
REQUIREMENTS = PEERS / "requirements.txt"
ENVIRONMENT = Path(__file__).parents[2] / "build" / "bench-venv"


@functools.cache
def python() -> Path:
    """Its interpreter; installs what is missing. Raises ServerFailed with pip's words."""
    program, mark = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "installed.txt"
    if mark.exists() and mark.read_text() == REQUIREMENTS.read_text():
        return program
    for command in (
        [sys.executable, "-m", "venv", str(ENVIRONMENT)],
        [str(program), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(REQUIREMENTS)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerFailed(f"the peers' environment could not be made:\n{done.stderr[-2000:]}")
    mark.write_text(REQUIREMENTS.read_text())
    return program
