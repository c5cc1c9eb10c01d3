"""The project installs as one import name, whole."""

import ast
import tomllib
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("agents", "pipeline", "schemas")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]
SOURCES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))


def test_every_package_is_listed() -> None:
    """A folder with Python in it, and no other, is in pyproject.toml's list of packages, in order."""
    found = {"forestall." + ".".join(file.parent.relative_to(ROOT).parts) for file in SOURCES}
    assert SETUPTOOLS["packages"] == sorted(found)


def test_every_package_says_what_it_is() -> None:
    """Each folder has an __init__ with a docstring: its reading order."""
    for folder in {file.parent for file in SOURCES}:
        text = (folder / "__init__.py").read_text("utf-8")
        assert ast.get_docstring(ast.parse(text)), f"{folder} has no words"


def test_every_file_beside_the_code_is_shipped() -> None:
    """What lies in a package and is no Python is package data, or documentation."""
    data = SETUPTOOLS["package-data"]
    shipped = set()
    for package in SETUPTOOLS["packages"]:
        folder = ROOT.joinpath(*package.split(".")[1:])
        for pattern in data["*"] + data.get(package, []):
            shipped |= set(folder.glob(pattern))
    present = {file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.is_file()}
    code = {file for file in present if file.suffix in {".py", ".pyc", ".md"} or file.name == "ruff.toml"}
    assert present - code - shipped - _numba_cache(present) == set()


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_is_imported_by_its_folder(file: Path) -> None:
    """`import pipeline` works in a checkout alone; the import name is forestall.pipeline."""
    names = _imported(file)
    assert not [name for name in names if name.split(".")[0] in FOLDERS]


def test_the_entry_points_lead_somewhere() -> None:
    """The command and Faust's transport are there as installed."""
    (command,) = entry_points(group="console_scripts", name="forestall")
    assert callable(command.load())
    (transport,) = entry_points(group="faust.transports", name="chunks")
    assert isinstance(transport.load(), type)


def test_what_a_checkout_has_beside_the_packages_can_be_found() -> None:
    """The catalogues lie next to the code in a checkout, also when it is installed (editable)."""
    code = import_module("forestall.pipeline").__file__
    assert code is not None
    assert (Path(code).parents[1] / "deploy").is_dir()


def test_the_reached_into_libraries_are_pinned_exactly() -> None:
    """The chunk transport holds for one version of each."""
    pins = [line for line in PROJECT["project"]["dependencies"] if "==" in line]
    assert [pin.split("==")[0] for pin in pins] == ["aiokafka", "faust-streaming", "mode-streaming"]


def _imported(file: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return names


def _numba_cache(files: set[Path]) -> set[Path]:
    return {file for file in files if "__pycache__" in file.parts}
