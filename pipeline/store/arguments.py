"""A commit as the one flat argument list that commit.lua takes."""

from collections.abc import Mapping
from typing import TypeVar

from forestall.pipeline.core.effects import Effect
from forestall.pipeline.store.values import Commit

Argument = str | bytes | int
Value = TypeVar("Value")


def flat(commit: Commit, groups: Mapping[str, list[Effect]]) -> list[Argument]:
    """The arguments in commit.lua's order; `groups` are the commit's effects by destination."""
    kept, gone = _parted(commit.documents)
    due, undue = _parted(commit.due)
    lists: tuple[list[Argument], ...] = (
        [item for pair in kept.items() for item in pair],
        [*gone],
        [item for key, ms in due.items() for item in (ms, key)],
        [*undue],
    )
    arguments: list[Argument] = [
        commit.epoch, commit.commit_id, commit.expected_commit or "", commit.start, commit.end,
        *map(len, lists), len(groups),
    ]  # fmt: skip
    for some in lists:
        arguments += some
    for destination, effects in groups.items():
        arguments += (destination, effects[0].sequence, len(effects))
        for effect in effects:
            arguments += (b"-" if effect.key is None else b"+" + effect.key, effect.payload)
    return arguments


def _parted(table: Mapping[str, Value | None]) -> tuple[dict[str, Value], list[str]]:
    kept = {key: value for key, value in table.items() if value is not None}
    return kept, [key for key in table if key not in kept]
