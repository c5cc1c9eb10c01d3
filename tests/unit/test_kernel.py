"""Kernels run wherever numba can cache, wherever it cannot, and without it."""

from types import SimpleNamespace
from typing import Any

import numba
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

    monkeypatch.setattr(module, "numba", SimpleNamespace(njit=njit))
    compiled = kernel(twice)
    assert compiled(1.5) == 3.0
    assert compiled is not twice


def test_without_numba_a_kernel_is_its_plain_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numba has no wheel the functions run uncompiled."""
    monkeypatch.setattr(module, "numba", None)
    assert kernel(twice) is twice


def test_no_kernel_may_reorder_or_fuse_operations() -> None:
    """Kernels are compiled without fast-math, or their bits would vary by machine."""
    options = kernel(twice).targetoptions  # type: ignore[attr-defined]  # numba's dispatcher has it
    assert not options.get("fastmath", False)
    assert not options.get("parallel", False)
