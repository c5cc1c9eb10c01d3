"""Versions of stored state, and the steps that bring what an earlier one wrote up to today's.

A document is one byte, the version of state that wrote it, and its body; version 1 had no such byte, and its bodies
begin with a byte above 127. The head is a plain map with its version inside, for ever: so every release can say that it
is too old. A document is brought up when it is read and written when it changes: an upgrade costs nothing at once, and
what is stored is the same bytes wherever and whenever it was read in between.
"""

from collections.abc import Mapping
from typing import Literal

from forestall.pipeline.core.steps import Step, nest_told, of_fields
from forestall.pipeline.errors import StateError

#: Counted up by whatever changes a stored form, or what is computed (the kernels' fingerprint) from the same events:
#: see CONTRIBUTING, "A new version of state".
STATE_VERSION = 3

Kind = Literal["configuration", "customer", "head", "model", "problem", "trees"]
#: By kind of document and version n. Where a body did not change, nothing.
STEPS: Mapping[Kind, Mapping[int, Step]] = {
    "configuration": {},
    "customer": {2: of_fields(nest_told)},
    "head": {},
    "model": {},
    "problem": {},
    "trees": {},
}

_TAG = bytes([STATE_VERSION])
_UNTAGGED = 0x80  # msgpack's maps and arrays begin above


def sealed(body: bytes) -> bytes:
    """What is stored of a body of today's form."""
    return _TAG + body


def opened(kind: Kind, document: bytes) -> bytes:
    """The body of a document in today's form. Raises StateError where a newer release wrote it."""
    written = document[0]
    if written == STATE_VERSION:
        return document[1:]
    if written >= _UNTAGGED:
        return brought_up(kind, document, 1)
    return brought_up(kind, document[1:], written)


def brought_up(kind: Kind, body: bytes, version: int) -> bytes:
    """A body that was written by this version of state, in today's form."""
    if version > STATE_VERSION:
        raise newer(f"a {kind}'s document", version)
    steps = STEPS[kind]
    for number in range(version, STATE_VERSION):
        if number in steps:
            body = steps[number](body)
    return body


def newer(what: str, version: int) -> StateError:
    """The error for what a newer release wrote."""
    return StateError(
        f"{what} is of state version {version}, this release knows up to {STATE_VERSION}: a newer release has "
        "taken this state over, and an older one must not go on with it. Run the newer release everywhere; to go back, "
        "restore the Redis that the older release left, or replay the journal into a new prefix"
    )
