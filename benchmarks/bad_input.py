"""Read every file of a folder of bad input: `python benchmarks/bad_input.py FOLDER [FOLDER …] [--all]`.

Prints a table: file, format, rows, lost, reasons, seconds, peak MB. Archives are unpacked below a temporary
folder through tarfile's data filter. Each file is read in a process of its own with a time limit; the exit
code is 1 when one raised, hung, gave neither rows nor losses, or took 2 GB. Without --all only the formats'
sums and the offenders are printed.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import multiprocessing
import multiprocessing.connection
import resource
import sys
import tarfile
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aigc_data.recipe import Source
from aigc_data.sources import list_inputs, read_file

SECONDS = 120
#: Fuzzers and test suites name files without a suffix: the folder says what they mean to be.
FOLDERS = {
    "csv/fuzzing": "csv",
    "parquet/": "parquet",
    "bad_data": "parquet",
    "test_parsing": "jsonl",
    "test_transform": "jsonl",
}


def main() -> int:
    """Read everything below the folders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--all", action="store_true")
    args = parser.parse_args()
    offenders, sums = 0, Counter[tuple[str, str]]()
    with tempfile.TemporaryDirectory() as work:
        for path in (p for folder in args.folders for p in files(folder, Path(work))):
            result = run(path)
            bad = result["error"] or result["peak"] > 2000 or not (result["rows"] or result["lost"])
            offenders += bool(bad)
            kind = result["format"]
            sums[kind, "files"] += 1
            sums[kind, "rows"] += result["rows"]
            sums[kind, "lost"] += result["lost"]
            if args.all or bad:
                reasons = " ".join(f"{n}×{r}" for r, n in sorted(result["reasons"].items()))
                name = "/".join(path.parts[-3:])
                cost = f"{result['seconds']:6.2f} s {result['peak']:5.0f} MB"
                counts = f"{kind:8} {result['rows']:7} {result['lost']:5} {reasons:40}"
                print(f"{'!! ' if bad else ''}{name:70.70} {counts} {cost} {result['error']}", flush=True)
    for kind in sorted({k for k, _ in sums}):
        print(f"{kind:9} {sums[kind, 'files']:5} files {sums[kind, 'rows']:9} rows {sums[kind, 'lost']:6} lost")
    print(f"offenders: {offenders}")
    return 1 if offenders else 0


def files(folder: Path, work: Path) -> list[Path]:
    """All files below `folder`, those inside its archives included."""
    found: list[Path] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if path.name.endswith((".tar.gz", ".tar.xz")):
            target = work / path.name
            target.mkdir()
            with tarfile.open(path) as archive:
                archive.extractall(target, filter="data")
            found += sorted(p for p in target.rglob("*") if p.is_file())
        else:
            found.append(path)
    return found


def run(path: Path) -> dict:
    """Read one file in a process of its own."""
    parent, child = multiprocessing.get_context("fork").Pipe()
    process = multiprocessing.get_context("fork").Process(target=read, args=(path, child))
    start = time.perf_counter()
    process.start()
    child.close()
    empty = {"format": "?", "rows": 0, "lost": 0, "reasons": {}, "peak": 0.0}
    if not parent.poll(SECONDS):
        process.kill()
        result = {**empty, "error": "hangs"}
    else:
        try:
            result = parent.recv()
        except EOFError:
            result = {**empty, "error": "crashed"}
    process.join()
    return {**result, "seconds": time.perf_counter() - start}


def read(path: Path, answer: multiprocessing.connection.Connection) -> None:
    """Read one file and answer with what came of it."""
    rows, reasons, error = 0, Counter[str](), ""
    source = source_of(path)
    kind: str = source.format
    try:
        for file in list_inputs(source, path.parent):
            kind = file.format
            for chunk in read_file(file, source, max_record_bytes=16 << 20, chunk_bytes=4 << 20):
                chunk.rows.validate(full=True)
                rows += chunk.rows.num_rows
                reasons.update(lost.reason for lost in chunk.lost)
    except BaseException:  # noqa: BLE001 - whatever it is, the table has to name it
        error = traceback.format_exc().strip().splitlines()[-1]
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    counts = {"rows": rows, "lost": reasons.total(), "reasons": dict(reasons)}
    answer.send({**counts, "format": kind, "peak": max(peaks) / 1000, "error": error})


def source_of(path: Path) -> Source:
    """A source whose format and text column fit the file as far as can be seen."""
    kind = next((k for part, k in FOLDERS.items() if part in path.as_posix()), "auto")
    text = "text"
    if kind == "parquet" or path.suffix == ".parquet":
        try:
            fields = pq.read_schema(path)
            strings = [f.name for f in fields if pa.types.is_string(f.type) or pa.types.is_binary(f.type)]
            text = next(iter(strings), "text")
        except (pa.ArrowException, OSError, KeyError, ValueError):
            pass
    elif kind == "csv" or path.suffix == ".csv":
        with contextlib.suppress(IndexError, StopIteration, csv.Error):
            text = next(iter(csv.reader([path.read_text("utf-8-sig", "replace").splitlines()[0]])))[0]
    return Source.model_validate({"name": "bad", "path": str(path), "format": kind, "text": text or "text"})


if __name__ == "__main__":
    sys.exit(main())
