"""The one place that says how kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

#: nogil: threads may run kernels side by side. cache: the second process does not compile again.
#: boundscheck stays off in production; `NUMBA_BOUNDSCHECK=1` turns it on for a test run.
OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "fastmath": False}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` in nopython mode with the package's options."""
    return numba.njit(**OPTIONS)(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for small functions that kernels call in their inner loop."""
    return numba.njit(**OPTIONS, inline="never", forceinline=True)(function)
