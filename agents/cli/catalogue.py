"""`forestall catalogue`: puts problem catalogues in force, shows what is, and compares."""

import difflib
from collections.abc import Iterator
from pathlib import Path

import click

from forestall.agents.cli.failures import Failed
from forestall.agents.cli.files import catalogue_files, files_argument
from forestall.agents.cli.options import NOTE, settings_options
from forestall.agents.cli.output import json_option, plural, print_json, print_table
from forestall.agents.configuration import apply_configuration, current_configuration
from forestall.agents.settings import Settings
from forestall.pipeline.core.catalogue.declaration import Catalogue
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.catalogue.revision import revision_key
from forestall.schemas.catalogue import CatalogueFile, Configuration


@click.group()
def catalogue() -> None:
    """Put problem catalogues in force, show and compare them."""


@catalogue.command(epilog=NOTE)
@settings_options("kafka", "prefix")
@files_argument
@click.option("--salt", help="Draws the holdout and the questions' names. [random at first, then kept]")
@json_option
def apply(settings: Settings, files: tuple[Path, ...], salt: str | None, as_json: bool) -> None:
    """Check FILE... and make them, and nothing else, the catalogue in force.

    Workers take it from the journal, each partition at its own place in the order of events. The same files
    again change nothing.

    \b
    Example:
      forestall catalogue apply deploy/catalogues/retail.toml
    """
    given = catalogue_files(files)
    names = [problem.name for problem in parse(given).problems]
    applied = apply_configuration(given, salt, settings)
    version = applied.configuration.version
    if as_json:
        print_json(
            {"version": version, "changed": applied.changed, "copies": applied.copies, "problems": names}
        )
        return
    what = "is in force now" if applied.changed else "was in force already"
    click.echo(
        f"version {version} {what}: {plural(len(names), 'problem')} ({', '.join(names)}), "
        f"told to {plural(applied.copies, 'partition')}"
    )


@catalogue.command(epilog=NOTE)
@settings_options("kafka", "prefix")
@click.option("--text", is_flag=True, help="Print the files as they were applied.")
@json_option
def show(settings: Settings, text: bool, as_json: bool) -> None:
    """Show the catalogue in force: its problems, and above which probability each acts.

    \b
    Example:
      forestall catalogue show
      forestall catalogue show --text > in-force.toml
    """
    configuration = _in_force(settings)
    if text:
        click.echo("\n".join(file.text for file in configuration.files), nl=False)
        return
    declared = parse(configuration.files)
    rows = [
        {
            "problem": problem.name,
            "title": problem.title,
            "threshold": round(problem.threshold, 4),
            "mode": problem.mode,
            "revision": revision_key(problem, declared.history),
        }
        for problem in declared.problems
    ]
    if as_json:
        files = [file.name for file in configuration.files]
        print_json({"version": configuration.version, "files": files, "problems": rows})
        return
    click.echo(
        f"version {configuration.version}, from {', '.join(file.name for file in configuration.files)}"
    )
    print_table(["problem", "acts above", "mode", "title"],
                [[r["problem"], f"{r['threshold']:.2f}", r["mode"], r["title"]] for r in rows])  # fmt: skip


@catalogue.command(epilog=NOTE)
@settings_options("kafka", "prefix")
@files_argument
@json_option
def diff(settings: Settings, files: tuple[Path, ...], as_json: bool) -> None:
    """Say what applying FILE... would change. Exit code 1 if anything.

    A problem with a new revision (another ask, happens, answered or features) starts anew: its open questions
    end unlearned, and it alerts again once it has shown skill.

    \b
    Example:
      forestall catalogue diff deploy/catalogues/retail.toml
    """
    given = catalogue_files(files)
    wanted = parse(given)
    current = current_configuration(settings)
    changes = list(_changes(parse(current.files) if current else Catalogue(problems=()), wanted))
    lines = list(_lines(list(current.files) if current else [], given))
    if as_json:
        print_json({"changes": [{"problem": name, "change": change} for name, change in changes],
                    "lines": lines})  # fmt: skip
    else:
        click.echo("".join(f"{line}\n" for line in lines), nl=False)
        for name, change in changes:
            click.echo(f"{name}: {change}")
    if lines:
        raise Failed("", 1)
    if not as_json:
        click.echo("nothing would change")


def _in_force(settings: Settings) -> Configuration:
    configuration = current_configuration(settings)
    if configuration is None:
        raise Failed("no catalogue is in force; put one there with `forestall catalogue apply FILE...`", 1)
    return configuration


def _changes(before: Catalogue, after: Catalogue) -> Iterator[tuple[str, str]]:
    old = {problem.name: problem for problem in before.problems}
    new = {problem.name: problem for problem in after.problems}
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield name, "is new"
        elif name not in new:
            yield name, "is gone: its open questions end unlearned, its alerts are withdrawn"
        elif revision_key(old[name], before.history) != revision_key(new[name], after.history):
            yield name, "has a new revision: it starts anew"
        elif old[name] != new[name]:
            yield name, "changes, and goes on with what it has learned"


def _lines(before: list[CatalogueFile], after: list[CatalogueFile]) -> Iterator[str]:
    old = {file.name: file.text for file in before}
    new = {file.name: file.text for file in after}
    for name in sorted(old.keys() | new.keys()):
        texts = (old.get(name, "").splitlines(), new.get(name, "").splitlines())
        yield from difflib.unified_diff(*texts, f"in force/{name}", f"given/{name}", lineterm="", n=2)
