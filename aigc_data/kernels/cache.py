"""Where compiled kernels are kept, and when they are stale.

numba compiles what a kernel calls into it, and takes it for fresh as long as the kernel's own file is as it was: a
change in a file that it imports from would go unseen. Here the stamp is over all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)

from aigc_data.codedigest import code_digest

_PACKAGE = "aigc_data.kernels."


class _Stamped:
    """A locator whose stamp is over the sources of the function's module and of all that this imports."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        super().__init__(function, file)  # type: ignore[call-arg]
        self._module = function.__module__

    def get_source_stamp(self) -> Any:
        """numba compares it with the one that a compiled function was stored with."""
        own = super().get_source_stamp()  # type: ignore[misc]
        return (own, code_digest(self._module, ())) if self._module.startswith(_PACKAGE) else own


class _Provided(_Stamped, UserProvidedCacheLocator):
    pass


class _InTree(_Stamped, InTreeCacheLocator):
    pass


class _UserWide(_Stamped, UserWideCacheLocator):
    pass


class _Impl(CompileResultCacheImpl):
    # numba's own order: NUMBA_CACHE_DIR, __pycache__ beside the source, the user's cache folder.
    _locator_classes = [_Provided, _InTree, _UserWide]  # noqa: RUF012


class KernelCache(FunctionCache):
    """numba's cache of one function, with the stamp above."""

    _impl_class = _Impl
