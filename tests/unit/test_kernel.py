"""Kernels run wherever numba can cache, wherever it cannot, and without it."""

from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
import pytest

from forestall.pipeline.core.models import kernel as module
from forestall.pipeline.core.models.kernel import kernel


def twice(x: float) -> float:
    """A kernel to be."""
    return x + x


def test_without_a_folder_to_cache_in_a_kernel_is_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """numba raises where no cache folder can be written; the kernel then compiles in each process."""

    def njit(**options: Any) -> Any:
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(**options)

    monkeypatch.setattr(module, "numba", SimpleNamespace(njit=njit, config=numba.config))
    compiled = kernel(twice)
    assert compiled(1.5) == 3.0
    assert compiled is not twice


def test_without_numba_a_kernel_gives_pythons_own_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numba has no wheel the functions run uncompiled; what they return can be encoded all the same."""
    monkeypatch.setattr(module, "numba", None)
    assert type(kernel(twice)(np.float64(1.5))) is float
    parts = kernel(lambda x: (x, x > 0))(np.float64(1.5))
    assert [type(part) for part in parts] == [float, bool]


def test_no_kernel_may_reorder_or_fuse_operations() -> None:
    """Kernels are compiled without fast-math, or their bits would vary by machine."""
    options = kernel(twice).targetoptions  # type: ignore[attr-defined]  # numba's dispatcher has it
    assert not options.get("fastmath", False)
    assert not options.get("parallel", False)
