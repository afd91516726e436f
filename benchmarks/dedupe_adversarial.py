"""De-duplication of hostile texts: is a text lost that is unlike all that stay, and do time and memory stay linear?

    python benchmarks/dedupe_adversarial.py WORK [--only bridges,identical] [--scale 1.0] [--workers 2]

WORK is a scratch folder for the texts. Every case runs at three sizes, each in a process of its own. First `compare`,
from a Parquet file to verdicts, all in memory; memory is the peak PSS of the process and its children, the texts
included. Every verdict is checked apart from the project's kernels, with Python sets of token 5-grams: each text that
goes has to be at 0.8 or more of the text that it goes for (of more than 3,000 a sample), and how many stay is counted
where it is known. Then, for some cases, the dedupe stage over a workspace of its own, at its memory bound.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from measuring import Memory, conditions, cpu_seconds, table

from aigc_data.pipeline import open_workspace
from aigc_data.store import parquet
from aigc_data.text.tokens import tokens_of

BAR, NGRAM, SAMPLE = 0.8, 5, 3000


@dataclass(frozen=True)
class Case:
    """A kind of texts: `make(n)` yields n of them; `stays` (n, kept, texts) says what is wrong, "" for nothing."""

    name: str
    sizes: tuple[int, ...]
    make: Callable[[int], Iterator[str]]
    wrong: Callable[[int, int, list[str]], str]


def _words(rng: np.random.Generator, many: int, language: str) -> np.ndarray:
    if language == "zh":
        return np.array([chr(0x4E00 + int(c)) for c in rng.integers(0, 4000, many)])
    return np.array([f"w{int(c)}" for c in rng.integers(0, 20000, many)])


def _joined(tokens: np.ndarray, language: str) -> str:
    return ("" if language == "zh" else " ").join(tokens)


def bridges(n: int, language: str = "en") -> Iterator[str]:
    """Chains of 20 texts: each is a window of a long text, 20 of its 200 tokens further than the last (0.81 to its
    neighbour, 0.66 to the next but one)."""
    rng = np.random.default_rng(1)
    for _ in range(n // 20):
        tokens = _words(rng, 200 + 20 * 20, language)
        for i in range(20):
            yield _joined(tokens[i * 20 : i * 20 + 200], language)


def bridges_zh(n: int) -> Iterator[str]:
    """The same in Chinese."""
    return bridges(n, "zh")


def one_chain(n: int) -> Iterator[str]:
    """A single chain as long as there are texts: the whole corpus hangs together, ends have nothing in common."""
    rng = np.random.default_rng(2)
    tokens = _words(rng, 200 + 20 * n, "en")
    for i in range(n):
        yield _joined(tokens[i * 20 : i * 20 + 200], "en")


def identical(n: int) -> Iterator[str]:
    text = (
        _joined(_words(np.random.default_rng(3), 60, "en"), "en")
        + "。"
        + _joined(_words(np.random.default_rng(3), 60, "zh"), "zh")
    )
    for _ in range(n):
        yield text


def one_token(n: int) -> Iterator[str]:
    """Half English words, half Han characters, most of them often, none longer than a token."""
    rng = np.random.default_rng(4)
    for i, value in enumerate(rng.zipf(1.2, n)):
        yield f"word{int(value) % 1_000_000}." if i % 2 else chr(0x4E00 + int(value) % 20_000)


def different_tokens(n: int) -> Iterator[str]:
    for i in range(n):
        yield f"t{i}"


def giant(n: int) -> Iterator[str]:
    """One document of n MB beside a thousand short ones."""
    rng = np.random.default_rng(5)
    block = " ".join(f"w{int(c)}" for c in rng.integers(0, 10**9, 100_000))
    # Blocks are numbered, or a document of 200 MB would have no more shingles than one of 1 MB.
    parts, size, i = [], 0, 0
    while size < n * 1_000_000:
        parts.append(block.replace("w1", f"x{i}"))
        size += len(parts[-1])
        i += 1
    yield " ".join(parts)[: n * 1_000_000]
    for _ in range(1000):
        yield " ".join(f"s{int(c)}" for c in rng.integers(0, 10**9, 80))


def long_pairs(n: int) -> Iterator[str]:
    """Texts too long for exact comparison, and copies of each at 0.95 and at 0.6."""
    rng = np.random.default_rng(6)
    for _ in range(n):
        base = rng.integers(0, 10**9, 250_000)
        for share in (0.0, 0.005, 0.055):
            copy = np.where(rng.random(len(base)) < share, rng.integers(0, 10**9, len(base)), base)
            yield " ".join(f"w{int(c)}" for c in copy)


def punctuation(n: int) -> Iterator[str]:
    """No token at all: a duplicate of nothing, be it repeated or not."""
    rng = random.Random(7)
    marks = "。，、；：？！…—·「」『』（）《》.,;:?!-_=+*/\\|<>()[]{}\"'`~@#$%^& \n\t"
    for i in range(n):
        yield "" if i % 50 == 0 else "———" if i % 10 == 0 else "".join(rng.choices(marks, k=rng.randint(1, 80)))


_SCRIPTS = [(0x41, 26), (0x430, 32), (0x3B1, 24), (0x5D0, 27), (0x627, 28), (0x905, 50), (0xE01, 46), (0x1100, 18)]
_SCRIPTS += [(0x3042, 80), (0x30A2, 80), (0x4E00, 8000), (0xAC00, 8000), (0x1F600, 60), (0xFF21, 26), (0x20000, 8000)]


def mixed_scripts(n: int) -> Iterator[str]:
    """Unrelated texts in fifteen scripts, letter by letter, from right to left too; every tenth occurs twice, once in
    other widths and cases."""
    rng = random.Random(8)
    text = ""
    for i in range(n):
        if i % 10 == 9:
            yield "".join(chr(ord(c) + 0xFEE0) if "A" <= c <= "Z" else c for c in text)
            continue
        text = ""
        for _ in range(60):
            start, many = rng.choice(_SCRIPTS)
            text += "".join(chr(start + rng.randrange(many)) for _ in range(rng.randint(1, 6))) + rng.choice(
                " ،。\u200f"
            )
        yield text


def random_bytes(n: int) -> Iterator[str]:
    """Bytes that are no text, decoded with replacement."""
    rng = random.Random(9)
    for _ in range(n):
        yield rng.randbytes(rng.randint(1, 600)).decode("utf-8", "replace")


def near_identical(n: int) -> Iterator[str]:
    """One text of 120 tokens and copies with one of them replaced: 0.92 to it, 0.84 to one another."""
    yield from _copies(n, 120, 1, "en")


def near_identical_zh(n: int) -> Iterator[str]:
    yield from _copies(n, 120, 1, "zh")


def at_the_threshold(n: int) -> Iterator[str]:
    """The same with 60 tokens: 0.84 to the first, 0.70 to one another, so that next to none may go for another."""
    yield from _copies(n, 60, 1, "en")


def template(n: int) -> Iterator[str]:
    """A template of 90 tokens with 25 of its own in the middle of each: 0.6 to one another, all to stay."""
    rng = np.random.default_rng(11)
    head, tail = _joined(_words(rng, 45, "en"), "en"), _joined(_words(rng, 45, "en"), "en")
    for i in range(n):
        own = " ".join(f"o{i}x{j}" for j in range(25))
        yield f"{head} {own} {tail}"


def _copies(n: int, length: int, changes: int, language: str) -> Iterator[str]:
    rng = np.random.default_rng(10)
    base = _words(rng, length, language)
    yield _joined(base, language)
    places = rng.integers(0, length, (n, changes))
    fresh = rng.integers(0, 3000 if language == "zh" else 10**6, (n, changes))
    for i in range(1, n):
        copy = base.copy() if language == "zh" else base.astype(object)
        for place, value in zip(places[i], fresh[i], strict=True):
            copy[place] = chr(0x5000 + int(value)) if language == "zh" else f"n{int(value)}"
        yield _joined(copy, language)


def _nothing_more(n: int, kept: int, texts: list[str]) -> str:
    return ""


def _one_stays(n: int, kept: int, texts: list[str]) -> str:
    return "" if kept == 1 else f"{kept} stay, 1 should"


def _all_stay(n: int, kept: int, texts: list[str]) -> str:
    return "" if kept == len(texts) else f"{len(texts) - kept} go, none should"


def _distinct_stay(n: int, kept: int, texts: list[str]) -> str:
    distinct = len({tuple(tokens_of(text)) for text in texts})
    return "" if kept == distinct else f"{kept} stay, {distinct} should"


def _half_stay(n: int, kept: int, texts: list[str]) -> str:
    # In a chain each text is close to its neighbours alone: at least every third has to stay.
    return "" if len(texts) / 3 <= kept <= len(texts) * 0.6 else f"{kept} of {len(texts)} stay"


def _two_of_three(n: int, kept: int, texts: list[str]) -> str:
    return "" if kept == 2 * n else f"{kept} stay, {2 * n} should"


CASES = (
    Case("bridges", (20_000, 40_000, 80_000), bridges, _half_stay),
    Case("bridges_zh", (20_000, 40_000, 80_000), bridges_zh, _half_stay),
    Case("one_chain", (20_000, 40_000, 80_000), one_chain, _half_stay),
    Case("identical", (250_000, 500_000, 1_000_000), identical, _one_stays),
    Case("one_token", (250_000, 500_000, 1_000_000), one_token, _distinct_stay),
    Case("different_tokens", (250_000, 500_000, 1_000_000), different_tokens, _all_stay),
    Case("giant", (50, 100, 200), giant, _all_stay),
    Case("long_pairs", (4, 8, 16), long_pairs, _two_of_three),
    Case("punctuation", (250_000, 500_000, 1_000_000), punctuation, _all_stay),
    Case("mixed_scripts", (10_000, 20_000, 40_000), mixed_scripts, _distinct_stay),
    Case("random_bytes", (50_000, 100_000, 200_000), random_bytes, _nothing_more),
    Case("near_identical", (4_000, 40_000, 400_000), near_identical, _nothing_more),
    Case("near_identical_zh", (4_000, 40_000, 400_000), near_identical_zh, _nothing_more),
    Case("at_the_threshold", (4_000, 40_000, 400_000), at_the_threshold, _nothing_more),
    Case("template", (4_000, 40_000, 400_000), template, _all_stay),
)

#: Cases that run through the stage too, and the number of clusters that they must give: None for any.
STAGED: dict[str, Callable[[list[str]], int | None]] = {
    "identical": lambda texts: 1,
    "one_token": lambda texts: len({tuple(tokens_of(text)) for text in texts}),
    "different_tokens": len,
    "giant": len,
    "punctuation": len,
    "near_identical": lambda texts: None,
    "at_the_threshold": lambda texts: None,
    "template": len,
}

_CHILD = """
import json, sys, time
import pyarrow as pa, pyarrow.parquet as pq
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe.election import compare
few = pa.array(["a b c d e f", "a b c d e f", "g"] + ["x y z " * 9 + str(i) for i in range(9)])
compare(few, pa.array([str(i) for i in range(len(few))]), DedupeMeasure())
seconds = []
while not seconds or (len(seconds) < 5 and sum(second[0] for second in seconds) < 4):
    started, cpu = time.perf_counter(), time.process_time()
    rows = pq.read_table(sys.argv[1])
    found = compare(rows["text"], rows["id"], DedupeMeasure())
    seconds.append((time.perf_counter() - started, time.process_time() - cpu))
