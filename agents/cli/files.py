"""Catalogue files as commands are given them."""

from collections.abc import Sequence
from pathlib import Path

import click

from forestall.pipeline.errors import ConfigurationError
from forestall.schemas.catalogue import CatalogueFile

#: FILE… of a command.
files_argument = click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)


def read_text(file: Path) -> str:
    """The file's text; bytes that are no UTF-8 stay, for a reader to complain about with their line."""
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise ConfigurationError(
            [f"{file}: cannot be read ({error.strerror}); name a file that exists"]
        ) from error


def catalogue_files(files: Sequence[Path]) -> list[CatalogueFile]:
    """The files to be put in force, by their names alone; by their paths where two have one name."""
    unique = len({file.name for file in files}) == len(files)
    return [CatalogueFile(file.name if unique else str(file), read_text(file)) for file in files]
