"""Reads the settings: options over environment over forestall.toml over defaults, every mistake at once."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import msgspec

from forestall.agents.settings import Settings
from forestall.agents.settings_reference import described
from forestall.pipeline.errors import ConfigurationError

ENVIRONMENT = "FORESTALL_"
#: Names the file; not a setting itself.
CONFIG = "FORESTALL_CONFIG"
FILE = Path("forestall.toml")

_TYPES = get_type_hints(Settings, include_extras=True)


class _Given(NamedTuple):
    """A value as it was given: `where` names the place as its author knows it."""

    where: str
    value: Any
    lax: bool


def load_settings(
    options: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    """The settings. An option of None was not given. `file` must exist; without it, FORESTALL_CONFIG's or
    ./forestall.toml is read, if there is one.

    Raises ConfigurationError with one line for each mistake: where, what, and the remedy.
    """
    environment = os.environ if environment is None else environment
    mistakes: list[str] = []
    given = _from_file(_file(environment, file), mistakes)
    given |= _from_environment(environment, mistakes)
    given |= _from_options(options or {}, mistakes)
    values = {name: _converted(name, value, mistakes) for name, value in given.items()}
    if mistakes:
        raise ConfigurationError(mistakes)
    return Settings(**values)


def _file(environment: Mapping[str, str], file: Path | None) -> Path | None:
    if file is not None:
        return file
    if CONFIG in environment:
        return Path(environment[CONFIG])
    return FILE if FILE.is_file() else None


def _from_file(file: Path | None, mistakes: list[str]) -> dict[str, _Given]:
    if file is None:
        return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        mistakes.append(f"{file}: cannot be read ({error.strerror}); name a file that exists")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.append(f"{file}: is not TOML ({error}); write lines like partitions = 8")
        return {}
    mistakes.extend(
        f"{file}: {name}: there is no such setting; {_hint(name)}" for name in table if name not in _TYPES
    )
    return {name: _Given(f"{file}: {name}", value, False) for name, value in table.items() if name in _TYPES}


def _from_environment(environment: Mapping[str, str], mistakes: list[str]) -> dict[str, _Given]:
    given = {}
    for variable, value in environment.items():
        if not variable.startswith(ENVIRONMENT) or variable == CONFIG:
            continue
        name = variable.removeprefix(ENVIRONMENT).lower()
        if name in _TYPES:
            given[name] = _Given(variable, value, True)
        elif close := difflib.get_close_matches(name, _TYPES, cutoff=0.8):
            # Others' variables may share the prefix; only what looks like a slip of the pen is a mistake.
            mistakes.append(f"{variable}: there is no such setting; write {ENVIRONMENT}{close[0].upper()}")
    return given


def _from_options(options: Mapping[str, Any], mistakes: list[str]) -> dict[str, _Given]:
    mistakes.extend(
        f"{_option(name)}: there is no such setting; {_hint(name)}" for name in options if name not in _TYPES
    )
    return {
        name: _Given(_option(name), value, True)
        for name, value in options.items()
        if value is not None and name in _TYPES
    }


def _converted(name: str, given: _Given, mistakes: list[str]) -> Any:
    try:
        return msgspec.convert(given.value, _TYPES[name], strict=not given.lax)
    except msgspec.ValidationError as error:
        reason = str(error)
        mistakes.append(
            f"{given.where}: {reason[:1].lower()}{reason[1:]}; write for example {described()[name].line}"
        )
        return None


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _hint(name: str) -> str:
    close = difflib.get_close_matches(name, _TYPES, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"the settings are {', '.join(_TYPES)}"
