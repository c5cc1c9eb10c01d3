"""Two states of one partition, compared byte by byte."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from forestall.pipeline.store.values import StoredState

Value = TypeVar("Value", bytes, int)


def differences(recorded: StoredState, replayed: StoredState) -> Iterator[str]:
    """What differs, in words; nothing if the states are equal. `recorded` is what the workers left."""
    if recorded.position != replayed.position:
        yield f"position: recorded {recorded.position}, replayed {replayed.position}"
    yield from _tables("document", recorded.documents, replayed.documents)
    yield from _tables("due time of", recorded.due, replayed.due)
    yield from _tables("last number for", recorded.sequences, replayed.sequences)


def _tables(what: str, recorded: Mapping[str, Value], replayed: Mapping[str, Value]) -> Iterator[str]:
    for key in sorted(recorded.keys() | replayed.keys()):
        one, other = recorded.get(key), replayed.get(key)
        if one == other:
            continue
        if one is None or other is None:
            yield f"{what} {key}: only {'replayed' if one is None else 'recorded'}"
        elif isinstance(one, bytes) and isinstance(other, bytes):
            at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
            yield f"{what} {key}: {len(one)} bytes recorded, {len(other)} replayed, first different at {at}"
        else:
            yield f"{what} {key}: recorded {one!r}, replayed {other!r}"
