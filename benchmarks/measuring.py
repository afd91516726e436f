"""What the de-duplication benchmarks share: a run's conditions, Markdown tables, peers in their own environments."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from pipeline import Peak

PEERS = Path(__file__).parent / "peers"
_LIBRARIES = ("numba", "numpy", "pyarrow", "polars", "datasketch")


def conditions() -> str:
    """One line on the machine, its load at this moment, and the versions."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    versions = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"_{time.strftime('%Y-%m-%d %H:%M')} UTC, {len(os.sched_getaffinity(0))} cores ({model}), load {load} as it "
        f"began; Python {platform.python_version()}, {versions}._"
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; floats keep three significant digits."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "**no**"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        if value != value:
            return "–"
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
    return str(value)


def cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Used:
    """Wall and CPU seconds and the peak PSS (processes and children) of a `with` block."""

    wall: float
    cpu: float
    peak: int

    def __enter__(self) -> Used:
        self._peak = Peak(os.getpid())
        self._cpu, self._wall = cpu_seconds(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self._wall, cpu_seconds() - self._cpu
        self.peak = self._peak.stop()


class Memory:
    """Peaks of a process and its children while a `with` block runs, in bytes: PSS in all, PSS without the pages of
    mapped files (`anonymous`), and that of the process without its children (`alone`). Looked at ten times a second."""

    def __init__(self, pid: int) -> None:
        self.peak = self.anonymous = self.alone = 0
        self._root, self._done = psutil.Process(pid), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            try:
                pids = [self._root.pid, *(child.pid for child in self._root.children(recursive=True))]
                found = [_rollup(pid) for pid in pids]
            except (psutil.Error, OSError):
                continue
            self.peak = max(self.peak, sum(f["Pss"] for f in found))
            self.anonymous = max(self.anonymous, sum(f["Pss_Anon"] for f in found))
            self.alone = max(self.alone, found[0]["Pss_Anon"])


def _rollup(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}


def best_of(times: int, *works: Callable[[], object]) -> list[tuple[float, float]]:
    """(wall, CPU) seconds of the quickest go of each work, taken in turns: the other goes waited for somebody."""
    best = [(float("inf"), float("inf"))] * len(works)
    for _ in range(times):
        for place, work in enumerate(works):
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            best[place] = min(best[place], (time.perf_counter() - wall, time.process_time() - cpu))
    return best


def python_of(environments: Path | None, peer: str) -> Path | None:
    """The interpreter of a peer's environment (see peers/make.sh), None when it was not made."""
    path = environments / peer / "bin" / "python" if environments else None
    return path if path and path.is_file() else None


def run_peer(python: Path, peer: str, texts: Sequence[str], *options: str) -> dict[str, Any]:
    """What a peer's script says of these texts: cluster and kept row for row, seconds, versions, settings.

    The script gets a Parquet file (id, text) and writes JSON. It ends the benchmark when it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "texts.parquet", Path(folder) / "found.json"
        ids = [f"{row:08d}" for row in range(len(texts))]
        pq.write_table(pa.table({"id": ids, "text": pa.array(texts, pa.large_string())}), source)
        command = [str(python), str(PEERS / f"run_{peer.replace('-', '_')}.py"), str(source), str(target), *options]
        alone = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        # A folder of its own: text-dedup leaves a cache beside itself.
        process = subprocess.run(command, env=os.environ | alone, cwd=folder, capture_output=True, text=True)
        if process.returncode:
            sys.exit(f"{peer} failed:\n{process.stderr[-3000:]}")
        return json.loads(target.read_text())  # type: ignore[no-any-return]


def megabytes(texts: Iterable[str]) -> float:
    """UTF-8 size of the texts, in 10^6 bytes."""
    return sum(len(text.encode("utf-8", "replace")) for text in texts) / 1e6
