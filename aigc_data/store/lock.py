"""One run at a time in a workspace: two would delete each other's unfinished files."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from aigc_data.errors import StageError
from aigc_data.store.workspace import Workspace

_held: dict[str, int] = {}


@contextmanager
def hold(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace for this process; may be nested. The system lets go when the process ends, however it ends.

    Raises StageError at once when another process holds it.
    """
    name = str(workspace.root.resolve())
    if _held.get(name):
        _held[name] += 1
        try:
            yield
        finally:
            _held[name] -= 1
        return
    workspace.private.mkdir(parents=True, exist_ok=True)
    path = workspace.private / "lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise StageError(
                f"another run holds {workspace.root} (process {file.read().strip() or 'unknown'})",
                expected="one run at a time",
                do="wait for it to end, or end it",
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        _held[name] = 1
        try:
            yield
        finally:
            del _held[name]
