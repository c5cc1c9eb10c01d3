"""The streams that benchmarks run on: the real retail sample, and a synthetic one of any size. Deterministic."""

import gzip
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, NamedTuple

from forestall.pipeline import sources
from forestall.pipeline.core.effects import Record
from forestall.pipeline.sources.event_line import read_line
from forestall.schemas.event import encode

SAMPLES = Path(sources.__file__).parent / "samples"
CATALOGUE = Path(__file__).parent / "four.toml"
START = 1_600_000_000
DAYS = 200
#: What happens in a shop, and how often; an order asks questions.
TYPES = {"page.viewed": 0.45, "cart.changed": 0.2, "app.opened": 0.15, "order.placed": 0.2}
#: The same without what asks.
SILENT = {type_: share for type_, share in TYPES.items() if not type_.startswith("order.")}
#: One customer in five returns so many of the orders, with the next that is heard of them; the others seldom.
RETURNS = (0.7, 0.02, 0.02, 0.02, 0.02)
#: The width of the customers' activity: the busiest 1 % send about a tenth of all events, the busiest tenth 40 %.
SKEW = 1.1


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


def retail() -> Stream:
    """The shipped sample: 44,876 orders and returns, all of which ask."""
    with gzip.open(SAMPLES / "retail.jsonl.gz") as file:
        return Stream("retail", [line.rstrip(b"\n") for line in file])


def synthetic(events: int, customers: int, seed: int = 7) -> Stream:
    """A shop's events, even over 200 days: customers differ in how much they do (lognormal), one event in five asks."""
    return Stream("synthetic", list(synthetic_lines(events, customers, seed)))


def silent(events: int, customers: int, seed: int = 7) -> Stream:
    """The same shop's visitors, who order nothing: their features are kept, and nothing is asked."""
    return Stream("silent", list(synthetic_lines(events, customers, seed, types=SILENT)))


class NextLines:
    """The next `count` lines of a stream that is too long to be kept, to be taken once."""

    def __init__(self, lines: Iterator[bytes], count: int) -> None:
        self._lines, self._count = lines, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        return islice(self._lines, self._count)


def synthetic_lines(
    events: int, customers: int, seed: int = 7, *, types: Mapping[str, float] = TYPES
) -> Iterator[bytes]:
    """The lines of a synthetic stream, one by one."""
    dice = random.Random(seed)
    weights = list(accumulate(dice.lognormvariate(0, SKEW) for _ in range(customers)))
    chosen = dice.choices(range(customers), cum_weights=weights, k=events)
    drawn_types = dice.choices(list(types), weights=list(types.values()), k=events)
    seconds = DAYS * 86_400 / events
    returning: set[int] = set()
    for number, (customer, drawn) in enumerate(zip(chosen, drawn_types, strict=True)):
        type_ = "order.returned" if customer in returning else drawn
        returning.discard(customer)
        if type_ == "order.placed" and dice.random() < RETURNS[customer % len(RETURNS)]:
            returning.add(customer)
        yield encode(
            {
                "specversion": "1.0",
                "id": f"s{number}",
                "source": "shop",
                "type": type_,
                "time": datetime.fromtimestamp(START + number * seconds, UTC).isoformat(
                    timespec="milliseconds"
                ),
                "subject": f"o-{number}",
                "customer": f"c-{customer}",
                "data": _order(dice) if type_.startswith("order") else _visit(dice),
            }
        )


def _order(dice: random.Random) -> dict[str, Any]:
    lines, amount = dice.randint(1, 12), round(dice.lognormvariate(4, 1), 2)
    return {
        "amount": amount,
        "quantity": lines * dice.randint(1, 9),
        "lines": lines,
        "products": lines,
        "new_products": dice.randint(0, lines),
        "mean_price": round(amount / lines, 2),
        "largest_line": round(amount * dice.uniform(0.2, 1.0), 2),
        "largest_quantity": dice.randint(1, 9),
        "main_product": str(20_000 + dice.randrange(500)),
        "country": dice.choice(("DE", "FR", "IT", "PL", "UK")),
    }


def _visit(dice: random.Random) -> dict[str, Any]:
    return {"page": f"/p/{dice.randrange(500)}", "seconds": dice.randint(1, 300), "country": "DE"}
