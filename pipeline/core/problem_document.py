"""A problem's document: its model, its scores, and how far it has come, as learn commits them."""

import msgspec

from forestall.pipeline.core.drift import Watch
from forestall.pipeline.core.lateness import Lateness
from forestall.pipeline.core.learning import ProblemState
from forestall.pipeline.core.models.live import read_live
from forestall.pipeline.core.models.names import BAYESIAN
from forestall.pipeline.core.scores import Window
from forestall.pipeline.core.versions import opened, sealed


class _Stored(msgspec.Struct, array_like=True):
    revision: str
    catalogue: int
    filter: bytes
    window: bytes
    answers: int
    base_rate: float
    loss_without: float
    loss_with: float
    offset_counts: bool
    gate_open: bool
    next_notice: int
    threshold: float
    noticed_ms: int
    lateness: Lateness = msgspec.field(default_factory=Lateness)
    kind: str = BAYESIAN
    asked_for: int = -1
    told: int = 0
    watch: bytes = b""


_REST = _Stored.__struct_fields__[4:-1]


def encode_problem(state: ProblemState) -> bytes:
    """The problem's document."""
    rest = {name: getattr(state, name) for name in _REST}
    model, window, watch = (part.to_bytes() for part in (state.live, state.window, state.watch))
    stored = _Stored(state.revision, state.catalogue, model, window, watch=watch, **rest)
    return sealed(_encode(stored))


def decode_problem(document: bytes) -> ProblemState:
    """The problem of a document."""
    stored = _decode(opened("problem", document))
    state = ProblemState(
        stored.revision,
        stored.catalogue,
        stored.kind,
        read_live(stored.kind, stored.filter),
        Window.from_bytes(stored.window),
    )
    for name in _REST:
        setattr(state, name, getattr(stored, name))
    if stored.watch:
        state.watch = Watch.from_bytes(stored.watch)
    return state


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode
