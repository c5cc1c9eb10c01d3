"""Answers of servers to who may have stopped waiting."""

import asyncio
from typing import Any


def answer(future: asyncio.Future[Any], result: Any) -> None:
    """Gives the result, where somebody waits."""
    if not future.done():
        future.set_result(result)


def refuse(future: asyncio.Future[Any], error: Exception) -> None:
    """Gives the error, where somebody waits."""
    if not future.done():
        future.set_exception(error)
