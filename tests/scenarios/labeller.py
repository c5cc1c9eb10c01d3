"""Labels questions over a file of events straight from a problem's declaration: the reference for the core.

All events are in memory and every answer is looked up, where the core streams; nothing is shared but the
declaration. The rules are those of the problem's meaning:

- `happens`: yes if an event comes strictly later than the asking one in time, and at most `within` later.
- `answered`: the first event later in order; it may bear the same time.
- `keep = "last per day"`: of a customer's questions of one UTC day the last in order stands.
- A horizon that reaches beyond the file's end leaves a question without a yes open.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from forestall.pipeline.core.catalogue.declaration import DAY, Answered, Happens, Problem
from forestall.schemas.event import Event

#: Whom an answer must be about: the customer, and the subject or none.
Whom = tuple[str, str | None]


class Labelled(NamedTuple):
    """A question and its answer; `asked` is epoch milliseconds, `y` None while unknown."""

    customer: str
    asked: int
    y: int | None


def label(problem: Problem, events: Sequence[Event]) -> list[Labelled]:
    """All questions of `problem` over `events`, which are in the order in which they count."""
    asked = [index for index, event in enumerate(events) if _asks(problem, event)]
    if problem.ask.keep == "last per day":
        asked = list({(events[i].customer, _ms(events[i]) // DAY): i for i in asked}.values())
    if problem.happens is not None:
        return list(_within(problem.happens, events, asked))
    assert problem.answered is not None
    return list(_at_the_end(problem.answered, events, asked))


def _asks(problem: Problem, event: Event) -> bool:
    ask = problem.ask
    return event.type in ask.on and (ask.where is None or ask.where.test(event))


def _within(happens: Happens, events: Sequence[Event], asked: Sequence[int]) -> Iterator[Labelled]:
    times: dict[Whom, list[int]] = defaultdict(list)
    for event in events:
        if event.type in happens.on and (happens.where is None or happens.where.test(event)):
            times[_whom(happens, event)].append(_ms(event))
    end = _ms(events[-1])
    for index in asked:
        event, at = events[index], _ms(events[index])
        theirs = times[_whom(happens, event)]
        later = bisect_right(theirs, at)
        came = later < len(theirs) and theirs[later] <= at + happens.within
        known = came or at + happens.within <= end
        yield Labelled(str(event.customer), at, int(came != happens.negated) if known else None)


def _at_the_end(answered: Answered, events: Sequence[Event], asked: Sequence[int]) -> Iterator[Labelled]:
    answers: dict[Whom, list[int]] = defaultdict(list)
    for index, event in enumerate(events):
        if event.type in answered.on:
            answers[_whom(answered, event)].append(index)
    for index in asked:
        event = events[index]
        theirs = answers[_whom(answered, event)]
        later = bisect_right(theirs, index)
        y = int(answered.yes.test(events[theirs[later]])) if later < len(theirs) else None
        yield Labelled(str(event.customer), _ms(event), y)


def _whom(end: Happens | Answered, event: Event) -> Whom:
    return str(event.customer), event.subject if end.same == "subject" else None


def _ms(event: Event) -> int:
    return round(event.time.timestamp() * 1000)
