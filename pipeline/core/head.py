"""A partition's own state, beside its documents: watermark, sequences, marks, notices' parts."""

import msgspec

from forestall.pipeline.core.versions import STATE_VERSION, brought_up, newer, opened, sealed
from forestall.pipeline.errors import SequenceGap, StateError
from forestall.schemas.catalogue import Configuration

HEAD = "p/head"
CONFIGURATION = "p/configuration"


class Head(msgspec.Struct, kw_only=True):
    """`sequences`: the last number per destination. `marks`: the last number taken per sender. `layouts`: the
    places of every layout that may still be stored (see Layout). `parts`: parts of notices not yet complete.
    `since`: of every problem the revision in force, and the configuration's version that brought it. `behind`: by how
    many ms what moved the watermark last was dated before its broker took it; None while nothing has."""

    version: int = STATE_VERSION
    fingerprint: str = ""
    watermark: int = 0
    sequences: dict[str, int] = {}
    marks: dict[str, int] = {}
    layouts: dict[str, tuple[str, ...]] = {}
    parts: dict[str, list[bytes]] = {}
    since: dict[str, tuple[str, int]] = {}
    behind: int | None = None

    def next_sequence(self, destination: str) -> int:
        """Counts one more record for a destination."""
        number = self.sequences.get(destination, 0) + 1
        self.sequences[destination] = number
        return number

    def takes(self, sender: str, sequence: int, where: str) -> bool:
        """Takes a sender's record mark + 1; ignores a lower one, for it came before.

        Raises SequenceGap on a higher one: something between was lost, and going on would hide it.
        """
        mark = self.marks.get(sender, 0)
        if sequence <= mark:
            return False
        if sequence > mark + 1:
            raise SequenceGap(
                f"{where}: {sender} sent {sequence} after {mark}; what is between is missing: see the "
                f"sender's outbox, and whether records were deleted"
            )
        self.marks[sender] = sequence
        return True


class Written(msgspec.Struct, frozen=True):
    """By which core a state was written: all that is read of a head whose form is not known yet."""

    version: int = 1
    fingerprint: str = ""


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(Head).decode
_decode_written = msgspec.msgpack.Decoder(Written).decode


def encode_head(head: Head) -> bytes:
    """The head's document."""
    return _encode(head)


def written_by(document: bytes) -> Written:
    """Which core wrote this head, of whatever version."""
    return _decode_written(document)


def decode_head(document: bytes | None, fingerprint: str) -> Head:
    """The head of a document, or a new partition's; an earlier version's is brought up to today's.

    Raises StateError where this core must not go on with it. Within one version of state other kernels are another
    machine's; from an earlier version on they may be this release's.
    """
    if document is None:
        return Head(fingerprint=fingerprint)
    core = written_by(document)
    if core.version > STATE_VERSION:
        raise newer("the stored state", core.version)
    if core.version < STATE_VERSION:
        head = _decode(brought_up("head", document, core.version))
        head.version, head.fingerprint = STATE_VERSION, fingerprint
        return head
    if core.fingerprint != fingerprint:
        raise StateError(
            f"the state was computed by kernels {core.fingerprint}, this machine's give {fingerprint}: "
            "run on the same processor family and package versions, or replay the journal into a new state"
        )
    return _decode(document)


def outdated(document: bytes | None) -> Written | None:
    """The core that wrote this head, if it was of an earlier version."""
    if document is None:
        return None
    core = written_by(document)
    return core if core.version < STATE_VERSION else None


def encode_configuration(configuration: Configuration) -> bytes:
    """The configuration's document; apart from the head, for it is large and seldom changes."""
    return sealed(_encode(configuration))


def decode_configuration(document: bytes | None) -> Configuration | None:
    """The configuration in force; None before the first."""
    return None if document is None else _decode_configuration(opened("configuration", document))


_decode_configuration = msgspec.msgpack.Decoder(Configuration).decode
