"""Linear classifiers of River, with a stored form: these can run live, and *foresee* predicts with their weights."""

import functools
import hashlib
import importlib
import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike
from river import linear_model, preprocessing
from river.utils import VectorDict

from forestall.pipeline.core.models.arithmetic import logit
from forestall.pipeline.core.models.encoding import CLIP, scale_of, squash
from forestall.pipeline.core.models.forms import Form
from forestall.pipeline.core.models.names import RIVER, STORED_IN_RIVER
from forestall.pipeline.core.models.weights import ABOVE, BELOW, FLAG, MEAN, ROWS, SCALE, WEIGHT, Weights
from forestall.pipeline.errors import StateError

VERSION = 1
FORM = Form("the state of a classifier of River", VERSION, "rebuild it from its log")
#: The most categories that are known, first come.
CATEGORIES = 20_000
#: Features are numbers' columns (0, 1, …) and categories, which lie above all columns.
_FIRST_CATEGORY = 1 << 32


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """`fingerprint` says what River's arithmetic comes to. Arrays are little-endian: `scaler` has
    int64 names and counts, float64 means and variances, `weights` int64 names and float64 weights, in the order
    of their names; `categories` are uint32 hashes."""

    version: int
    name: str
    fingerprint: str
    columns: int
    answers: int
    steps: int
    intercept: float
    scaler: tuple[bytes, bytes, bytes, bytes]
    weights: tuple[bytes, bytes]
    categories: bytes


