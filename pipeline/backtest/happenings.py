"""How often the problem came to each customer in the last 30 days: all that the simplest rule knows."""

from bisect import bisect_left, insort
from collections.abc import Callable

from forestall.pipeline.core.catalogue.declaration import DAY, Problem
from forestall.schemas.event import Event

SPAN = 30 * DAY
_PRUNE = 8


class Happenings:
    """The moments (epoch ms) at which events of one problem came, by customer: those of what `happens`, or of what
    ended as `answered` with yes. They are kept for as long as a question that they precede can be open."""

    def __init__(self, problem: Problem) -> None:
        happens, answered = problem.happens, problem.answered
        self._test: Callable[[Event], bool] | None = None
        if happens is not None:
            self.types = happens.on
            self._keep = SPAN + happens.within + problem.grace
            self._test = happens.where.test if happens.where is not None else None
        else:
            assert answered is not None
            self.types = answered.on
            self._keep = SPAN + answered.give_up
            self._test = answered.yes.test
        self._moments: dict[str, list[int]] = {}
        self._sweep_at = 4_096

    def take(self, customer: str, event: Event, ms: int) -> None:
        """An event of one of `types`."""
        if self._test is not None and not self._test(event):
            return
        moments = self._moments.setdefault(customer, [])
        if moments and ms < moments[-1]:
            insort(moments, ms)
        else:
            moments.append(ms)
        if len(moments) > _PRUNE and moments[0] < ms - self._keep:
            del moments[: bisect_left(moments, ms - self._keep)]
        if len(self._moments) > self._sweep_at:
            self._sweep(ms)

    def before(self, customer: str, asked: int) -> int:
        """How many there were in the 30 days before `asked`."""
        moments = self._moments.get(customer)
        return bisect_left(moments, asked) - bisect_left(moments, asked - SPAN) if moments else 0

    def _sweep(self, ms: int) -> None:
        self._moments = {c: moments for c, moments in self._moments.items() if moments[-1] >= ms - self._keep}
        self._sweep_at = max(4_096, 2 * len(self._moments))
