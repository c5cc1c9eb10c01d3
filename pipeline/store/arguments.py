"""A commit as the one flat argument list that commit.lua takes."""

from collections.abc import Mapping
from typing import TypeVar

from forestall.pipeline.store.values import Commit

Argument = str | bytes | int
Value = TypeVar("Value")


def flat(commit: Commit) -> list[Argument]:
    """The arguments in commit.lua's order."""
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
        *map(len, lists), len(commit.outboxes),
    ]  # fmt: skip
    for some in lists:
        arguments += some
    for destination, records in commit.outboxes.items():
        arguments += (destination, records[0].sequence, len(records))
        for _, key, payload in records:
            arguments += (b"-" if key is None else b"+" + key, payload)
    return arguments


def _parted(table: Mapping[str, Value | None]) -> tuple[dict[str, Value], list[str]]:
    kept = {key: value for key, value in table.items() if value is not None}
    return kept, [key for key in table if key not in kept]
