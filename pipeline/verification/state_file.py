"""A partition's state as a file: one line of JSON that says what it is, then the state itself; gzip.

zcat foresee-0.state.gz | head -1
"""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from forestall.pipeline.core.head import HEAD, written_by
from forestall.pipeline.errors import ConfigurationError
from forestall.pipeline.store.values import Reading, StoredState

FORMAT = 1
SUFFIX = ".state.gz"

_encode_state = msgspec.msgpack.Encoder().encode
_decode_state = msgspec.msgpack.Decoder(StoredState).decode


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """Where a partition stood: its next position and last commit; by the core of which state version and with which
    kernels it was written; and the SHA-256 of the state (StoredState.digest)."""

    format: int = FORMAT
    prefix: str
    processor: str
    partition: int
    position: int
    commit: str
    version: int
    fingerprint: str
    documents: int
    digest: str


class StateFile(NamedTuple):
    """A partition's state, and where it stood."""

    stand: Stand
    state: StoredState


def state_file(prefix: str, processor: str, partition: int, reading: Reading) -> StateFile | None:
    """What is written of a reading; None for a partition that nobody has processed yet."""
    held, state, _ = reading
    head = state.documents.get(HEAD)
    if held.commit is None or head is None:
        return None
    written = written_by(head)
    stand = Stand(
        prefix=prefix,
        processor=processor,
        partition=partition,
        position=held.position,
        commit=held.commit,
        version=written.version,
        fingerprint=written.fingerprint,
        documents=len(state.documents),
        digest=state.digest(),
    )
    return StateFile(stand, state)


def write_state(folder: Path, one: StateFile) -> Path:
    """Writes the file whole or not at all, in place of an earlier one of the same partition."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{one.stand.processor}-{one.stand.partition}{SUFFIX}"
    part = file.with_suffix(".part")
    part.write_bytes(
        gzip.compress(msgspec.json.encode(one.stand) + b"\n" + _encode_state(one.state), 3, mtime=0)
    )
    return part.replace(file)


def read_states(folder: Path) -> Iterator[StateFile]:
    """The states in the folder, one after another. Raises ConfigurationError if there is none, or one is damaged."""
    files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: (len(file.name), file.name))
    if not files:
        raise ConfigurationError(
            [f"{folder}: has no *{SUFFIX}; name a folder that `forestall state snapshot` wrote"]
        )
    yield from map(_read, files)


def _read(file: Path) -> StateFile:
    try:
        line, _, body = gzip.decompress(file.read_bytes()).partition(b"\n")
        one = StateFile(msgspec.json.decode(line, type=Stand), _decode_state(body))
    except (OSError, EOFError, msgspec.MsgspecError) as error:
        raise _unreadable(file, str(error)) from error
    if one.stand.format != FORMAT:
        raise _unreadable(file, f"it has format {one.stand.format}, this release reads {FORMAT}")
    if one.stand.digest != one.state.digest():
        raise _unreadable(file, "its state is not the one that its first line tells of")
    return one


def _unreadable(file: Path, why: str) -> ConfigurationError:
    return ConfigurationError([f"{file}: {why}; take a snapshot anew: forestall state snapshot DIR"])
