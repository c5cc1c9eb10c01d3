"""UCI Online Retail II as events: one for each invoice of an identified customer.

`order.placed` for a purchase, `order.returned` for a C-invoice (a return or cancellation; its numbers are
positive too). An invoice counts from its earliest line: 65 of them were typed in over one or two minutes.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import fsum
from pathlib import Path
from typing import Any, NamedTuple

from forestall.pipeline.sources.eventfiles import Happened
from forestall.pipeline.sources.tables import read_columns

COLUMNS = (
    ("Invoice", "InvoiceNo"),
    ("StockCode",),
    ("Quantity",),
    ("InvoiceDate",),
    ("Price", "UnitPrice"),
    ("Customer ID", "CustomerID"),
    ("Country",),
)


class Line(NamedTuple):
    """One line of an invoice; `at` is epoch seconds."""

    at: int
    product: str
    quantity: int
    price: float
    customer: str
    country: str


def retail_events(paths: Sequence[Path]) -> Iterator[Happened]:
    """All events of the raw files in (time, original order); an invoice that two files hold counts once."""
    bought: dict[str, set[str]] = {}
    invoices = [(min(line.at for line in lines), number, lines) for number, lines in _invoices(paths).items()]
    for at, number, lines in sorted(invoices, key=lambda invoice: invoice[0]):
        returned = number.startswith("C")
        known = bought.setdefault(lines[0].customer, set())
        yield Happened(
            at=at,
            id=number,
            type="order.returned" if returned else "order.placed",
            customer=lines[0].customer,
            subject=number,
            data=_numbers(lines, None if returned else known),
        )
        if not returned:
            known.update(line.product for line in lines)


def _invoices(paths: Sequence[Path]) -> dict[str, list[Line]]:
    """The lines of every invoice with a customer, invoices in the order of their first lines."""
    invoices: dict[str, list[Line]] = {}
    for path in paths:
        earlier = frozenset(invoices)
        for number, product, quantity, date, price, customer, country in read_columns(path, COLUMNS):
            if customer and number not in earlier:
                line = Line(
                    at=int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()),
                    product=product,
                    quantity=abs(int(float(quantity))),
                    price=float(price),
                    customer=customer.removesuffix(".0"),
                    country=country,
                )
                invoices.setdefault(number, []).append(line)
    return invoices


def _numbers(lines: list[Line], known: set[str] | None) -> dict[str, Any]:
    """What the invoice says of itself; with `known` also how many of its products are new to the customer."""
    values = [line.quantity * line.price for line in lines]
    products = {line.product for line in lines}
    largest = max(zip(values, lines, strict=True), key=lambda valued: valued[0])
    return {
        "amount": round(fsum(values), 2),
        "quantity": sum(line.quantity for line in lines),
        "lines": len(lines),
        "products": len(products),
        "new_products": None if known is None else len(products - known),
        "mean_price": round(fsum(line.price for line in lines) / len(lines), 2),
        "largest_line": round(largest[0], 2),
        "largest_quantity": max(line.quantity for line in lines),
        "main_product": largest[1].product,
        "country": lines[0].country,
    }
