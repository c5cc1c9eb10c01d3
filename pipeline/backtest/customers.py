"""What a backtest keeps of every customer: a number, and when it was first seen."""

from array import array

from forestall.pipeline.core.catalogue.declaration import DAY

#: A customer is new for so long.
NEW = 30 * DAY


class Customers:
    """Customers by the order in which they were first seen."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._first = array("q")

    def __len__(self) -> int:
        return len(self._numbers)

    def seen(self, customer: str, ms: int) -> None:
        """An event of the customer at `ms` (epoch ms)."""
        if customer not in self._numbers:
            self._numbers[customer] = len(self._numbers)
            self._first.append(ms)

    def number(self, customer: str) -> int:
        """The customer's number, counted from 0; -1 for one of whom no event was seen."""
        return self._numbers.get(customer, -1)

    def is_new(self, number: int, asked: int) -> bool:
        """Whether the customer had been known for less than 30 days then."""
        return number < 0 or asked - self._first[number] < NEW


class LastAsked:
    """When each customer was last asked about, of one problem; by the customers' numbers."""

    def __init__(self) -> None:
        self._asked = array("q")

    def put(self, number: int, asked: int) -> None:
        """A question about a customer, at `asked` (epoch ms)."""
        if number < 0:
            return
        if number >= len(self._asked):
            self._asked.extend([-1] * (number + 1 - len(self._asked)))
        self._asked[number] = max(self._asked[number], asked)

    def since(self, ms: int) -> int:
        """How many customers were asked about since then."""
        return sum(asked >= ms for asked in self._asked)
