"""A recording: the logs of an installation in a folder, to be replayed and compared.

`manifest.json` says what was recorded. Each partition of a topic is one gzip file of frames: four bytes (length,
little endian), then a msgpack array `[offset, ms, key, value]`, in the order of the log. A state is a gzipped
msgpack document (pipeline/store/snapshot.py).
"""

import gzip
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from forestall.pipeline.core.effects import Record
from forestall.pipeline.errors import ConfigurationError
from forestall.pipeline.store.snapshot import Snapshot, decode_snapshot, encode_snapshot

MANIFEST = "manifest.json"
FORMAT = 1
_LENGTH = struct.Struct("<I")
_decode = msgspec.msgpack.Decoder(tuple[int, int, bytes | None, bytes | None]).decode


class RecordedPartition(msgspec.Struct, frozen=True, kw_only=True):
    """One partition of a topic: `role` is the topic's ("events", "answers", ...), `end` the position after it.

    `records` may be fewer than `end - begin`: transaction markers take offsets too.
    """

    role: str
    topic: str
    partition: int
    begin: int
    end: int
    records: int
    file: str


class RecordedState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one partition of a processor, with what was in its outbox, as it stood before the logs were read."""

    processor: str
    partition: int
    position: int
    file: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded, and the settings on which a replay's result depends."""

    format: int = FORMAT
    prefix: str
    partitions: int
    answers_partitions: int
    recorded: list[RecordedPartition]
    states: list[RecordedState] = []


class Recording:
    """A recording in `folder`. Raises ConfigurationError if there is none, or one of another format."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        except (OSError, msgspec.MsgspecError) as error:
            remedy = "name a folder that `forestall journal dump` wrote"
            raise ConfigurationError([f"{folder / MANIFEST}: {error}; {remedy}"]) from error
        if self.manifest.format != FORMAT:
            mistake = f"{folder / MANIFEST}: format {self.manifest.format} is unknown; read it with a newer Forestall"
            raise ConfigurationError([mistake])

    def partitions(self, role: str) -> list[RecordedPartition]:
        """What was recorded of a topic, in the order of its partitions."""
        return sorted(
            (one for one in self.manifest.recorded if one.role == role), key=lambda one: one.partition
        )

    def records(self, recorded: RecordedPartition, before: int | None = None) -> Iterator[Record]:
        """The records of one partition, in order; only those with an offset below `before`, if it is given."""
        for record in read_records(self.folder / recorded.file):
            if before is not None and record.offset >= before:
                return
            yield record

    def snapshot(self, processor: str, partition: int) -> Snapshot | None:
        """The recorded state of a partition; None if there is none."""
        for state in self.manifest.states:
            if (state.processor, state.partition) == (processor, partition):
                return decode_snapshot(gzip.decompress((self.folder / state.file).read_bytes()))
        return None


def write_snapshot(file: Path, snapshot: Snapshot) -> None:
    """Writes a state, to be read by `Recording.snapshot`."""
    file.write_bytes(gzip.compress(encode_snapshot(snapshot), 5, mtime=0))


def write_records(file: Path, records: Iterable[Record]) -> int:
    """Writes `records` and returns how many there were."""
    count = 0
    with file.open("wb") as raw, gzip.GzipFile("", "wb", 5, raw, mtime=0) as packed:
        for record in records:
            frame = msgspec.msgpack.encode(tuple(record))
            packed.write(_LENGTH.pack(len(frame)) + frame)
            count += 1
    return count


def read_records(file: Path) -> Iterator[Record]:
    """What `write_records` wrote."""
    with gzip.open(file, "rb") as packed:
        while head := packed.read(_LENGTH.size):
            yield Record(*_decode(packed.read(_LENGTH.unpack(head)[0])))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest, which makes the folder a recording; write it last."""
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
