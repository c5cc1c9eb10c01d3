"""Record batches as a broker sends them."""

from collections.abc import Iterable

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

GZIP, TRANSACTIONAL, CONTROL = 0x01, 0x10, 0x20
ABORT, COMMIT = b"\x00\x00\x00\x00", b"\x00\x00\x00\x01"


def batch(
    first: int,
    deltas: Iterable[int],
    *,
    length: int | None = None,
    producer: int = -1,
    attributes: int = 0,
    key: bytes = b"k",
) -> bytes:
    """The batch of the offsets from `first` on, `length` of them, which after compaction has records at `deltas` alone.

    Record n has the time 1000 + n and the value "vn".
    """
    builder = DefaultRecordBatchBuilder(
        2, attributes & GZIP, bool(attributes & TRANSACTIONAL), producer, 0, -1, 1_000_000
    )
    last = -1
    for last in deltas:
        builder.append(last, 1000 + first + last, key, b"v%d" % (first + last), [])
    built = bytearray(builder.build())
    built[:8] = first.to_bytes(8, "big")
    built[22] |= attributes & CONTROL
    built[23:27] = (last if length is None else length - 1).to_bytes(4, "big")
    built[17:21] = calc_crc32c(bytes(built[21:])).to_bytes(4, "big")
    return bytes(built)


def marker(at: int, producer: int, kind: bytes = COMMIT) -> bytes:
    """What ends a transaction."""
    return batch(at, [0], producer=producer, attributes=CONTROL | TRANSACTIONAL, key=kind)


def damaged(built: bytes) -> bytes:
    """The batch with a byte that its checksum does not fit."""
    return built[:-1] + bytes([built[-1] ^ 1])