seconds = min(seconds)
pq.write_table(found, sys.argv[2])
print(json.dumps(seconds))
"""


def run(case: Case, size: int, folder: Path) -> tuple[list[object], float]:
    """A row of the table, and the CPU seconds."""
    source, target = folder / "texts.parquet", folder / "found.parquet"
    texts = list(case.make(size))
    ids = [f"{row:08d}" for row in range(len(texts))]
    array = pa.array(texts, pa.large_string())
    amount = pc.sum(pc.binary_length(array)).as_py() / 1e6
    pq.write_table(pa.table({"id": ids, "text": array}), source, compression="zstd")
    del array, ids
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(source), str(target)], stdout=subprocess.PIPE, text=True
    )
    with Memory(process.pid) as memory:
        answer, _ = process.communicate()
    highest = memory.peak
    if process.returncode:
        return [case.name, size, amount, None, None, None, highest / 1e6, f"ended with {process.returncode}"], 0.0
    wall, cpu = json.loads(answer)
    duplicate_of = pq.read_table(target)["duplicate_of"].to_pylist()
    kept = sum(not value for value in duplicate_of)
    verdict = check(texts, duplicate_of) or case.wrong(size, kept, texts) or "right"
    return [case.name, size, amount, kept, wall, cpu, highest / 1e6, verdict], cpu


_STAGE = """
import json, sys, time
from pathlib import Path
from aigc_data.pipeline import open_workspace, run_stage
from aigc_data.pool import LocalPool
if __name__ == "__main__":
    workspace, recipe = open_workspace(Path(sys.argv[1]))
    started = time.perf_counter()
    with LocalPool(int(sys.argv[2])) as pool:
        run_stage("dedupe", workspace, recipe, each=pool.each)
    print(json.dumps(time.perf_counter() - started))
