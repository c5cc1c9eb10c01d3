"""The settings as options: every command takes all of them, and its help shows those that matter to it."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from forestall.agents.settings import Settings
from forestall.agents.settings_reference import described
from forestall.agents.settings_sources import CONFIG, load_settings

F = TypeVar("F", bound=Callable[..., Any])

#: What every command needs that talks to the servers.
SERVERS = ("kafka", "redis", "prefix")

NOTE = (
    "Every setting of docs/settings.md is an option too; FORESTALL_… in the environment and forestall.toml "
    "take the same names."
)


def settings_options(*shown: str) -> Callable[[F], F]:
    """Gives a command `settings` as its first argument, out of options, environment and file."""

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def with_settings(*arguments: Any, config: Path | None, **options: Any) -> Any:
            given = {name: options.pop(name) for name in described()}
            return command(settings_of(given, config), *arguments, **options)

        wrapped: Any = with_settings
        for option in reversed(_options(shown)):
            wrapped = option(wrapped)
        result: F = wrapped
        return result

    return decorate


def settings_of(given: dict[str, Any], config: Path | None) -> Settings:
    """The settings; remembers what was given on the command line, for a child process to be given the same."""
    settings = load_settings(given, file=config)
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta["forestall.environment"] = environment_of(given, config)
    return settings


def environment_of(given: dict[str, Any], config: Path | None) -> dict[str, str]:
    """Options as environment variables."""
    environment = {
        f"FORESTALL_{name.upper()}": str(value) for name, value in given.items() if value is not None
    }
    return environment | ({CONFIG: str(config)} if config is not None else {})


def _options(shown: tuple[str, ...]) -> list[Callable[[Any], Any]]:
    options = [
        click.option(
            f"--{one.name.replace('_', '-')}",
            one.name,
            metavar="VALUE",
            hidden=one.name not in shown,
            help=f"{one.description} [{one.default.strip(chr(34)) or 'none'}]",
        )
        for one in sorted(described().values(), key=lambda one: _place(one.name, shown))
    ]
    config = click.option(
        "--config", type=click.Path(path_type=Path), help="The settings' file. [./forestall.toml, if there]"
    )
    return [*options, config]


def _place(name: str, shown: tuple[str, ...]) -> int:
    return shown.index(name) if name in shown else len(shown)
