"""Boosted trees as they travel from the trainer to learn, and from there to foresee."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from forestall.pipeline.core.models.arrays import Floats
from forestall.pipeline.core.models.attribution import MOST_SPLITS, attribute
from forestall.pipeline.core.models.forms import Form
from forestall.pipeline.core.models.trees import Trees, walk

VERSION = 1
FORM = Form("a forest of boosted trees", VERSION, "let the trainer fit anew")
#: More nodes than this are not taken: 200 trees of 5 leaves have 1,800.
MOST_NODES = 20_000


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """The stored form, little-endian: uint32 categories, uint16 roots and right, int16 columns, float64 thresholds,
    a byte each for what is missing, uint32 covers; 18 bytes a node."""

    version: int
    columns: int
    categories: bytes
    roots: bytes
    column: bytes
    threshold: bytes
    right: bytes
    missing: bytes
    cover: bytes


class Forest:
    """Trees over `columns` numbers and the presence of `categories` (32-bit hashes), a column each behind them."""

    __slots__ = ("_place", "categories", "columns", "trees")

    def __init__(self, columns: int, categories: Sequence[int], trees: Trees) -> None:
        self.columns = columns
        self.categories = tuple(categories)
        self.trees = trees
        self._place = {category: columns + n for n, category in enumerate(self.categories)}

    def row(self, x: ArrayLike, categories: Sequence[int]) -> Floats:
        """What the trees see: the numbers (infinite is missing), and which of their categories there are."""
        row = np.zeros(self.columns + len(self.categories))
        row[: self.columns] = x
        row[np.isinf(row)] = np.nan
        for category in categories:
            place = self._place.get(category)
            if place is not None:
                row[place] = 1.0
        return row

    def logit(self, x: ArrayLike, categories: Sequence[int]) -> float:
        """The trees' logit of yes."""
        return walk(self.row(x, categories), *self.trees)

    def terms(self, x: ArrayLike, categories: Sequence[int]) -> tuple[list[float], list[float]]:
        """What each column, and each of the row's categories, adds to the logit (see attribution).

        What it says that other categories are *not* there is left out: nobody would take it for a reason.
        """
        terms = np.zeros(self.columns + len(self.categories))
        attribute(self.row(x, categories), *self.trees, terms)
        of = self._place.get
        found = [of(category) for category in categories]
        named = [0.0 if place is None else float(terms[place]) for place in found]
        return terms[: self.columns].tolist(), named

    def to_bytes(self) -> bytes:
        """The stored form; the same trees give the same bytes."""
        trees = self.trees
        return msgspec.msgpack.encode(
            _Stored(
                version=VERSION,
                columns=self.columns,
                categories=np.array(self.categories, "<u4").tobytes(),
                roots=trees.roots.astype("<u2").tobytes(),
                column=trees.column.astype("<i2").tobytes(),
                threshold=trees.threshold.astype("<f8").tobytes(),
                right=trees.right.astype("<u2").tobytes(),
                missing=trees.missing.astype("u1").tobytes(),
                cover=trees.cover.astype("<u4").tobytes(),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Forest":
        """Reads the stored form. Raises StateError where it is of another version, or no forest: whatever the bytes
        are, what is returned can be walked, and ends."""
        try:
            stored = msgspec.convert(FORM.fields(data), _Stored)
            categories = np.frombuffer(stored.categories, "<u4").tolist()
            trees = Trees(
                roots=np.frombuffer(stored.roots, "<u2").astype(np.int64),
                column=np.frombuffer(stored.column, "<i2").astype(np.int64),
                threshold=np.frombuffer(stored.threshold, "<f8").astype(np.float64),
                right=np.frombuffer(stored.right, "<u2").astype(np.int64),
                missing=np.frombuffer(stored.missing, "u1").astype(np.int64),
                cover=np.frombuffer(stored.cover, "<u4").astype(np.int64),
            )
            _check(trees, stored.columns + len(categories))
        except (msgspec.MsgspecError, ValueError) as error:
            raise FORM.unreadable(error) from error
        return cls(stored.columns, categories, trees)


def _check(trees: Trees, columns: int) -> None:
    """Raises ValueError where a walk could leave its tree or the row, or not end."""
    nodes = len(trees.column)
    if nodes > MOST_NODES or any(len(part) != nodes for part in trees[2:]):
        raise ValueError("its arrays do not belong together")
    ends = np.append(trees.roots[1:], nodes)
    if nodes and (not len(trees.roots) or trees.roots[0] != 0 or (ends <= trees.roots).any()):
        raise ValueError("its roots do not follow each other")
    if not np.isfinite(trees.threshold).all() or ((trees.column < -1) | (trees.column >= columns)).any():
        raise ValueError("a node has no number, or a column that no row has")
    splits = np.flatnonzero(trees.column >= 0)
    tree_of = np.searchsorted(trees.roots, splits, side="right") - 1
    right, end = trees.right[splits], ends[tree_of]
    if (right <= splits + 1).any() or (right >= end).any():
        raise ValueError("a split leads out of its tree, or back")
    if len(splits) and np.bincount(tree_of).max() > MOST_SPLITS:
        raise ValueError(f"a tree has more than {MOST_SPLITS} splits")
