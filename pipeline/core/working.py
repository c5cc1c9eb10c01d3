"""The working set: loaded documents, what has changed, and the window of due times. Bounded by eviction."""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush, nsmallest
from itertools import islice

from forestall.pipeline.core.customer import Customer

#: Keys of customers' documents are this and the customer's id.
CUSTOMER = "c/"
#: Due times kept in memory; more than a commit may use up, so that every reload brings new ones.
DUE_LIMIT = 20_000


class DueWindow:
    """The earliest due times, in (ms, key) order: those before `limit` are all here; later ones are in the store.

    One due time a key. A heap with lazy deletion: `at` is what counts.
    """

    def __init__(self) -> None:
        self.at: dict[str, int] = {}
        self.heap: list[tuple[int, str]] = []
        self.limit: tuple[int, str] | None = (0, "")

    def admit(
        self, window: Sequence[tuple[int, str]], complete: bool, changed: Mapping[str, int | None]
    ) -> None:
        """Takes the store's first due times; `changed` are later changes that the store does not have yet."""
        self.limit = None if complete or not window else window[-1]
        self.at = {key: ms for ms, key in window if key not in changed}
        self.at.update((key, ms) for key, ms in changed.items() if ms is not None and self._holds(ms, key))
        self.heap = [(ms, key) for key, ms in self.at.items()]
        heapify(self.heap)

    def set(self, key: str, ms: int | None) -> None:
        """A key's due time changed."""
        if ms is None or not self._holds(ms, key):
            self.at.pop(key, None)
        elif self.at.get(key) != ms:
            self.at[key] = ms
            heappush(self.heap, (ms, key))

    def first(self) -> tuple[int, str] | None:
        """The earliest due time in the window."""
        heap, at = self.heap, self.at
        while heap and at.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0] if heap else None

    def reaches(self, ms: int) -> bool:
        """Whether every due time before `ms` is in the window."""
        return self.limit is None or self.limit[0] >= ms

    def unknown(self) -> bool:
        """Whether due times are in the store and none is here."""
        return self.limit is not None and self.first() is None

    def clear_before(self, ms: int) -> bool:
        """Whether one look tells that nothing is due before `ms`; an entry that no longer counts may hide it."""
        return (not self.heap or self.heap[0][0] >= ms) and self.reaches(ms)

    def before(self, ms: int, most: int) -> list[str]:
        """Keys due before `ms`, the earliest, at most `most`: a walk of the heap's top. Loaded in another order than
        they fall due, each of many would be asked for again, alone."""
        heap, at, end = self.heap, self.at, len(self.heap)
        found: list[tuple[int, str]] = []
        places = [0] if heap else []
        while places:
            place = places.pop()
            due, key = heap[place]
            if due < ms:
                if at.get(key) == due:
                    found.append((due, key))
                places += range(2 * place + 1, min(2 * place + 3, end))
        return [key for _, key in (found if len(found) <= most else nsmallest(most, found))]

    def trim(self, most: int) -> None:
        """Keeps the earliest `most` and leaves the later ones to the store."""
        if len(self.at) > 2 * most:
            kept = nsmallest(most, ((ms, key) for key, ms in self.at.items()))
            self.limit = kept[-1]
            self.at = {key: ms for ms, key in kept}
            self.heap = kept

    def _holds(self, ms: int, key: str) -> bool:
        return self.limit is None or (ms, key) <= self.limit


class WorkingSet:
    """Customers in memory (None: there is no such customer yet), least recently used first, and what changed."""

    def __init__(self) -> None:
        self.customers: dict[str, Customer | None] = {}
        self.changed: set[str] = set()
        self.due_changed: dict[str, int | None] = {}
        self.due = DueWindow()
        self._dues: dict[str, int | None] = {}

    def missing(self, keys: Iterable[str]) -> frozenset[str]:
        """Those of the keys that are not loaded."""
        return frozenset(keys).difference(self.customers)

    def counted(self, key: str, customer: Customer) -> None:
        """An event of the customer was counted, and nothing else has changed: to be written."""
        self.customers.pop(key, None)
        self.customers[key] = customer
        self.changed.add(key)

    def touch(self, key: str, customer: Customer) -> None:
        """Anything of the customer may have changed: to be written, with its next due time."""
        self.counted(key, customer)
        customer.packed_told = None
        next_due = customer.next_due()
        if self._dues.get(key) != next_due:
            self._dues[key] = next_due
            self.due_changed[key] = next_due
            self.due.set(key, next_due)

    def loaded(self, key: str, customer: Customer | None) -> None:
        """Takes a customer as the store has it."""
        self.customers[key] = customer
        self._dues[key] = customer.next_due() if customer is not None else None

    def committed(self, limit: int) -> None:
        """Nothing is pending; evicts the least recently used customers above `limit`."""
        self.changed.clear()
        self.due_changed.clear()
        excess = len(self.customers) - limit
        self.due.trim(DUE_LIMIT)
        if excess > 0:
            for key in list(islice(self.customers, excess)):
                del self.customers[key]
                del self._dues[key]
