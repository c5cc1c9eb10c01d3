"""The stored form of the filter: a small header and raw little-endian arrays, never pickle."""

from array import array
from functools import lru_cache

import msgspec
import numpy as np

from forestall.pipeline.core.models.arrays import Floats, Integers
from forestall.pipeline.core.models.forms import Form

VERSION = 2
FORM = Form("a model's state", VERSION, "rebuild it from its log")


class State(msgspec.Struct, frozen=True, array_like=True):
    """A filter's state, in float64 and int64 where not said otherwise.

    `prior` caps the variances of the dense block; `covariance` is the lower triangle by rows; `encoding` is the
    columns' means and variances, `seen` their counts and flags; `categories` are uint32 hashes, with their
    `table`, `labels` (to 100, a byte each) and `slot_of` (int16): 23 bytes a category.
    """

    version: int
    columns: int
    history: int
    answers: int
    slots: int
    weight: bytes
    prior: bytes
    covariance: bytes
    encoding: bytes
    seen: bytes
    categories: bytes
    table: bytes
    labels: bytes
    slot_of: bytes


to_bytes = msgspec.msgpack.Encoder().encode


def from_bytes(data: bytes) -> State:
    """Reads a state. Raises StateError where it is damaged, or of a version that is not read."""
    try:
        return msgspec.convert(FORM.fields(data), State)
    except msgspec.ValidationError as error:
        raise FORM.unreadable(error) from error


def floats(array: Floats) -> bytes:
    """An array's bytes."""
    return array.astype("<f8", copy=False).tobytes()


def integers(array: Integers) -> bytes:
    """An array's bytes."""
    return array.astype("<i8", copy=False).tobytes()


def read_floats(data: bytes) -> Floats:
    """The flat array, its own memory."""
    return np.frombuffer(data, "<f8").astype(np.float64)


def read_integers(data: bytes) -> Integers:
    """The flat array, its own memory."""
    return np.frombuffer(data, "<i8").astype(np.int64)


def hashes(of: "array[int]") -> bytes:
    """The bytes of an array of 32-bit hashes."""
    return np.frombuffer(of, np.uint32).astype("<u4", copy=False).tobytes()


def read_hashes(data: bytes) -> list[int]:
    """The hashes."""
    found: list[int] = np.frombuffer(data, "<u4").tolist()
    return found


def triangle(covariance: Floats) -> bytes:
    """A symmetric matrix' lower triangle, by rows."""
    return floats(covariance.take(_lower(len(covariance))))


@lru_cache(maxsize=16)
def _lower(size: int) -> Integers:
    """Where a square matrix' lower triangle lies, by rows: a commit writes one for each problem that has learned."""
    return np.flatnonzero(np.tri(size, dtype=bool))


def read_triangle(data: bytes, size: int) -> Floats:
    """The symmetric matrix."""
    covariance = np.zeros((size, size))
    rows, columns = np.tril_indices(size)
    covariance[rows, columns] = np.frombuffer(data, "<f8")
    covariance[columns, rows] = covariance[rows, columns]
    return covariance
