"""The dead letter: input that could not be processed, kept whole with its reason."""

from typing import Literal

import msgspec

Cause = Literal[
    "not_json",
    "wrong_shape",
    "too_large",
    "too_deep",
    "from_the_future",
    "reserved_type",
    "no_customer",
    "wrong_partition",
    "unmapped",
    "core_failure",
]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`key` and `value` are the record's bytes as they came (base64 in JSON). `sequence` is 0 from the intake."""

    sender: str
    sequence: int
    topic: str
    partition: int
    offset: int
    timestamp: int
    cause: Cause
    detail: str
    key: bytes | None
    value: bytes | None


decode_dead_letter = msgspec.json.Decoder(DeadLetter).decode
