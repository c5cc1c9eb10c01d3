"""Catalogue files to a catalogue, with every mistake of all files at once."""

import json
import re
from collections.abc import Sequence
from typing import Any

from forestall.pipeline.core.catalogue import toml
from forestall.pipeline.core.catalogue.declaration import Ask, Catalogue, History, Problem
from forestall.pipeline.core.catalogue.keys import HISTORY, PROBLEM, TOP, Key, Section, struct_fields
from forestall.pipeline.core.catalogue.kinds import shown
from forestall.pipeline.core.catalogue.lines import Path, line_of, lines_of
from forestall.pipeline.core.catalogue.rules import RULES
from forestall.pipeline.core.catalogue.suggestions import example, instead, is_misspelt, meant
from forestall.pipeline.errors import ConfigurationError
from forestall.schemas.catalogue import CatalogueFile

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SKETCH: dict[str, Any] = {"title": "", "ask": Ask(on=())}
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def parse(files: Sequence[CatalogueFile]) -> Catalogue:
    """Reads all files. Raises ConfigurationError with lines `file:line: key: wrong; remedy`."""
    readings = [_File(file) for file in files]
    problems: dict[str, tuple[str, Problem]] = {}
    histories: dict[str, History] = {}
    for file in readings:
        file.read(problems, histories)
    mistakes = [line for file in readings for line in file.lines()]
    if not problems and not mistakes:
        mistakes.append("catalogue: problem: no problem is declared; add a table [problem.NAME]")
    if mistakes:
        raise ConfigurationError(mistakes)
    return Catalogue(
        problems=tuple(problem for _, (_, problem) in sorted(problems.items())),
        history=next(iter(histories.values()), History()),
    )


class _File:
    """One file being read, and its mistakes."""

    def __init__(self, file: CatalogueFile) -> None:
        self.name = file.name
        self._where = lines_of(file.text)
        self._table, slips = toml.read(file.text)
        self._mistakes = [(line or 0, f"TOML: {slip}") for line, slip in slips]
        self._is_whole = not slips  # what is missing may have stood on a line that could not be read

    def lines(self) -> list[str]:
        """The mistakes in the order of their lines."""
        return [
            f"{self.name}:{line}: {text}" if line else f"{self.name}: {text}"
            for line, text in sorted(self._mistakes, key=lambda mistake: mistake[0])
        ]

    def read(self, problems: dict[str, tuple[str, Problem]], histories: dict[str, History]) -> None:
        """Adds what the file declares to `problems` (name to file and problem) and `histories` (by file)."""
        self._unknown((), self._table, TOP)
        for name, raw in self._subtables("problem"):
            at = ("problem", name)
            if name in problems:
                self._add(at, f"is declared in {problems[name][0]} too; rename one of them")
            problems.setdefault(name, (self.name, self._problem(name, raw)))
        if "history" in self._table and (
            history := self._section(("history",), self._table["history"], HISTORY)
        ):
            for other, declared in histories.items():
                if declared != history:
                    self._add(("history",), f"differs from that in {other}; keep one of them")
            histories[self.name] = history

    def _add(self, key: Path, text: str) -> None:
        dotted = ".".join(part if _BARE.fullmatch(part) else json.dumps(part) for part in key)
        self._mistakes.append((line_of(key, self._where) or 0, f"{dotted}: {text}"))

    def _subtables(self, name: str) -> list[tuple[str, Any]]:
        raw = self._table.get(name, {})
        if isinstance(raw, dict):
            return list(raw.items())
        self._add((name,), f"{shown(raw)} is not a table; write [{name}.NAME] and its keys below")
        return []

    def _problem(self, name: str, raw: Any) -> Problem:
        """The problem; where something is wrong with it, a sketch of it, for the mistakes to go on."""
        at = ("problem", name)
        if _NAME.fullmatch(name) is None:
            self._add(at, "is not a name; use 1 to 63 of a-z, 0-9 and _, a letter first")
        if not isinstance(raw, dict):
            self._no_table(at, raw, PROBLEM)
            return Problem(name=name, **_SKETCH)
        self._one_end(at, raw)
        values = self._values(at, raw, PROBLEM)
        right = {key: value for key, value in values.items() if value is not None}
        problem = Problem(name=name, **{**_SKETCH, **struct_fields(PROBLEM, right)})
        doubtful = (values.keys() - right.keys()) | {meant(key, PROBLEM) for key in raw}
        for rule in RULES:
            if doubtful.isdisjoint(rule.about):
                for key, text in rule.check(problem):
                    self._add(at + key, text)
        return problem

    def _no_table(self, at: Path, raw: Any, section: Section) -> None:
        self._add(at, f"{shown(raw)} is not a table; write {{ {section.keys[0].name} = … }}")

    def _one_end(self, at: Path, raw: dict[str, Any]) -> None:
        ends = [name for name in ("happens", "answered") if name in raw]
        if len(ends) > 1:
            self._add(at, "has both happens and answered; keep one of them")
        elif not ends and self._is_whole and not is_misspelt(raw, PROBLEM, "happens", "answered"):
            self._add(at, 'says not how the answer is learned; add happens = { on = "…", within = "30d" }')

    def _section(self, at: Path, raw: Any, section: Section) -> Any:
        """The section's struct, or None if anything in it is wrong or could not be read."""
        if not isinstance(raw, dict):
            self._no_table(at, raw, section)
            return None
        before = len(self._mistakes)
        values = self._values(at, raw, section)
        is_complete = all(key.default is not None or key.name in values for key in section.keys)
        if len(self._mistakes) > before or not is_complete:
            return None
        return section.struct(**struct_fields(section, values))

    def _values(self, at: Path, raw: dict[str, Any], section: Section) -> dict[str, Any]:
        """The values of the section's keys by name; None for one that is wrong."""
        self._unknown(at, raw, tuple(key.name for key in section.keys))
        values: dict[str, Any] = {}
        for key in section.keys:
            if key.name in raw:
                values[key.name] = self._value((*at, key.name), raw[key.name], key)
            elif key.default is None and self._is_whole and not is_misspelt(raw, section, key.name):
                self._add((*at, key.name), f"is missing; add {example(key)}")
        return values

    def _value(self, at: Path, raw: Any, key: Key) -> Any:
        if isinstance(key.kind, Section):
            return self._section(at, raw, key.kind)
        try:
            return key.kind.read(raw)
        except ConfigurationError as error:
            for text in error.mistakes:
                self._add(at, text)
        return None

    def _unknown(self, at: Path, raw: dict[str, Any], known: tuple[str, ...]) -> None:
        for name in raw:
            if name not in known:
                self._add((*at, name), f"is not known; {instead(name, known)}")
