"""HOW to go over shards: `each(function, jobs)` yields results in the order of jobs. Builtin `map` is the serial one.

Workers are spawned, never forked (polars hangs after a fork), hold one thread each for polars and Arrow, and die
with their
parent: an orphan that writes on would race the next run.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from types import TracebackType
from typing import Any, Protocol, TypeVar

from aigc_data.errors import StageError

Job = TypeVar("Job")
Result = TypeVar("Result")

_PR_SET_PDEATHSIG = 1


class Each(Protocol):
    """The only seam between one core, a pool and a cluster engine."""

    def __call__(self, function: Callable[[Job], Result], jobs: Iterable[Job], /) -> Iterator[Result]:
        """Apply a module-level function to every job; results come in the order of jobs."""


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalPool:
    """A pool of spawned processes, started at the first job that needs it; one worker means this process itself."""

    def __init__(self, workers: int = 0) -> None:
        self.workers = workers or cores()
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> LocalPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers; the next call of `each` starts them anew."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None

    def each(self, function: Callable[[Any], Any], jobs: Iterable[Any], /) -> Iterator[Any]:
        """`Each`; raises StageError when a worker was killed."""
        todo = list(jobs)
        if self.workers == 1 or len(todo) < 2:
            yield from map(function, todo)
            return
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                self.workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start_worker,
                initargs=(os.getpid(),),
            )
        try:
            yield from self._executor.map(partial(_tidily, function), todo)
        except BrokenProcessPool as error:
            self._executor = None
            raise StageError(
                "a worker process ended without a result",
                expected="it to finish its shard",
                do="look for an out-of-memory kill, lower `workers` or `ingest.shard_text_bytes`, and run again: "
                "finished shards are kept",
            ) from error


def _tidily(function: Callable[[Any], Any], job: Any) -> Any:
    """Give back to the system what a shard needed: workers live as long as a run, and idle memory counts like any
    other."""
    import pyarrow as pa

    try:
        return function(job)
    finally:
        pa.default_memory_pool().release_unused()


def _start_worker(parent: int) -> None:
    os.environ["POLARS_MAX_THREADS"] = "1"
    os.environ["OMP_NUM_THREADS"] = "1"
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before the call above took hold
            os._exit(1)
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
