"""The one way in which the core compiles a function."""

import functools
import importlib
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

try:
    numba: Any = importlib.import_module("numba")  # it ships no types
except ImportError:  # some platforms have no wheel: the functions run as plain Python, with the same results
    numba = None


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles a function over arrays and numbers; its plain-Python twin stays as `.py_func`.

    No fast-math, so nothing is reordered or fused: a kernel gives the same bits everywhere, and its twin's.
    Write no `**`, no libm function (`math.exp`, `np.log`) and no BLAS call (`@`, `np.dot`) in one.
    The cache knows only the kernel's own file: after editing a kernel that others call, clear `__pycache__`.
    """
    if numba is None or numba.config.DISABLE_JIT:
        return _plain(function)
    try:
        compiled: Callable[P, R] = numba.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # no folder to cache in can be written: compile in each process
        compiled = numba.njit(error_model="numpy")(function)
    return compiled


def _plain(function: Callable[P, R]) -> Callable[P, R]:
    """The function uncompiled, but returning Python's own numbers as a compiled one does, not numpy's."""

    @functools.wraps(function)
    def plain(*args: P.args, **kwargs: P.kwargs) -> R:
        result: R = _native(function(*args, **kwargs))
        return result

    return plain


def _native(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(_native(part) for part in result)
    return result.item() if isinstance(result, np.generic) else result
