"""De-duplication: the speed of signatures, and Parquet to verdicts beside the peers; ratios in one run.

    python benchmarks/dedupe.py DATA WORK [--peers DIR] [--megabytes 100] [--slice 6] [--only signatures,end]

DATA is a folder of real data (see corpus.py), WORK a scratch folder that is kept, DIR the peers' environments (see
peers/make.sh); without it ours is measured alone. Tables are Markdown. benchmarks/dedupe_quality.py,
dedupe_adversarial.py and dedupe_scale.py measure the rest.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import datasketch
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from corpus import build, real_documents
from measuring import Used, best_of, conditions, python_of, run_peer, table

from aigc_data.kernels import codepoints
from aigc_data.kernels.minhash import permutations, signatures
from aigc_data.kernels.shingles import shingle_rows
from aigc_data.pipeline import open_workspace, run_stage
from aigc_data.pool import LocalPool
from aigc_data.recipe import DedupeMeasure
from aigc_data.store import parquet
from aigc_data.text.arrow import text_buffers
from aigc_data.text.dedupe.election import compare
from aigc_data.text.dedupe.sketch import sketch

CHUNKS = 16


def texts_of(work: Path, kind: str, megabytes: float) -> pa.Array:
    """Texts of one kind (en, zh) of a corpus, about so many MB."""
    texts, size = [], 0
    for path in sorted((work / "raw" / kind).glob("*.jsonl")):
        for line in path.open(encoding="utf-8"):
            texts.append(json.loads(line)["text"])
            size += len(texts[-1].encode())
            if size > megabytes * 1e6:
                return pa.array(texts, pa.large_string())
    return pa.array(texts, pa.large_string())


def _size(texts: pa.Array | pa.ChunkedArray) -> float:
    return (pc.sum(pc.binary_length(texts.cast(pa.large_binary()))).as_py() or 0) / 1e6


def _in_threads(texts: pa.Array, params: DedupeMeasure, threads: int) -> None:
    step = -(-len(texts) // CHUNKS)
    slices = [texts.slice(start, step) for start in range(0, len(texts), step)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: sketch(part, params), slices))


_PROCESS = """
import sys, time
import pyarrow.parquet as pq
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe.sketch import sketch
texts = pq.read_table(sys.argv[1])["text"].combine_chunks()
sketch(texts.slice(0, 2), DedupeMeasure())
print("ready", flush=True)
for line in sys.stdin:
    started = time.perf_counter()
    sketch(texts, DedupeMeasure())
    print(time.perf_counter() - started, flush=True)
"""


def _in_processes(texts: pa.Array, folder: Path) -> float:
    """What two processes that share nothing gain over one: the machine's own limit for two threads."""
    path = folder / "texts.parquet"
    pq.write_table(pa.table({"text": texts}), path)
    command = [sys.executable, "-c", _PROCESS, str(path)]
    both = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) for _ in "ab"
    ]
    try:
        for process in both:
            process.stdout.readline()  # type: ignore[union-attr]

        def go(processes: list[subprocess.Popen[str]]) -> float:
            started = time.perf_counter()
            for process in processes:
                process.stdin.write("go\n")  # type: ignore[union-attr]
            for process in processes:
                process.stdout.readline()  # type: ignore[union-attr]
            return time.perf_counter() - started

        goes = [(go(both[:1]), go(both)) for _ in range(15)]
        alone, together = (min(seconds) for seconds in zip(*goes, strict=True))
    finally:
        for process in both:
            process.stdin.close()  # type: ignore[union-attr]
            process.wait()
        path.unlink()
    return 2 * alone / together


def signatures_table(work: Path, megabytes: float = 20) -> str:
    """MB/s of the sketch on one thread and on two, English and Chinese apart."""
    params, rows = DedupeMeasure(), []
    for kind, name in (("en", "English"), ("zh", "Chinese")):
        texts = texts_of(work, kind, megabytes)
        size = _size(texts)
        sketch(texts.slice(0, 2), params)  # compiled before the clock starts
        one, both = (partial(_in_threads, texts, params, threads) for threads in (1, 2))
        (wall, cpu), (two, _) = best_of(15, one, both)
        limit = _in_processes(texts, work)
        rows.append([name, len(texts), size, size / cpu, size / wall, size / two, wall / two, limit])
    header = ["texts", "number", "MB", "MB/s of CPU", "MB/s, 1 thread", "2 threads", "gain", "gain of 2 processes"]
    return table(header, rows)


