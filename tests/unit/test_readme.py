"""What the README says can be typed as it stands."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from forestall.agents.cli import reference
from forestall.agents.cli.main import forestall
from forestall.schemas.event import decode_event

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text("utf-8")
COMMANDS = {path[1:]: command for path, command in reference.commands(forestall, ("forestall",))}


def test_the_first_problem_is_ten_lines_and_right(tmp_path: Path) -> None:
    """`forestall check` finds nothing wrong with the catalogue that newcomers copy."""
    block = _block("toml")
    assert len(block.splitlines()) == 10
    file = tmp_path / "shop.toml"
    file.write_text(block)
    assert CliRunner().invoke(forestall, ["check", str(file)]).exit_code == 0


def test_the_event_is_one() -> None:
    """The line is an event, of the type at which the first problem asks."""
    assert decode_event(_block("json").encode()).type in _block("toml")


@pytest.mark.parametrize("line", re.findall(r"^forestall .*$", TEXT, re.MULTILINE))
def test_every_command_exists(line: str) -> None:
    """Its name, and every option that is given to it."""
    words = line.partition("#")[0].split()[1:]
    path = tuple(words[:2]) if tuple(words[:2]) in COMMANDS else tuple(words[:1])
    options = {name for parameter in COMMANDS[path].params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)]+)\)", TEXT))))
def test_every_link_leads_somewhere(link: str) -> None:
    """Files and folders of the project."""
    assert (ROOT / link).exists()


def _block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]
