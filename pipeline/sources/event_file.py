"""Reads a file of events (.jsonl, also gzipped) line by line, in bounded memory, knowing how far it is."""

import gzip
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from forestall.pipeline.errors import ConfigurationError


class Line(NamedTuple):
    """One line that is not blank; `number` counts from 1. `text` is None where the line is above the limit."""

    number: int
    text: bytes | None


class EventFile:
    """An open file of events; `with EventFile(path, limit) as lines:` then iterate, once.

    Raises ConfigurationError if the file does not exist or is no gzip file although it is called one.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        try:
            self._raw: BufferedReader = path.open("rb")
        except OSError as error:
            raise ConfigurationError(
                [f"{path}: cannot be read ({error.strerror}); name a file of events"]
            ) from error
        self._size = path.stat().st_size
        self._lines = gzip.GzipFile(fileobj=self._raw) if path.suffix == ".gz" else self._raw

    @property
    def fraction(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return self._raw.tell() / self._size if self._size else 1.0

    def __enter__(self) -> "EventFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._lines.close()
        self._raw.close()

    def __iter__(self) -> Iterator[Line]:
        number = 0
        try:
            while text := self._lines.readline(self._limit + 2):
                number += 1
                whole = text.endswith(b"\n") or len(text) <= self._limit
                if not whole:
                    self._skip_rest()
                text = text.rstrip(b"\r\n")
                if not whole or len(text) > self._limit:
                    yield Line(number, None)
                elif text.strip():
                    yield Line(number, text)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            remedy = "copy it again; the lines before were read"
            raise ConfigurationError(
                [f"{self._path}: broken gzip after line {number} ({error}); {remedy}"]
            ) from error

    def _skip_rest(self) -> None:
        while (rest := self._lines.readline(self._limit)) and not rest.endswith(b"\n"):
            pass
