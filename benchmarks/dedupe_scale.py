"""De-duplication of 1, 3 and 10 million simulated records: time and memory of everything after the sketches.

    python benchmarks/dedupe_scale.py WORK [--millions 1,3,10] [--workers 2] [--memory 1024]

No text is made. A record is a set of 100 shingle hashes: 7 in 10 stand alone; the others are in clusters whose sizes
follow a power law, and share 60 to 99 % of a common set (1 in 10 of them all of it: exact copies). Signatures, band
keys and sets are made of these with the project's kernels, so that candidates, their exact verification and the
components are what they would be; what is left out is reading texts. Sketches lie in shards of 100,000 records. What
is found is held to what was drawn: no component may join two clusters, and pairs at 0.8 or more should be in one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from measuring import Memory, conditions, cpu_seconds, table

from aigc_data import columns
from aigc_data.dedupe.candidates import find_candidates
from aigc_data.dedupe.index import build_index
from aigc_data.dedupe.outcome import cluster_sizes, components
from aigc_data.dedupe.parts import Numbering, Part
from aigc_data.dedupe.verification import Known, verify
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.jaccard import jaccard_pairs
from aigc_data.kernels.minhash import UNROLL, band_keys, permutations, take_minima
from aigc_data.pool import LocalPool
from aigc_data.recipe import DedupeMeasure
from aigc_data.store import parquet
from aigc_data.text.dedupe.bands import plan

SHINGLES, SHARD = 100, 100_000
ALONE = 0.7


@inlined
def _mixed(x):  # type: ignore[no-untyped-def]
    """splitmix64: a random value of a number, so that a record needs nothing but its own."""
    x = np.uint64(x) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x2545F4914F6CDD1D)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel
def draw(records, cluster, replaced, count, a, b, link, group):  # type: ignore[no-untyped-def]
    """(values uint32[], offsets int64[n + 1], link keys, group keys, sig8) of the `records` (int64[n]).

    Record i has the `count` shingles of `cluster[i]`, but `replaced[i]` of them, one behind the other from a place
    of its own, are its own. Values are sorted and distinct.
    """
    n = len(records)
    values, offsets = np.empty(n * count, np.uint32), np.zeros(n + 1, np.int64)
    link_keys, group_keys = np.empty((n, link[0]), np.uint32), np.empty((n, group[0]), np.uint32)
    sig8, signature = np.empty((n, len(a)), np.uint8), np.empty(len(a), np.uint32)
    own = np.empty(count + UNROLL, np.uint32)
    for row in range(n):
        record = np.uint64(records[row])
        first = np.int64(_mixed(record ^ np.uint64(0xABCDEF)) % np.uint64(count))
        for j in range(count):
            if (j - first) % count < replaced[row]:
                own[j] = np.uint32(
                    _mixed((record << np.uint64(8) | np.uint64(j)) ^ np.uint64(1 << 62)) >> np.uint64(32)
                )
            else:
                own[j] = np.uint32(_mixed(np.uint64(cluster[row]) << np.uint64(8) | np.uint64(j)) >> np.uint64(32))
        ordered = np.sort(own[:count])
        at = offsets[row]
        for j in range(count):
            if j == 0 or ordered[j] != ordered[j - 1]:
                values[at] = ordered[j]
                at += 1
        offsets[row + 1] = at
        take_minima(own, count, a, b, signature)
        band_keys(signature, link[1], link_keys[row])
        band_keys(signature, group[1], group_keys[row])
        for k in range(len(a)):
            sig8[row, k] = np.uint8(signature[k] & np.uint32(255))
    return values[: offsets[n]].copy(), offsets, link_keys, group_keys, sig8


def population(n: int) -> tuple[np.ndarray, np.ndarray]:
    """By record: its cluster (int64[n]) and how many of the cluster's shingles it has replaced (int64[n])."""
    rng = np.random.default_rng(17)
    sizes = np.zeros(0, np.int64)
    while sizes.sum() < n * (1 - ALONE):
        # Density of size ** -2.1 from 2 on, no cluster above a hundredth of all.
        more = (2 * (1 - rng.random(n // 8)) ** (-1 / 1.1)).astype(np.int64)
        sizes = np.concatenate([sizes, np.minimum(more, max(n // 100, 2))])
    sizes = sizes[: np.searchsorted(np.cumsum(sizes), n * (1 - ALONE))]
    members = int(sizes.sum())
    cluster = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.arange(len(sizes), len(sizes) + n - members)])
    similarity = rng.uniform(0.6, 0.99, n)
    # t of m shingles kept is a similarity of t / (2 m - t) to the common set.
    replaced = SHINGLES - np.round(2 * SHINGLES * similarity / (1 + similarity)).astype(np.int64)
    replaced[rng.random(n) < 0.1] = 0
    replaced[members:] = 0
    shuffled = rng.permutation(n)
    return cluster[shuffled], replaced[shuffled]


def generate(folder: Path, n: int) -> None:
    """Sketches in shards, the sets beside them, ids and the truth."""
    params = DedupeMeasure()
    (a, b), (link, group) = permutations(params.permutations, params.seed), plan(params)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "sketch").mkdir(parents=True)
    (folder / "index").mkdir()
    cluster, replaced = population(n)
    np.save(folder / "cluster.npy", cluster)
    np.save(folder / "replaced.npy", replaced)
    ids = np.random.default_rng(18).integers(0, 1 << 63, (n, 2)).astype(np.uint64)
    np.save(folder / "ids.npy", ids)
    for number, start in enumerate(range(0, n, SHARD)):
        rows = np.arange(start, min(start + SHARD, n))
        values, offsets, link_keys, group_keys, sig8 = draw(
            rows, cluster[rows], replaced[rows], SHINGLES, a, b, link[:2], group[:2]
        )
        np.save(folder / "index" / f"part-{number:06d}.values.npy", values)
        np.save(folder / "index" / f"part-{number:06d}.offsets.npy", offsets)
        whole = np.where(replaced[rows] == 0, cluster[rows], rows + (1 << 40)).astype(np.uint64)
        many = np.full(len(rows), SHINGLES, np.int64)
        arrays = [pa.array(whole * np.uint64(0x9E3779B97F4A7C15)), pa.array(whole), pa.array(many + 4), pa.array(many)]
        arrays += [_binary(matrix) for matrix in (link_keys, group_keys, sig8)]
        parquet.write(_sketch(folder, number), pa.table(arrays, schema=columns.DEDUPE_SKETCH), footer={})


def _binary(matrix: np.ndarray) -> pa.Array:
    matrix = np.ascontiguousarray(matrix)
    width = matrix.shape[1] * matrix.itemsize
    offsets = np.arange(len(matrix) + 1, dtype=np.int32) * np.int32(width)
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(matrix), [None, pa.py_buffer(offsets), pa.py_buffer(matrix.tobytes())]
    )


def _sketch(folder: Path, number: int) -> Path:
    return folder / "sketch" / f"{number:06d}.parquet"


def resolve(folder: Path, workers: int, memory: int) -> dict[str, Any]:
    """What the dedupe stage does after the sketches; seconds of each step, and how good what it found is."""
    params = DedupeMeasure()
    link, group = plan(params)
    seconds: dict[str, float] = {}
    driver: dict[str, int] = {}
    begun = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal begun
        seconds[name], begun = time.perf_counter() - begun, time.perf_counter()
        driver[name] = _high_water()

    ids = np.load(folder / "ids.npy")
    n = len(ids)
    numbering = Numbering.of([ids[start : start + SHARD] for start in range(0, n, SHARD)])
    del ids
    lap("number")
    parts = [Part(f"part-{i:06d}", min(SHARD, n - i * SHARD), _sketch(folder, i)) for i in range(-(-n // SHARD))]
    with LocalPool(workers) as pool:

        def track(what: str, function: Callable[[Any], Any], jobs: list[Any]) -> Iterable[Any]:
            return pool.each(function, jobs)

        shape = (link.bands, group.bands, params.permutations)
        index, first = build_index(folder / "index", parts, numbering, 0, shape, params.ngram, track, memory << 20)
        lap("index")
        candidates = find_candidates(index, params, track, memory << 20)
        lap("pairs")
        known = Known(folder / "known.parquet", "scale")
        verdicts = verify(index, parts, candidates, params, known, track, memory << 20)
        lap("verify")
    links = verdicts.where(verdicts.similarity >= np.float32(params.threshold))
    found = components(index, first, links, candidates, params)
    sizes = cluster_sizes(index, numbering.ids, found)
    lap("components")
    np.save(folder / "found.npy", found.cluster[numbering.rank])
    return {
        "seconds": seconds,
        "driver": driver,
        "candidates": sum(c.count for c in candidates),
        "compared": len(verdicts.pairs),
        "links": len(links.pairs),
        "clusters": sizes["clusters"],
    }


def _high_water() -> int:
    """The most memory (bytes, mapped files included) that this process held since the last call."""
    status = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): forgets the peak
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def judge(folder: Path, many: int = 300_000) -> tuple[int, float, int]:
    """(components that join two clusters, recall of drawn pairs at 0.8 or more, their number)."""
    cluster, replaced, found = (np.load(folder / f"{name}.npy") for name in ("cluster", "replaced", "found"))
    order = np.lexsort((cluster, found))
    same = found[order][1:] == found[order][:-1]
    joined = int((same & (cluster[order][1:] != cluster[order][:-1])).sum())
    by_cluster = np.argsort(cluster, kind="stable")
    rng = np.random.default_rng(19)
    near = rng.integers(0, len(cluster) - 1, many * 8)
    step = rng.integers(1, 4, len(near))
    left, right = by_cluster[near], by_cluster[np.minimum(near + step, len(cluster) - 1)]
    mine = np.flatnonzero((cluster[left] == cluster[right]) & (left != right))[:many]
    left, right = left[mine], right[mine]
    params = DedupeMeasure()
    a, b = permutations(params.permutations, params.seed)
    rows, at = np.unique(np.concatenate([left, right]), return_inverse=True)
    values, offsets, *_ = draw(rows, cluster[rows], replaced[rows], SHINGLES, a, b, (1, 1), (1, 1))
    similarity = jaccard_pairs(values, offsets, at[: len(left)], at[len(left) :])
    close = similarity >= params.threshold
    return joined, float((found[left] == found[right])[close].mean()), int(close.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--millions", default="1,3,10")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", type=int, default=1024, help="MB a worker, as `memory_mb` of a recipe")
    parser.add_argument("--resolve", action="store_true", help=argparse.SUPPRESS)  # the measured process
    args = parser.parse_args()
    if args.resolve:
        print(json.dumps(resolve(args.work, args.workers, args.memory)))
        return
    print(conditions(), flush=True)
    print(f"\n{args.workers} workers of {args.memory} MB.\n")
    rows, before = [], None
    for millions in (float(m) for m in args.millions.split(",")):
        n, folder = int(millions * 1e6), args.work / f"scale-{millions:g}"
        started = time.perf_counter()
        generate(folder, n)
        print(f"{millions:g} million drawn in {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
        command = [sys.executable, __file__, str(folder), "--resolve"]
        command += ["--workers", str(args.workers), "--memory", str(args.memory)]
        started, cpu = time.perf_counter(), cpu_seconds()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        with Memory(process.pid) as memory:
            answer, _ = process.communicate()
        wall, cpu = time.perf_counter() - started, cpu_seconds() - cpu
        if process.returncode:
            sys.exit(f"{millions:g} million: ended with {process.returncode}")
        said = json.loads(answer)
        joined, recall, pairs = judge(folder)
        growth = (cpu / before[0]) / (millions / before[1]) if before else None
        before = cpu, millions
        steps = [said["seconds"][name] for name in ("index", "pairs", "verify", "components")]
        scratch = sum(f.stat().st_size for f in (folder / "index").iterdir()) / 1e6
        rows.append(
            [
                f"{millions:g} M",
                *(wall, cpu, growth, *steps),
                *(value / 1e6 for value in (memory.peak, memory.anonymous, memory.alone)),
                *(said["candidates"], said["links"], joined, f"{recall:.4f} of {pairs:,}"),
            ]
        )
        driver = ", ".join(f"{name} {value / 1e6:.0f} MB" for name, value in said["driver"].items())
        print(
            f"{millions:g} million: {wall:.0f} s, scratch {scratch:.0f} MB, {said['compared']:,} compared, "
            f"the driver's peaks: {driver}",
            file=sys.stderr,
            flush=True,
        )
        shutil.rmtree(folder)
    header = [
        "records",
        "wall s",
        "CPU s",
        "÷ linear",
        "index",
        "pairs",
        "verify",
        "components",
        "peak MB",
        "… not mapped files",
    ]
    header += ["… the driver's", "candidates", "links", "joined wrongly", "recall ≥ 0.8"]
    print(table(header, rows))


if __name__ == "__main__":
    main()
