"""Reads columns of a raw CSV file, plain or gzipped, row by row."""

import csv
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from forestall.pipeline.errors import ConfigurationError

#: A column is known by any of these names; a name with "#2" means its second occurrence in the header.
Names = tuple[str, ...]


def read_columns(path: Path, wanted: Sequence[Names]) -> Iterator[list[str]]:
    """The `wanted` columns of every row, in the file's order. Raises ConfigurationError if one is not there."""
    with _open(path) as text:
        reader = csv.reader(text)
        header = _numbered(next(reader, []))
        places = [_place(path, header, names) for names in wanted]
        for row in reader:
            yield [row[place] for place in places]


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _numbered(header: list[str]) -> list[str]:
    """The header with "#2" behind the second occurrence of a name, and so on."""
    numbered: list[str] = []
    for place, name in enumerate(header):
        before = header[:place].count(name)
        numbered.append(f"{name}#{before + 1}" if before else name)
    return numbered


def _place(path: Path, header: list[str], names: Names) -> int:
    for name in names:
        if name in header:
            return header.index(name)
    raise ConfigurationError(
        [f"{path}: no column {' or '.join(names)}; is this the raw file that SOURCES.md describes?"]
    )
