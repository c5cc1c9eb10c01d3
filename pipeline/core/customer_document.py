"""A customer's document: what every event changes, and within it, packed by itself, all that was told.

Only questions, answers, alerts and choices change what was told; most events do not, and it is the dearer part to pack.
So it stays with the customer as it was packed, until something may have changed it.
"""

from typing import Generic, TypeVar

import msgspec
import numpy as np

from forestall.pipeline.core.customer import Customer, Moment, OpenAlert, Question, Residual
from forestall.pipeline.core.subjects import Subjects
from forestall.pipeline.core.versions import opened, sealed
from forestall.schemas.preference import Purpose

T = TypeVar("T")


class _Stored(msgspec.Struct, Generic[T], array_like=True, gc=False):
    """The document's form. `layout` is the key of the numbers' layout, `version` of the configuration."""

    layout: str
    version: int
    numbers: bytes
    subjects: bytes
    seen: bytes
    asked: int
    told: T


class _Told(msgspec.Struct, array_like=True, gc=False):
    """What the customer was asked and what came of it, and what they have chosen."""

    questions: list[Question]
    moments: dict[int, Moment]
    alerts: list[OpenAlert]
    tallies: dict[str, tuple[int, int]]
    residuals: dict[str, Residual]
    silences: dict[str, int]
    episodes: int
    consents: dict[Purpose, tuple[int, bool]]
    pauses: dict[str, int]
    erased: int | None


def encode_customer(customer: Customer) -> bytes:
    """The customer's document."""
    told = customer.packed_told
    if told is None:
        told = customer.packed_told = msgspec.Raw(_encode(_told_of(customer)))
    return sealed(
        _encode(
            _Stored(
                customer.layout,
                customer.version,
                customer.numbers.tobytes(),
                customer.subjects.packed,
                customer.seen,
                customer.asked,
                told,
            )
        )
    )


def _told_of(customer: Customer) -> _Told:
    return _Told(
        list(customer.questions.values()),
        customer.moments,
        list(customer.alerts.values()),
        customer.tallies,
        customer.residuals,
        customer.silences,
        customer.episodes,
        customer.consents,
        customer.pauses,
        customer.erased,
    )


def decode_customer(document: bytes) -> Customer:
    """The customer of a document; one of another layout is left to `migrate`."""
    stored = _decode(opened("customer", document))
    told = stored.told
    customer = Customer.__new__(Customer)
    customer.layout = stored.layout
    customer.version = stored.version
    customer.numbers = np.frombuffer(bytearray(stored.numbers), np.float64)
    customer.subjects = Subjects(stored.subjects)
    customer.seen = stored.seen
    customer.asked = stored.asked
    customer.questions = {question.number: question for question in told.questions}
    customer.moments = told.moments
    customer.alerts = {alert.id: alert for alert in told.alerts}
    customer.tallies = told.tallies
    customer.residuals = told.residuals
    customer.silences = told.silences
    customer.episodes = told.episodes
    customer.consents = told.consents
    customer.pauses = told.pauses
    customer.erased = told.erased
    customer.packed_told = None
    customer.index()
    return customer


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored[_Told]).decode