"""


def run_staged(case: Case, size: int, folder: Path, workers: int) -> tuple[list[object], float]:
    """A row of the second table, and the CPU seconds: the stage alone, what comes before it is made ready."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "raw").mkdir(parents=True)
    texts = list(case.make(size))
    array = pa.array(texts, pa.large_string())
    amount = pc.sum(pc.binary_length(array)).as_py() / 1e6
    rows = pa.table({"id": [f"{row:08d}" for row in range(len(texts))], "text": array})
    pq.write_table(rows, folder / "raw" / "texts.parquet", row_group_size=50_000)
    del rows, array
    recipe = {
        "name": "hostile",
        "sources": [{"name": "texts", "path": "raw", "license": "CC0-1.0", "id": "id"}],
        "ingest": {"max_record_bytes": 1 << 30},
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(recipe))
    for stage in ("ingest", "clean"):
        command = [sys.executable, "-m", "aigc_data.cli", "stage", stage, "--workspace", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
    before = cpu_seconds()
    script = folder / "stage.py"  # a file, because the pool's processes look for the main module
    script.write_text(_STAGE)
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder), str(workers)], stdout=subprocess.PIPE, text=True
    )
    with Memory(process.pid) as memory:
        answer, _ = process.communicate()
    cpu = cpu_seconds() - before
    if process.returncode:
        return [case.name, size, amount, None, None, None, memory.peak / 1e6, f"ended with {process.returncode}"], 0.0
    workspace, _ = open_workspace(folder)
    measures = [parquet.read(workspace.measure_file("dedupe", s.name)) for s in workspace.shards()]
    clusters = pc.count_distinct(pa.chunked_array([c for m in measures for c in m["dedupe.cluster"].chunks])).as_py()
    wanted = STAGED.get(case.name, lambda _: None)(texts)
    verdict = "right" if wanted in (None, clusters) else f"**{clusters:,} clusters, {wanted:,} should be**"
    kept = sum(len(m) for m in measures)
    if kept != len(texts):
        verdict = f"**{kept} of {len(texts)} records came through**"
    row = [case.name, size, amount, clusters, json.loads(answer), cpu, memory.peak / 1e6, memory.anonymous / 1e6]
    return [*row, verdict], cpu


