"""Runs a coroutine at once, as far as it comes without waiting. (From Python 3.12 on asyncio has eager tasks.)"""

from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any

Work = Coroutine[Any, Any, object]


def begin(work: Work) -> Work | None:
    """None if it came to its end, else what is left of it. Raises what it raises."""
    try:
        awaited = work.send(None)
    except StopIteration:
        return None
    return _rest(work, awaited)


async def _rest(work: Work, awaited: object) -> object:
    return await _resumed(work, awaited)


@coroutine
def _resumed(work: Work, awaited: object) -> Generator[object, Any, object]:
    """Waits for what it waits for, and hands on to it what comes: a result, an error, or that it is cancelled."""
    resume: Callable[[Any], object]
    while True:
        try:
            given = yield awaited
        except BaseException as error:
            resume, given = work.throw, error
        else:
            resume = work.send
        try:
            awaited = resume(given)
        except StopIteration as end:
            return end.value
