"""Memory of a backtest: it does not grow with the history, only with the customers and with what is open."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest

from forestall.pipeline.backtest import contacts, tally
from forestall.pipeline.backtest.run import Backtest
from forestall.pipeline.backtest.sample import Sample
from forestall.schemas.catalogue import CatalogueFile, Configuration
from forestall.schemas.event import encode

CATALOGUE = """
[problem.return]
title = "Will come back"
ask = { on = "order" }
happens = { on = "return", within = "10d" }
grace = "0d"
features = { numeric = ["data.amount"], category = ["data.country"] }
[problem.late]
title = "Will be late"
ask = { on = "order" }
answered = { on = "closed", same = "subject", yes = "data.late == true", give_up = "20d" }
"""
NOW = 1_790_000_000_000
START = 1_600_000_000
CUSTOMERS, ORDERS_A_DAY = 40, 25
#: A few of the customers return what they order; every order is closed three days later, one in four too late.
RETURNING, LATE = 8, 4


def events(orders: range) -> Iterator[bytes]:
    """Orders at an even rate, with the returns and closings that follow."""
    for number in orders:
        at = START + number * 86_400 // ORDERS_A_DAY
        customer = f"c{number % CUSTOMERS}"
        subject = f"o{number}"
        data = {"amount": number % 97, "country": f"k{number % 7}"}
        yield _event(f"o{number}", "order", at, customer, subject, data)
        if number % CUSTOMERS < RETURNING and number % 3 == 0:
            yield _event(f"r{number}", "return", at + 1, customer, subject, {})
        closed = number - 3 * ORDERS_A_DAY
        if closed >= 0:
            of = f"c{closed % CUSTOMERS}"
            yield _event(f"e{number}", "closed", at + 2, of, f"o{closed}", {"late": closed % LATE == 0})


def _event(id_: str, type_: str, at: int, customer: str, subject: str, data: dict[str, object]) -> bytes:
    return encode(
        {"specversion": "1.0", "id": id_, "source": "shop", "type": type_, "time": datetime.fromtimestamp(at, UTC),
         "customer": customer, "subject": subject, "data": data}
    )  # fmt: skip


def test_twice_the_history_needs_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the customers are known and the samples are full, as many events again leave nothing behind."""
    monkeypatch.setattr(tally, "Sample", partial(Sample, 100))
    monkeypatch.setattr(tally, "BATCH", 256)
    monkeypatch.setattr(contacts, "SWEEP", 64)
    configuration = Configuration(version=0, files=[CatalogueFile("c", CATALOGUE)], salt="")
    backtest = Backtest(configuration, NOW)
    tracemalloc.start()
    held = []
    for orders in (range(4_000), range(4_000, 8_000)):
        for text in events(orders):
            backtest.take(text)
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[1] < 1.1 * held[0], f"{held[0] / 1e6:.2f} MB after half, {held[1] / 1e6:.2f} MB after all"
    result = backtest.finish()
    assert min(problem.answered for problem in result.problems) > 7_500
