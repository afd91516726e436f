"""The digest of a stage's code: its module, what that imports inside the package, and the versions of its libraries.

The recipe's models are left out: the values they read enter every key as parameters, and a reworded description must
not re-run a terabyte.
The runner and the pool are left out too: they decide when a shard is made and where, never what is in it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from aigc_data.errors import StageError
from aigc_data.hashing import digest_of

_PACKAGE = Path(__file__).parent
_LEFT_OUT = {"aigc_data.recipe", "aigc_data.runner", "aigc_data.pool", "aigc_data.codedigest"}


@cache
def code_digest(module: str, libraries: tuple[str, ...]) -> str:
    """SHA-256 over the sources of `module` and of its transitive imports in aigc_data, and the libraries' versions."""
    sources = {name: _source_digest(name) for name in sorted(modules_of(module))}
    return digest_of({"modules": sources, "libraries": library_versions(libraries)})


def library_versions(libraries: Iterable[str]) -> dict[str, str]:
    """The installed version of each distribution; raises StageError for one that is missing."""
    found = {}
    for name in sorted(libraries):
        try:
            found[name] = version(name)
        except PackageNotFoundError as error:
            raise StageError(
                f"{name} is not installed", expected="it for this recipe", do=f"pip install {name}"
            ) from error
    return found


@cache
def modules_of(module: str) -> frozenset[str]:
    """`module` and every module of the package that it imports, directly or not, at the top level or inside
    functions."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or name in _LEFT_OUT:
            continue
        seen.add(name)
        parent = name.rpartition(".")[0]
        waiting += [*_imports(name), *([parent] if parent != "aigc_data" else [])]
    return frozenset(seen)


@cache
def _imports(module: str) -> tuple[str, ...]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(_path(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return tuple(sorted(n for n in found if n.startswith("aigc_data.") and _exists(n)))


def _path(module: str) -> Path:
    relative = Path(*module.split(".")[1:])
    package = _PACKAGE / relative / "__init__.py"
    return package if package.is_file() else _PACKAGE / relative.with_suffix(".py")


def _exists(module: str) -> bool:
    return _path(module).is_file()


@cache
def _source_digest(module: str) -> str:
    h = hashlib.sha256(_path(module).read_bytes())
    # Tables that ship with a package of modules decide its results as much as its code does.
    if _path(module).name == "__init__.py":
        for data in sorted((_path(module).parent / "data").glob("*")):
            if data.is_file():
                h.update(data.name.encode() + hashlib.sha256(data.read_bytes()).digest())
    return h.hexdigest()
