"""The layers hold: schemas <- pipeline <- agents <- cli, and a core without I/O, clock or dice.

`make lint` checks them; here are the checks that the checks work, and what they do not say.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "pipeline" / "core"
BIN = Path(sys.executable).parent
#: Built in, and yet I/O, or (hash) not the same in every process.
BUILT_IN = {"open", "print", "input", "hash", "breakpoint"}
#: What the core may import of the project.
MAY = ("forestall.schemas", "forestall.pipeline.core", "forestall.pipeline.errors")

EVERY_CORE_FILE = pytest.mark.parametrize(
    "file", sorted(CORE.rglob("*.py")), ids=lambda file: str(file.relative_to(CORE))
)

#: A project of the same shape in which every contract is broken once.
BROKEN = {
    "schemas/__init__.py": "import numpy\n",
    "pipeline/__init__.py": "",
    "pipeline/queue/__init__.py": "",
    "pipeline/sources/__init__.py": "from forestall import agents\n",
    "pipeline/store/__init__.py": "",
    "pipeline/training/__init__.py": "",
    "pipeline/core/__init__.py": "import time\n",
    "pipeline/core/models/__init__.py": "from forestall.pipeline import store\n",
    "agents/__init__.py": "",
    "agents/cli/__init__.py": "",
    "agents/worker.py": "from forestall.agents import cli\n",
}

CLOCKS = """
import datetime
import random
import time
import uuid

x = time.time(), datetime.datetime.now(datetime.UTC), random.random(), uuid.uuid4()
"""


def lint_imports(project: Path) -> str:
    """What import-linter says of the packages in `project` under our contracts."""
    command = [str(BIN / "lint-imports"), "--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(project), "NO_COLOR": "1", "COLUMNS": "200"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def banned(project: Path, place: str) -> set[str]:
    """The banned names that ruff finds in `CLOCKS` at `place` of a project with our settings."""
    shutil.copy(ROOT / "pyproject.toml", project)
    file = project / place
    file.parent.mkdir(parents=True)
    file.write_text(CLOCKS)
    command = [
        str(BIN / "ruff"),
        "check",
        "--no-cache",
        "--select",
        "TID251",
        "--output-format",
        "json",
        place,
    ]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    return {finding["message"].split("`")[1] for finding in json.loads(done.stdout)}


def test_each_contract_catches_its_break(tmp_path: Path) -> None:
    """In a project that breaks all four contracts, all four are broken."""
    for name, text in BROKEN.items():
        file = tmp_path / "forestall" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert "Contracts: 0 kept, 4 broken." in lint_imports(tmp_path)


def test_the_core_may_read_no_clock_and_throw_no_dice(tmp_path: Path) -> None:
    """Every way to a clock and to chance that we know is banned in the core."""
    found = banned(tmp_path, "pipeline/core/models/planted.py")
    assert found >= {"time", "random", "datetime.datetime.now", "uuid.uuid4"}


def test_outside_of_the_core_they_are_allowed(tmp_path: Path) -> None:
    """Edges may read clocks: the ban is the core's alone."""
    assert banned(tmp_path, "pipeline/store/planted.py") == set()


@EVERY_CORE_FILE
def test_the_core_imports_the_core(file: Path) -> None:
    """A new module beside the core is out of its reach without being listed anywhere."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            assert not name.startswith("forestall") or name.startswith(MAY), f"{file} imports {name}"


@EVERY_CORE_FILE
def test_the_core_calls_no_built_in_that_does_io(file: Path) -> None:
    """ruff's ban knows imports; this knows names that need none."""
    called = {
        node.func.id
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called & BUILT_IN == set()