class RiverLinear:
    """A linear classifier of River behind the protocol of Model, by its name in `names.STORED_IN_RIVER`.

    Numbers reach it as sign(x)·log1p|x| through River's StandardScaler, clipped to ±4, categories as 1; what is
    missing is left out. River knows no offsets: a residual is added to predictions, and not learned beside.
    River computes with the platform's libm, so a state goes on only where River computes the same.
    """

    def __init__(self, name: str, columns: int) -> None:
        module, _, of_class = name.rpartition(".")
        assert name in STORED_IN_RIVER, name
        self.name = name
        self.columns = columns
        self.answers = 0
        self._scaler: Any = preprocessing.StandardScaler()
        self._classifier: Any = getattr(importlib.import_module(f"river.{module}"), of_class)()
        self._known: set[int] = set()
        self._takes_weight = isinstance(self._classifier, linear_model.LogisticRegression)

    def predict(self, x: ArrayLike, categories: Sequence[int], offset: float = 0.0) -> float:
        """The logit of yes, plus the customer's `offset`."""
        p = self._classifier.predict_proba_one(self._encoded(_numbers(x), categories))[True]
        return offset + logit(float(p))

    def learn(
        self,
        x: ArrayLike,
        categories: Sequence[int],
        y: float,
        weight: float = 1.0,
        offset: float = 0.0,
        variance: float = 0.0,
    ) -> None:
        """Learns the answer; `weight` only where the classifier takes one, `offset` and `variance` never."""
        numbers = _numbers(x)
        self._scaler.learn_one(numbers)
        room = CATEGORIES - len(self._known)
        self._known.update([c for c in dict.fromkeys(categories) if c not in self._known][:room])
        more = {"w": weight} if self._takes_weight else {}
        self._classifier.learn_one(self._encoded(numbers, categories), bool(y), **more)
        self.answers += 1

    def weights(self) -> Weights:
        """What *foresee* needs to predict, rounded to float32: a line for each column, without bends or flags."""
        table = np.zeros((ROWS, self.columns))
        learned = dict(self._classifier.weights)
        for column in range(self.columns):
            variance = self._scaler.vars.get(column, 0.0)
            table[[MEAN, SCALE, WEIGHT], column] = (
                self._scaler.means.get(column, 0.0), scale_of(variance), learned.get(column, 0.0)
            )  # fmt: skip
        table[[BELOW, ABOVE, FLAG]] = 0.0
        rounded = table.astype(np.float32).astype(np.float64)
        categories = {
            name - _FIRST_CATEGORY: float(np.float32(weight))
            for name, weight in learned.items()
            if name >= _FIRST_CATEGORY
        }
        return Weights(float(np.float32(self._classifier.intercept)), rounded, categories)

    def to_bytes(self) -> bytes:
        """The state, to be read by `from_bytes`."""
        scaler, learned = self._scaler, dict(sorted(self._classifier.weights.items()))
        steps = self._classifier.optimizer.n_iterations if self._takes_weight else 0
        names = sorted(scaler.counts)
        return msgspec.msgpack.encode(
            _Stored(
                version=VERSION,
                name=self.name,
                fingerprint=fingerprint(),
                columns=self.columns,
                answers=self.answers,
                steps=steps,
                intercept=float(self._classifier.intercept),
                scaler=(
                    np.array(names, "<i8").tobytes(),
                    np.array([scaler.counts[n] for n in names], "<i8").tobytes(),
                    np.array([scaler.means[n] for n in names], "<f8").tobytes(),
                    np.array([scaler.vars[n] for n in names], "<f8").tobytes(),
                ),
                weights=(
                    np.array(list(learned), "<i8").tobytes(),
                    np.array(list(learned.values()), "<f8").tobytes(),
                ),
                categories=np.array(sorted(self._known), "<u4").tobytes(),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "RiverLinear":
        """Reads a state. Raises StateError where it cannot, or where River would go on with other numbers."""
        try:
            stored = msgspec.convert(FORM.fields(data), _Stored)
            if stored.name not in STORED_IN_RIVER:
                raise msgspec.ValidationError(f"of {stored.name} no state is known")
        except msgspec.ValidationError as error:
            raise FORM.unreadable(error) from error
        if stored.fingerprint != fingerprint():
            raise StateError(
                f"{RIVER}{stored.name} was learned where River computes {stored.fingerprint}, here {fingerprint()}: "
                "run the same version on the same kind of machine, or replay the answers into a new state"
            )
        new = cls(stored.name, stored.columns)
        new._restore(stored)
        return new

    def _restore(self, stored: _Stored) -> None:
        names, counts, means, variances = (
            np.frombuffer(data, kind).tolist()
            for data, kind in zip(stored.scaler, ("<i8", "<i8", "<f8", "<f8"), strict=True)
        )
        scaler = self._scaler
        for kept, values in ((scaler.counts, counts), (scaler.means, means), (scaler.vars, variances)):
            for name, value in zip(names, values, strict=True):
                kept[name] = value
        features, weights = (
            np.frombuffer(data, kind).tolist()
            for data, kind in zip(stored.weights, ("<i8", "<f8"), strict=True)
        )
        learned = dict(zip(features, weights, strict=True))
        self._known = set(np.frombuffer(stored.categories, "<u4").tolist())
        self._classifier.intercept = stored.intercept
        if self._takes_weight:  # its weights have no setter, only a way to begin with some
            self._classifier._weights = VectorDict(learned)
            self._classifier.optimizer.n_iterations = stored.steps
        else:
            self._classifier.weights.update(learned)
        self.answers = stored.answers

    def _encoded(self, numbers: dict[int, float], categories: Sequence[int]) -> dict[int, float]:
        scaled = self._scaler.transform_one(numbers)
        encoded = {column: min(max(value, -CLIP), CLIP) for column, value in scaled.items()}
        known = (category for category in categories if category in self._known)
        return encoded | {category + _FIRST_CATEGORY: 1.0 for category in known}


def _numbers(x: ArrayLike) -> dict[int, float]:
    """The columns that are there."""
    values = enumerate(np.asarray(x, np.float64).tolist())
    return {column: squash(value) for column, value in values if math.isfinite(value)}


@functools.cache
def fingerprint() -> str:
    """16 hex digits over what River's arithmetic gives for fixed answers."""
    digest = hashlib.blake2b(digest_size=8)
    for name in STORED_IN_RIVER:
        model = RiverLinear(name, 2)
        for n in range(64):
            model.learn([n * 37 % 11 - 3.5, n * 29 % 7], [n % 5], float(n * 31 % 13 < 6))
            digest.update(np.float64(model.predict([n % 3, n % 4], [n % 4])).tobytes())
    return digest.hexdigest()
