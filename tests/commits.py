"""Builders of commits, and the errors of stores as plain values."""

import itertools
from collections.abc import Awaitable
from typing import Any

from forestall.pipeline.core.effects import Effect
from forestall.pipeline.errors import StateError
from forestall.pipeline.store.groups import by_destination
from forestall.pipeline.store.values import Commit, Held

_numbers = itertools.count(1)


def commit_from(held: Held, **changes: Any) -> Commit:
    """A commit of ten records, with these `effects`, that the writer who saw `held` would make."""
    plain = {
        "epoch": held.epoch,
        "start": held.position,
        "end": held.position + 10,
        "commit_id": f"commit-{next(_numbers)}",
        "expected_commit": held.commit,
    }
    outboxes = by_destination(changes.pop("effects", ()))
    return Commit(**plain | changes, outboxes=outboxes)


def effects_to(destination: str, *sequences: int) -> list[Effect]:
    """Effects with these numbers; every other one has no key."""
    return [
        Effect(destination, number, b"key" if number % 2 else None, b"%d to %a" % (number, destination))
        for number in sequences
    ]


async def said(call: Awaitable[Any]) -> Any:
    """What a call returned, or the error it raised as (class, message)."""
    try:
        return await call
    except StateError as error:
        return type(error), str(error)