def check(texts: list[str], duplicate_of: list[str]) -> str:
    """What is wrong with the texts that go, "" for nothing."""
    gone = [row for row, value in enumerate(duplicate_of) if value]
    if len(gone) > SAMPLE:
        gone = random.Random(1).sample(gone, SAMPLE)
    known: dict[str, set[tuple[str, ...]]] = {}

    def grams(text: str) -> set[tuple[str, ...]]:
        if text not in known:
            tokens = tokens_of(text)
            many = max(len(tokens) - NGRAM + 1, min(len(tokens), 1))
            known[text] = {tuple(tokens[i : i + NGRAM]) for i in range(many)}
        return known[text]

    wrong, least = 0, 1.0
    for row in gone:
        other = int(duplicate_of[row])
        if duplicate_of[other]:
            return f"{row} goes for {other}, which goes itself"
        a, b = grams(texts[row]), grams(texts[other])
        similarity = len(a & b) / len(a | b) if a or b else 0.0
        least = min(least, similarity)
        wrong += similarity < BAR
    return f"**{wrong} of {len(gone)} go for one below {BAR}, down to {least:.2f}**" if wrong else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", default=",".join(case.name for case in CASES))
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes")
    parser.add_argument("--workers", type=int, default=2, help="of the stage")
    parser.add_argument("--ways", default="compare,stage")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    print(conditions(), flush=True)
    cases = [case for case in CASES if case.name in args.only.split(",")]
    header = ["case", "size", "MB", "stay", "wall s", "CPU s", "× a doubling", "peak MB", "verdicts"]
    if "compare" in args.ways:
        rows = at_all_sizes(cases, args.scale, lambda case, size: run(case, size, args.work))
        print("\n`compare`, one thread, in memory:\n\n" + table(header, rows), flush=True)
    if "stage" in args.ways:
        staged = [case for case in cases if case.name in STAGED]
        workspace = args.work / "workspace"
        _, fixed = run_staged(CASES[0], 20, workspace, args.workers)
        rows = at_all_sizes(
            staged, args.scale, lambda case, size: run_staged(case, size, workspace, args.workers), fixed
        )
        header = ["case", "size", "MB", "clusters", *header[4:8], "… not mapped files", "verdicts"]
        print(
            f"\nThe dedupe stage, {args.workers} workers, {fixed:.1f} CPU s of them to start:\n\n" + table(header, rows)
        )


def at_all_sizes(
    cases: Iterable[Case], scale: float, work: Callable[[Case, int], tuple[list[object], float]], fixed: float = 0.0
) -> list[list[object]]:
    """The rows of a table, with how many times the CPU seconds each doubling takes: 2 is linear, 4 a square. `fixed`
    are seconds that a run takes whatever its size."""
    rows = []
    for case in cases:
        before = (0.0, 0)
        for full in case.sizes:
            size = max(1, round(full * scale))
            started = time.perf_counter()
            row, cpu = work(case, size)
            doublings = np.log2(size / before[1]) if before[1] else 0
            more = max(cpu - fixed, 0.0)
            growth = (more / before[0]) ** (1 / doublings) if doublings and before[0] else None
            rows.append([*row[:6], growth, *row[6:]])
            before = more, size
            print(f"{case.name} {size}: {time.perf_counter() - started:.0f} s, {row[-1]}", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    main()
