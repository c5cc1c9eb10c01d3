"""Which declarations mean the same: a problem's revision is a hash of what its model depends on."""

from hashlib import blake2b
from typing import Any

import msgspec

from forestall.pipeline.core.catalogue.declaration import Catalogue, History, Problem
from forestall.pipeline.core.catalogue.expression import Expression


def counted_types(catalogue: Catalogue) -> tuple[str, ...]:
    """The event types with counters of their own: those of `history`, or every type that a problem names."""
    if catalogue.history.types:
        return catalogue.history.types
    named: set[str] = set()
    for problem in catalogue.problems:
        for part in (problem.ask, problem.happens, problem.answered):
            named.update(part.on if part is not None else ())
    return tuple(sorted(named))


def revisions(catalogue: Catalogue) -> dict[str, int]:
    """The revision of every problem by name, with the counted types made explicit.

    Where `history` names no types, a problem that brings a new event type changes the features, and with them
    the revision, of all; name the types in `history` to add problems without that.
    """
    history = History(spans=catalogue.history.spans, types=counted_types(catalogue))
    return {problem.name: revision_key(problem, history) for problem in catalogue.problems}


def revision_key(problem: Problem, history: History) -> int:
    """An unsigned 32-bit hash of ask, happens, answered and features with the history; of nothing else."""
    meaning = {
        "ask": _meaning(problem.ask),
        "happens": _meaning(problem.happens),
        "answered": _meaning(problem.answered),
        "features": _meaning(problem.features),
        "spans": history.spans,
        "types": history.types,
    }
    canonical = msgspec.json.encode(meaning, order="deterministic")
    return int.from_bytes(blake2b(canonical, digest_size=4).digest(), "big")


def _meaning(part: msgspec.Struct | None) -> dict[str, Any] | None:
    """The fields that differ from their defaults, so that a key added later changes no revision."""
    if part is None:
        return None
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(part):
        value = getattr(part, field.name)
        if value != field.default:
            given[field.name] = value.text if isinstance(value, Expression) else value
    return given