def equality_table(data: Path) -> str:
    """Each text of the folder: is our signature datasketch's, bit for bit?"""
    params, rows = DedupeMeasure(), []
    a, b = permutations(params.permutations, params.seed)
    differ = {"English": 0, "Chinese": 0, "other": 0}
    count, size, seconds = dict.fromkeys(differ, 0), dict.fromkeys(differ, 0.0), dict.fromkeys(differ, 0.0)
    for batch in _batches(real_documents(data), 2000):
        array = pa.array(batch, pa.large_string())
        hashes, offsets = shingle_rows(*text_buffers(array), codepoints.TABLES, params.ngram, 1 << 62)
        mine = signatures(hashes, offsets, a, b)
        for row, text in enumerate(batch):
            kind = _language(text)
            started = time.process_time()
            theirs = datasketch.MinHash(
                num_perm=params.permutations, seed=params.seed, scheme="affine32", hashfunc=lambda value: value
            )
            values = hashes[offsets[row] : offsets[row + 1]]
            if len(values):
                theirs.update_batch(values)
            seconds[kind] += time.process_time() - started
            differ[kind] += not np.array_equal(theirs.hashvalues.astype(np.uint32), mine[row])
            count[kind] += 1
            size[kind] += len(text.encode("utf-8", "replace")) / 1e6
    rows = [[kind, count[kind], size[kind], differ[kind], size[kind] / max(seconds[kind], 1e-9)] for kind in differ]
    return table(["texts", "number", "MB", "signatures that differ", "datasketch, shingles given, MB/s"], rows)


def _batches(texts: Iterator[str], many: int) -> Iterator[list[str]]:
    batch: list[str] = []
    for text in texts:
        # Not every file of a folder is clean: a lone surrogate has no UTF-8.
        batch.append(text.encode("utf-8", "replace").decode())
        if len(batch) == many:
            yield batch
            batch = []
    yield batch


def _language(text: str) -> str:
    head = text[:2000]
    han = sum("㐀" <= c <= "鿿" for c in head) / max(len(head), 1)
    return "Chinese" if han > 0.3 else "English" if head.isascii() else "other"


