"""The streams that benchmarks run on: the real retail sample, and a synthetic one of any size. Deterministic."""

import gzip
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from forestall.pipeline import sources
from forestall.pipeline.core.effects import Record
from forestall.pipeline.sources.event_line import read_line
from forestall.schemas.event import encode

SAMPLES = Path(sources.__file__).parent / "samples"
CATALOGUE = Path(__file__).parent / "four.toml"
START = 1_600_000_000
#: Of the synthetic events so many ask: the rest is what a shop mostly sees.
TYPES = ("page.viewed", "page.viewed", "cart.changed", "app.opened", "order.placed")
RETURNED = 0.12


class Stream(NamedTuple):
    """A named stream of event lines, in the order of their time."""

    name: str
    lines: list[bytes]

    def records(self) -> list[Record]:
        """The lines as records of one partition, stamped with the events' own time."""
        found = []
        for offset, text in enumerate(self.lines):
            line = read_line(text)
            assert line.ms is not None
            found.append(Record(offset, line.ms, line.key, text))
        return found

    def write(self, path: Path) -> Path:
        """The stream as an event file."""
        path.write_bytes(b"".join(line + b"\n" for line in self.lines))
        return path


def retail() -> Stream:
    """The shipped sample: 44,876 invoices, of which every one asks."""
    with gzip.open(SAMPLES / "retail.jsonl.gz") as file:
        return Stream("retail", [line.rstrip(b"\n") for line in file])


def synthetic(events: int, customers: int, seed: int = 7) -> Stream:
    """Events of a shop in which few customers do much (Pareto), one event in five asks, and some orders return."""
    return Stream("synthetic", list(_synthetic(events, customers, seed)))


def _synthetic(events: int, customers: int, seed: int) -> Iterator[bytes]:
    dice = random.Random(seed)
    seconds = 200 * 86_400 / events
    for number in range(events):
        customer = int(customers * dice.betavariate(0.6, 2.4))
        type_ = dice.choice(TYPES)
        if type_ == "order.placed" and dice.random() < RETURNED * (1 + customer % 5) / 3:
            type_ = "order.returned"
        yield encode(
            {
                "specversion": "1.0",
                "id": str(number),
                "source": "shop",
                "type": type_,
                "time": datetime.fromtimestamp(START + number * seconds, UTC).isoformat(
                    timespec="milliseconds"
                ),
                "subject": f"o-{number}",
                "customer": f"c-{customer}",
                "data": {
                    "amount": round(dice.lognormvariate(4, 1), 2),
                    "quantity": dice.randint(1, 9),
                    "lines": dice.randint(1, 4),
                    "country": dice.choice("ABCDE"),
                },
            }
        )
