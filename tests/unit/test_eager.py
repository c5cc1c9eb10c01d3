"""A coroutine begun at once: what waits for nothing is over, the rest goes on in whatever task awaits it."""

import asyncio

import pytest

from forestall.agents.eager import begin


async def test_what_waits_for_nothing_is_over_at_once() -> None:
    """No other task runs in between."""
    ran: list[str] = []

    async def work() -> None:
        ran.append("work")

    asyncio.get_running_loop().call_soon(ran.append, "loop")
    assert begin(work()) is None
    assert ran == ["work"]


async def test_the_rest_of_what_waits_goes_on_in_another_task() -> None:
    """As often as it waits; its result comes out in the end."""
    gates = [asyncio.Event(), asyncio.Event()]

    async def work() -> str:
        for gate in gates:
            await gate.wait()
            await asyncio.sleep(0)
        return "done"

    rest = begin(work())
    assert rest is not None
    task = asyncio.create_task(rest)
    for gate in gates:
        await asyncio.sleep(0.01)
        assert not task.done()
        gate.set()
    assert await task == "done"


async def test_what_it_waited_for_may_be_there_already() -> None:
    """Before anybody awaits the rest."""
    gate = asyncio.Event()
    rest = begin(gate.wait())
    gate.set()
    await asyncio.sleep(0)
    assert rest is not None
    assert await rest is True


async def test_its_errors_come_out() -> None:
    """Of the first part at once, of the rest where that is awaited."""

    async def fails(wait: float | None) -> None:
        if wait is not None:
            await asyncio.sleep(wait)
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        begin(fails(None))
    rest = begin(fails(0))
    assert rest is not None
    with pytest.raises(ValueError, match="ours"):
        await rest


async def test_the_rest_hears_that_it_is_cancelled() -> None:
    """And may clean up."""
    heard: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    rest = begin(work())
    assert rest is not None
    task = asyncio.create_task(rest)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard == ["cancelled"]