def workspace_of(data: Path, work: Path, megabytes: float) -> Path:
    """A workspace whose ingest and clean stages are up to date."""
    folder = work / f"{megabytes:g}"
    if not (folder / "params.yaml").is_file():
        print(f"building {megabytes:g} MB in {folder}", file=sys.stderr, flush=True)
        build(data, folder, megabytes)
    for stage in ("ingest", "clean"):
        command = [sys.executable, "-m", "aigc_data.cli", "stage", stage, "--workspace", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def clean_texts(folder: Path) -> pa.ChunkedArray:
    """`clean.text` of a workspace, in shard order."""
    workspace, _ = open_workspace(folder)
    files = [workspace.layer("clean") / "measure" / f"{shard.name}.parquet" for shard in workspace.shards()]
    return pa.chunked_array(
        [chunk for path in files for chunk in parquet.read(path, ["clean.text"])["clean.text"].chunks]
    ).cast(pa.large_string())


def run_dedupe(folder: Path, workers: int) -> Used:
    """The dedupe stage from nothing: without its layer, and without the verdicts that it remembers."""
    workspace, recipe = open_workspace(folder)
    for made in (workspace.layer("dedupe"), workspace.private / "dedupe"):
        shutil.rmtree(made, ignore_errors=True)
    with Used() as used, LocalPool(workers) as pool:
        run_stage("dedupe", workspace, recipe, each=pool.each)
    return used


def end_to_end(data: Path, work: Path, megabytes: float, part: float, peers: Path | None) -> str:
    """Parquet to verdicts: our stage on 1 and 2 workers, the same in memory, the peers on a slice."""
    run_dedupe(workspace_of(data, work, 2), 1)  # compiled, imported
    folder = workspace_of(data, work, megabytes)
    texts = clean_texts(folder)
    size = _size(texts)
    ours: list[list[object]] = []
    for workers in (1, 2):
        used = min((run_dedupe(folder, workers) for _ in range(2)), key=lambda u: u.cpu)
        ours.append([f"dedupe stage, {workers} worker{'s'[: workers - 1]}", len(texts), size, *_figures(used, size)])
    ids = pa.array([f"{row:08d}" for row in range(len(texts))])
    array, params = pa.concat_arrays(texts.chunks), DedupeMeasure()
    with Used() as used:
        found = compare(array, ids, params)
    ours.append(["in memory, `compare`", len(texts), size, *_figures(used, size)])
    gone = pc.sum(pc.not_equal(found["duplicate_of"], "")).as_py()
    header = ["ours", "texts", "MB", "wall s", "CPU s", "MB/s", "MB/s a core", "peak MB"]
    out = [table(header, ours), f"\n{gone:,} of {len(texts):,} texts are duplicates of one that stays."]
    if peers:
        out += ["", peers_table(array, part, peers, size / ours[0][4])]  # type: ignore[operator]
    return "\n".join(out)


def _figures(used: Used, size: float) -> list[float]:
    return [used.wall, used.cpu, size / used.wall, size / used.cpu, used.peak / 1e6]


def peers_table(texts: pa.Array, part: float, peers: Path, ours: float) -> str:
    """The peers on a slice of the same texts, and how many times as fast we are."""
    rows = list(range(len(texts)))
    random.Random(1).shuffle(rows)
    chosen, size = [], 0.0
    for row in rows:
        chosen.append(texts[row].as_py())
        size += len(chosen[-1].encode()) / 1e6
        if size > part:
            break
    array = pa.array(chosen, pa.large_string())
    with Used() as used:
        own = compare(array, pa.array([f"{row:08d}" for row in range(len(chosen))]), DedupeMeasure())
    gone = pc.sum(pc.not_equal(own["duplicate_of"], "")).as_py()
    found = [
        ["ours, dedupe stage on everything", "default recipe", None, None, None, ours, 1.0, None],
        ["ours, `compare` on the slice", "default recipe", size, 0.0, used.cpu, size / used.cpu, None, gone],
    ]
    for name, peer, options in (
        ("datasketch", "datasketch", ()),
        ("rensa, full sets", "rensa", ("sets",)),
        ("rensa, rho (flags only)", "rensa", ("rho",)),
        ("datatrove, four stages, English", "datatrove", ("eng_Latn",)),
        ("datatrove, four stages, Chinese", "datatrove", ("cmn_Hani",)),
        ("text-dedup", "text-dedup", ()),
    ):
        python = python_of(peers, peer)
        if python is None:
            found.append([name, "not installed", *[None] * 6])
            continue
        # What a peer needs whatever the size (models, caches) is taken off: it would weigh on a slice.
        fixed = run_peer(python, peer, chosen[:20], *options)["cpu"]
        answer = run_peer(python, peer, chosen, *options)
        cpu = answer["cpu"] - fixed
        rate = size / cpu
        gone = len(chosen) - sum(answer["kept"])
        found.append([f"{name} {answer['version']}", answer["settings"], size, fixed, cpu, rate, ours / rate, gone])
    return table(["", "settings", "MB", "CPU s to start", "CPU s", "MB/s a core", "we are × faster", "removed"], found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--slice", type=float, default=6)
    parser.add_argument("--only", default="equality,signatures,end")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    parts = args.only.split(",")
    print(conditions(), flush=True)
    if "equality" in parts:
        print("\n" + equality_table(args.data), flush=True)
    if "signatures" in parts:
        folder = workspace_of(args.data, args.work, args.megabytes)
        print("\n" + signatures_table(folder), flush=True)
    if "end" in parts:
        print("\n" + end_to_end(args.data, args.work, args.megabytes, args.slice, args.peers), flush=True)


if __name__ == "__main__":
    main()
