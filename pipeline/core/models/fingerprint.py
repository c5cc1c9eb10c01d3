"""What shows that two processes compute alike, and what compiles every kernel before the first event."""

import functools
import hashlib

import msgspec
import numpy as np

from forestall.pipeline.core.drift import Watch
from forestall.pipeline.core.features import fill, take
from forestall.pipeline.core.models import arithmetic
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.forest import Forest
from forestall.pipeline.core.models.prequential import test_and_learn
from forestall.pipeline.core.models.trees import Trees
from forestall.pipeline.core.models.weights import Numbers, Singles, pick
from forestall.pipeline.core.scores import Window
from forestall.pipeline.core.windowing import CLOCK

ROWS = 128
COLUMNS = 3
#: See _columns.
COLUMNS_MADE = 5 + 4 + 2


@functools.cache
def fingerprint() -> str:
    """16 hex digits over the bytes that the kernels give for fixed inputs; the state records it.

    The first call compiles the kernels or loads them from the cache.
    """
    digest = hashlib.blake2b(digest_size=8)
    for x in range(-40, 41):
        for function in (arithmetic.exp, arithmetic.sigmoid, arithmetic.softplus):
            digest.update(np.float64(function(x * 1.618)).tobytes())
        digest.update(np.float64(arithmetic.logit(arithmetic.exp(-abs(x) / 7.0))).tobytes())
        digest.update(np.float64(arithmetic.log_loss(x / 3.0, 1.0)).tobytes())
    model = BayesianFilter(COLUMNS)
    for row in range(ROWS):
        model.learn(_numbers(row), [7, row % 11], y=row * 37 % 13 < 5, offset=0.1, variance=0.01)
        digest.update(np.float64(model.predict(_numbers(row + 1), [7, row % 10])).tobytes())
    digest.update(model.to_bytes())
    window = Window(ROWS)
    for n in range(ROWS):
        window.add(n * 29 % 64 / 64.0, float(n * 37 % 13 < 5), weight=1.0 + n % 3)
    digest.update(msgspec.msgpack.encode(window.scores(threshold=0.4)))
    weights = model.weights()
    for form in _forms(_numbers(ROWS)):
        digest.update(np.array([weights.logit(form, [7]), *weights.terms(form, [7])[0]]).tobytes())
    digest.update(_columns(np.zeros(COLUMNS_MADE)).tobytes())
    return digest.hexdigest()


def warm_up() -> None:
    """Compiles every kernel for each kind of argument that the hot paths pass: none compiles there.

    Those of trees and of the watch for drift only add, multiply, compare and take roots (and `log`, which is in it);
    what tests an answer before it is learned, or picks a row before weighing it, is made of what is in it. They are
    no part of the fingerprint.
    """
    fingerprint()
    _columns(np.zeros(COLUMNS_MADE, np.float32))
    weights, row = BayesianFilter(COLUMNS).weights(), np.zeros(COLUMNS, np.float32)
    for columns in _singles(_numbers(0)):
        pick(columns, np.arange(COLUMNS), 0.0, 0.0, row)
        weights.logit_of(columns, np.arange(COLUMNS), (0.0, 0.0), row, [])
    test_and_learn(BayesianFilter(COLUMNS), _numbers(0), [7], 1.0, 1.0, (0.1, 0.01), True, (0.0, 0.0))
    root, column, right, missing, cover = (
        np.array(part, np.int64) for part in ((0,), (0, -1, -1), (2, 0, 0), (1, 0, 0), (2, 1, 1))
    )
    stump = Trees(root, column, np.array([1.0, 0.5, -0.5]), right, missing, cover)
    forest = Forest(1, (), stump)
    forest.logit([0.0], [])
    forest.terms([0.0], [])
    watch = Watch()
    for n in range(4 * CLOCK):
        watch.add(float(n >= 2 * CLOCK), 1.0, n, n)


def _columns(out: Numbers) -> Numbers:
    """The feature columns of a customer with two blocks of three spans and two numeric fields, after some events."""
    numbers, spans = np.zeros(2 * 6 + 2), np.array([86_400.0, 604_800.0, 2_592_000.0])
    numbers[[0, 2, 6, 8, 12, 13]] = np.nan
    values = np.array([12.5, np.nan])
    for n in range(12):
        take(numbers, n % 2, spans, n * 86_413.7 % 400_000.0, values)
    fill(numbers, spans, values, 0.0, 7_200.5, 3.0, 500_000.25, out)
    return out


def _numbers(row: int) -> Numbers:
    """A fixed row: made by integer steps, so that it has the same bits everywhere."""
    numbers = np.array([row * 7919 % 1009 / 8.0, (row * 104729 % 257 - 128) / 4.0, row * 31 % 5])
    if row % 9 == 0:
        numbers[row % COLUMNS] = np.nan
    return numbers


def _forms(x: Numbers) -> list[Numbers]:
    """The row in float64 and float32, each also read-only: a kernel is compiled for each."""
    read_only = x.copy()
    read_only.flags.writeable = False
    of_singles = _singles(x)
    return [x, of_singles[0], read_only, of_singles[1]]


def _singles(x: Numbers) -> list[Singles]:
    singles = [x.astype(np.float32), x.astype(np.float32)]
    singles[1].flags.writeable = False
    return singles
