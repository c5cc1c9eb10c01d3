"""The catalogues in deploy/catalogues fit the samples that they are for."""

import gzip
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.program import Program, compile_program
from forestall.schemas.catalogue import CatalogueFile

ROOT = Path(__file__).parents[2]
CATALOGUES = sorted((ROOT / "deploy" / "catalogues").glob("*.toml"), key=lambda path: path.name)
NAMES = [path.stem for path in CATALOGUES]
LEAKS = {
    "closed_code",
    "resolved_by",
    "resolved_at",
    "closed_at",
    "caused_by",
    "notify",
    "knowledge",
    "made_sla",
}


def compiled(name: str) -> Program:
    """The catalogue, ready to run."""
    path = ROOT / "deploy" / "catalogues" / f"{name}.toml"
    return compile_program(parse([CatalogueFile(path.name, path.read_text())]))


@pytest.mark.parametrize("name", NAMES)
def test_every_text_for_a_reason_names_a_feature_of_its_problem(name: str) -> None:
    """A misspelt feature in `words` would never be shown."""
    for problem in compiled(name).problems.values():
        assert set(problem.problem.words) <= {*problem.names, *problem.category_names}


@pytest.mark.parametrize("name", NAMES)
def test_every_declared_field_is_in_the_sample(name: str) -> None:
    """A misspelt field would be absent for ever."""
    fields: set[str] = set()
    with gzip.open(ROOT / "pipeline" / "sources" / "samples" / f"{name}.jsonl.gz", "rb") as lines:
        for line in islice(lines, 20_000):
            fields.update(msgspec.json.decode(line)["data"])
    for compiled_ in compiled(name).problems.values():
        features = compiled_.problem.features
        assert {field.removeprefix("data.") for field in (*features.numeric, *features.category)} <= fields


def test_incidents_keep_every_leak_out() -> None:
    """Each of its problems forbids what is filled in from the incident's end."""
    for compiled_ in compiled("incidents").problems.values():
        assert {f"data.{leak}" for leak in LEAKS} <= set(compiled_.problem.features.never)
