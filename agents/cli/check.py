"""`forestall check`: every mistake of catalogues, settings and mappings at once."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import click

from forestall.agents.cli.failures import Failed
from forestall.agents.cli.files import files_argument, read_text
from forestall.agents.cli.output import json_option, plural, print_json
from forestall.pipeline.errors import ConfigurationError
from forestall.schemas.catalogue import CatalogueFile

Kind = Literal["catalogue", "intake", "settings"]


@click.command()
@files_argument
@json_option
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Say every mistake in FILE... at once, each with its line, key and remedy.

    Takes problem catalogues ([problem.NAME]), settings (forestall.toml) and mappings of foreign topics
    ([[intake]]); catalogues are also checked together. Exit code 1 if there is any mistake.

    \b
    Example:
      forestall check forestall.toml deploy/catalogues/*.toml
    """
    mistakes, problems = _checked(files)
    if as_json:
        print_json({"mistakes": mistakes, "problems": problems})
    elif not mistakes:
        asked = f": {plural(len(problems), 'problem')}" if problems else ""
        click.echo(f"{plural(len(files), 'file')} without a mistake{asked} {', '.join(problems)}".rstrip())
    if mistakes:
        lines = [*mistakes, plural(len(mistakes), "mistake")]
        raise Failed("" if as_json else "\n".join(lines), 1)


def _checked(files: Sequence[Path]) -> tuple[list[str], list[str]]:
    """The mistakes, and the names of the problems."""
    mistakes: list[str] = []
    catalogue: list[CatalogueFile] = []
    for file in files:
        try:
            text = read_text(file)
            match kind_of(file, text):
                case "catalogue":
                    catalogue.append(CatalogueFile(str(file), text))
                case "intake":
                    _read_mappings(file, text)
                case "settings":
                    _load_settings(file)
        except ConfigurationError as error:
            mistakes += error.mistakes
    try:
        return mistakes, _problems(catalogue)
    except ConfigurationError as error:
        return mistakes + error.mistakes, []


def kind_of(file: Path, text: str) -> Kind:
    """What a file is, by its tables; one that is no TOML by its name."""
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeError, RecursionError):
        return "settings" if file.name == "forestall.toml" else "catalogue"
    if "intake" in table and isinstance(table["intake"], list):
        return "intake"
    has_tables = any(isinstance(value, dict | list) for value in table.values())
    return (
        "catalogue"
        if has_tables or (file.name != "forestall.toml" and not _has_settings(table))
        else "settings"
    )


def _has_settings(table: dict[str, Any]) -> bool:
    from forestall.agents.settings import Settings  # noqa: PLC0415 - as the others below

    return not table.keys().isdisjoint(Settings.__struct_fields__)


def _problems(catalogue: Sequence[CatalogueFile]) -> list[str]:
    if not catalogue:
        return []
    from forestall.pipeline.core.catalogue.parse import parse  # noqa: PLC0415 - only what is checked is loaded

    return [problem.name for problem in parse(catalogue).problems]


def _read_mappings(file: Path, text: str) -> None:
    from forestall.pipeline.sources.mapping_file import read_mappings  # noqa: PLC0415

    read_mappings(text, str(file))


def _load_settings(file: Path) -> None:
    from forestall.agents.settings_sources import load_settings  # noqa: PLC0415

    load_settings(environment={}, file=file)
