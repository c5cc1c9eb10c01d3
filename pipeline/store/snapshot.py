"""A partition as it stands, its undelivered effects included: for recordings and comparisons."""

from typing import NamedTuple

import msgspec

from forestall.pipeline.store.interface import Store
from forestall.pipeline.store.values import Origin, OutboxRecord, StoredState

_SLICE = 500


class Snapshot(NamedTuple):
    """The state, and by destination the records that were still in the outbox when or after it was taken; `origin`
    where a newer core has ever taken the state over."""

    state: StoredState
    waiting: dict[str, list[OutboxRecord]]
    origin: Origin | None = None


async def take_snapshot(store: Store) -> Snapshot:
    """Reads the state first: what leaves the outbox after that has been delivered."""
    _, state, origin = await store.read()
    return Snapshot(state, {name: await _waiting(store, name) for name in state.sequences}, origin)


async def _waiting(store: Store, destination: str) -> list[OutboxRecord]:
    found: list[OutboxRecord] = []
    while some := await store.outbox(destination, found[-1].sequence if found else 0, _SLICE):
        found += some
    return found


encode_snapshot = msgspec.msgpack.Encoder().encode
decode_snapshot = msgspec.msgpack.Decoder(Snapshot).decode
