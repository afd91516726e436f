"""The one place that says how kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from aigc_data.kernels.cache import KernelCache

#: nogil: threads may run kernels side by side. boundscheck stays off in production; `NUMBA_BOUNDSCHECK=1` turns it on
#: for a test run.
OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": False}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` in nopython mode with the package's options."""
    return _cached(numba.njit(**OPTIONS)(function))


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for small functions that kernels call in their inner loop."""
    return _cached(numba.njit(**OPTIONS, inline="never", forceinline=True)(function))


def _cached(dispatcher: Any) -> Callable[..., Any]:
    """The second process does not compile again. `cache=True` would do this with numba's own stamp: see `cache`."""
    dispatcher._cache = KernelCache(dispatcher.py_func)
    compiled: Callable[..., Any] = dispatcher
    return compiled
