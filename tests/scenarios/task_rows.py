"""The published prediction tasks, packed: who was asked when, and the answer. See tests/data/tasks/README.md.

python -m tests.scenarios.task_rows TASK.csv[.gz] OUT.txt.gz
"""

import csv
import gzip
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

TASKS = Path(__file__).parents[1] / "data" / "tasks"


class Row(NamedTuple):
    """One row of a task; `asked` is epoch seconds, `y` is 1 or 0."""

    customer: str
    asked: int
    y: int


def task(name: str) -> Counter[Row]:
    """The rows of a shipped task as a multiset."""
    with gzip.open(TASKS / f"{name}.txt.gz", "rt", encoding="utf-8") as lines:
        return Counter(unpacked(lines))


def packed(rows: Sequence[Row]) -> Iterator[str]:
    """First the unit in seconds (60 where every moment is a whole minute), then a line a customer: name, tab, and
    each moment as the units since the one before, + for yes, - for no."""
    unit = 1 if any(row.asked % 60 for row in rows) else 60
    yield f"{unit}\n"
    for customer, theirs in groupby(sorted(rows), key=lambda row: row.customer):
        before, moments = 0, []
        for _, asked, y in theirs:
            moments.append(f"{'+' if y else '-'}{(asked - before) // unit}")
            before = asked
        yield f"{customer}\t{' '.join(moments)}\n"


def unpacked(lines: Iterator[str]) -> Iterator[Row]:
    """The rows of packed lines."""
    unit = int(next(lines))
    for line in lines:
        customer, moments = line.rstrip("\n").split("\t")
        asked = 0
        for moment in moments.split(" "):
            asked += unit * int(moment[1:])
            yield Row(customer, asked, int(moment[0] == "+"))


def _published(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as text:
        for row in csv.DictReader(text):
            yield Row(row["entity"].removesuffix(".0"), int(float(row["t"])), int(row["y"]))


if __name__ == "__main__":
    with Path(sys.argv[2]).open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        out.write("".join(packed(list(_published(Path(sys.argv[1]))))).encode())
