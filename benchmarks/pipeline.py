"""Raw to release: MB/s and peak memory, as a slope between two sizes; the cost of a run without changes and of a
new threshold.

    python benchmarks/pipeline.py DATA WORK [--small 100] [--large 400] [--workers 2]

DATA is a folder of real data (see corpus.py), WORK a scratch folder that is kept: a second call measures on the
same corpora.
The slope (large minus small) leaves out what a run costs whatever its size: interpreter, numba's cache, Great
Expectations.
Memory is the sum of the proportional set sizes (PSS) of the run's processes, looked at ten times a second.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import yaml
from corpus import build

STAGES = ("ingest", "clean", "dedupe", "pii", "license", "quality", "safety", "gate", "augment", "release")


class Peak:
    """The highest PSS of a process and its children while it runs."""

    def __init__(self, pid: int) -> None:
        self.bytes, self._root, self._done = 0, psutil.Process(pid), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            total = 0
            try:
                for process in [self._root, *self._root.children(recursive=True)]:
                    total += process.memory_full_info().pss
            except psutil.Error:
                continue
            self.bytes = max(self.bytes, total)

    def stop(self) -> int:
        """Stop looking; the highest sum seen, in bytes."""
        self._done.set()
        self._thread.join()
        return self.bytes


def timed(*arguments: str) -> tuple[float, int]:
    """(seconds, peak bytes) of an `aigc-data` command; ends the benchmark when it fails."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "aigc_data.cli", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = Peak(process.pid)
    _, error = process.communicate()
    seconds, highest = time.perf_counter() - started, peak.stop()
    if process.returncode:
        sys.exit(f"{' '.join(arguments)} failed: {error.decode()[-2000:]}")
    return seconds, highest


def measure(data: Path, work: Path, megabytes: float, workers: int) -> dict[str, object]:
    """One corpus from nothing: the whole run, each stage's seconds, then a run without changes."""
    if not (work / "params.yaml").is_file():
        print(f"building {megabytes:.0f} MB in {work}", flush=True)
        build(data, work, megabytes)
    for folder in ("data", ".aigc"):
        shutil.rmtree(work / folder, ignore_errors=True)
    run, peak = timed("run", "--workspace", str(work), "--workers", str(workers))
    stages = {
        name: json.loads((work / ".aigc" / "timings" / f"{name}.json").read_text())["seconds"]
        for name in STAGES
        if (work / ".aigc" / "timings" / f"{name}.json").is_file()
    }
    again, _ = timed("run", "--workspace", str(work), "--workers", str(workers))
    base = json.loads((work / "data/base/manifest.json").read_text())
    latest = json.loads((work / "data/releases/manifest.json").read_text())
    raw = sum(source["bytes"] for source in base["sources"].values())
    return {
        "raw": raw / 1e6,
        "text": base["text_bytes"] / 1e6,
        "rows": base["rows"],
        "released": latest["rows"],
        "run": run,
    } | {
        "peak": peak / 1e6,
        "again": again,
        "stages": stages,
    }


def rejudge(work: Path, workers: int) -> float:
    """Seconds of the quality stage after one of its thresholds changed: reasons alone are written."""
    path = work / "params.yaml"
    before = path.read_text()
    recipe = yaml.safe_load(before)
    recipe["quality"] = {"rules": {"en": {"min_tokens": 60}}}
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    try:
        return timed("stage", "quality", "--workspace", str(work), "--workers", str(workers))[0]
    finally:
        path.write_text(before)


def fixed_costs() -> dict[str, float]:
    """Seconds to import what a run needs whatever its size."""
    costs = {}
    for name in ("aigc_data.pipeline", "great_expectations", "prefect"):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {name}"], check=True, capture_output=True)
        costs[name] = time.perf_counter() - started
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--small", type=float, default=100)
    parser.add_argument("--large", type=float, default=400)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    small = measure(args.data, args.work / f"{args.small:.0f}", args.small, args.workers)
    large = measure(args.data, args.work / f"{args.large:.0f}", args.large, args.workers)
    more = large["raw"] - small["raw"]
    print(f"{'':14s}{'small':>10s}{'large':>10s}")
    for name, unit in (
        ("raw", "MB"),
        ("text", "MB"),
        ("rows", ""),
        ("released", "rows"),
        ("run", "s"),
        ("again", "s"),
        ("peak", "MB"),
    ):
        print(f"{name + ' ' + unit:14s}{small[name]:10.1f}{large[name]:10.1f}")
    print(f"\nslope {more / (large['run'] - small['run']):.1f} MB/s of raw input on {args.workers} workers")
    for name in STAGES:
        if name in large["stages"] and name in small["stages"]:
            seconds = large["stages"][name] - small["stages"][name]
            rate = f"{more / seconds:8.1f} MB/s" if seconds > 0.05 else "        –"
            print(f"  {name:10s} {small['stages'][name]:7.1f} s {large['stages'][name]:7.1f} s {rate}")
    print(f"\na new threshold, quality stage: {rejudge(args.work / f'{args.large:.0f}', args.workers):.1f} s")
    for name, seconds in fixed_costs().items():
        print(f"import {name}: {seconds:.1f} s")


if __name__ == "__main__":
    main()
