"""What is installed is pinned with hashes, the same everywhere, and from nowhere in particular."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
FILES = ("constraints.txt", "requirements.txt")


def pinned(name: str) -> dict[str, set[str]]:
    """Distribution name to its pinned lines (version, marker and hashes), as in one file."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    lines: dict[str, set[str]] = {}
    for line in filter(None, text.splitlines()):
        lines.setdefault(re.split(r"[=\[ ]", line)[0], set()).add(" ".join(line.split()))
    return lines


def wanted(extras: list[str]) -> set[str]:
    """The names that pyproject.toml asks for, with these extras."""
    optional = PROJECT["optional-dependencies"]
    asked = [*PROJECT["dependencies"], *(line for extra in extras for line in optional[extra])]
    names = {re.split(r"[=<>!~\[ ]", line)[0] for line in asked}
    return names - {"forestall"}


@pytest.mark.parametrize("name", FILES)
def test_every_line_is_a_version_with_hashes(name: str) -> None:
    """pip refuses what differs, and no line names a place to take it from."""
    for lines in pinned(name).values():
        for line in lines:
            assert re.match(
                r"[a-z0-9.-]+(\[[a-z0-9,]+\])?==\S+( ; .*?)?( --hash=sha256:[0-9a-f]{64})+$", line
            )
            assert "://" not in line


def test_what_is_declared_is_pinned() -> None:
    """`make constraints` was run after pyproject.toml changed."""
    assert wanted(["local"]) <= pinned("requirements.txt").keys()
    assert wanted(list(PROJECT["optional-dependencies"])) <= pinned("constraints.txt").keys()


def test_what_runs_is_part_of_what_tests() -> None:
    """The two files agree on every version and hash, so that tests run on what is used."""
    everything = pinned("constraints.txt")
    for name, lines in pinned("requirements.txt").items():
        assert lines <= everything[name]


def test_what_builds_is_pinned_too() -> None:
    """The editable install takes setuptools from the environment: its version is in both files."""
    for name in FILES:
        assert "setuptools" in pinned(name)


#: What the benchmarks compare with has requirements of its own, in an environment of its own.
PEERS = ROOT / "tests" / "bench" / "peers"


@pytest.mark.parametrize(
    ("folders", "extras"),
    [(("agents", "pipeline", "schemas"), ["local", "boosting"]), (("tests",), ["local", "boosting", "test"])],
    ids=["what runs", "what tests"],
)
def test_what_is_imported_is_declared(folders: tuple[str, ...], extras: list[str]) -> None:
    """Nothing is used only because something else happens to bring it."""
    owners = packages_distributions()
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py") if file.parent != PEERS]
    names = {name for file in files for name in imported(file)}
    foreign = names - sys.stdlib_module_names - {"forestall", "tests"}
    distributions = {
        name: {owner.lower().replace("_", "-") for owner in owners.get(name, ())} for name in foreign
    }
    assert {name: of for name, of in distributions.items() if not of & wanted(extras)} == {}


def imported(file: Path) -> set[str]:
    """The top-level names that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names
