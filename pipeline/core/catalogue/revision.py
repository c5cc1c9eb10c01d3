"""Which declarations mean the same: a problem's revision key is a hash of what defines its meaning."""

from hashlib import blake2b
from typing import Any

import msgspec

from forestall.pipeline.core.catalogue.declaration import History, Problem
from forestall.pipeline.core.catalogue.expression import Expression


def revision_key(problem: Problem, history: History) -> str:
    """Eight hexadecimal digits from ask, happens, answered and features with the history; from nothing else.

    Costs, texts, mode and the like may change, and the key stays. Which event types are counted where `history`
    names none depends on all problems; that is the layout's to add.
    """
    meaning = {
        "ask": _meaning(problem.ask),
        "happens": _meaning(problem.happens),
        "answered": _meaning(problem.answered),
        "features": _meaning(problem.features),
        "spans": history.spans,
        "types": history.types,
    }
    canonical = msgspec.json.encode(meaning, order="deterministic")
    return blake2b(canonical, digest_size=4).hexdigest()


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
