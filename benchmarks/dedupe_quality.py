"""De-duplication: recall, precision, F1 and ARI on sets with gold labels, ours beside datatrove's and text-dedup's.

    python benchmarks/dedupe_quality.py DATA [--peers DIR] [--only gutenberg,guide]

DATA is a folder with the near-duplicate sets (`gutenberg_chapters.jsonl.zst`, `install_guide_html.jsonl.zst`,
`zh_wikipedia_hans_hant_pairs.jsonl.zst`, `asysd_citations_labelled.csv.gz`, `onestop_english_levels.jsonl.zst`,
anywhere below it; what is missing is left out). Truth is of two kinds. The exact Jaccard similarity of the sets of
token 5-grams, computed here with Python sets from the plain reference of the tokens, not with the project's kernels:
a pair at 0.8 or more has to end in one cluster (recall), and a text that goes has to be at 0.8 or more of the text
that it goes for (precision). And the labels of the set: pairs of texts with one label (P, R, F1), and the adjusted
Rand index (ARI, Hubert and Arabie, 1985, equation 5) of the clusters. A run with `fold_han` is held to the similarity
of the folded texts.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import random
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import zstandard
from corpus import real_documents
from measuring import conditions, python_of, run_peer, table
from resiliparse.extract.html2text import extract_plain_text

from aigc_data.kernels import codepoints
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe.election import compare
from aigc_data.text.tokens import tokens_of

BAR = 0.8
NGRAM = 5


@dataclass(frozen=True)
class Labelled:
    """Texts of one language with their gold labels."""

    name: str
    language: str
    texts: list[str]
    labels: list[str]


@dataclass(frozen=True)
class Found:
    """A tool's answer: a cluster a row, and for each row that goes the row that it goes for (-1 for one that stays)."""

    tool: str
    cluster: np.ndarray
    duplicate_of: np.ndarray
    folded: bool = False  # compared with traditional characters as simplified ones, and to be judged so


def gutenberg(path: Path) -> Iterator[Labelled]:
    rows = list(_lines(path))
    yield Labelled("novel chapters, several editions", "en", [r["text"] for r in rows], [r["cluster"] for r in rows])


def guide(path: Path) -> Iterator[Labelled]:
    rows = list(_lines(path))
    for language in ("en", "zh"):
        mine = [r for r in rows if r["lang"].startswith(language)]
        texts = [extract_plain_text(r["html"], main_content=False) for r in mine]
        yield Labelled("installation guide, five machines", language, texts, [r["cluster"] for r in mine])


def scripts(path: Path) -> Iterator[Labelled]:
    rows = list(_lines(path))
    yield Labelled(
        "simplified and traditional", "zh", [r["text"] for r in rows], [r["sent_id"].split("#")[0] for r in rows]
    )


def citations(path: Path) -> Iterator[Labelled]:
    """Labelled by their title: the set was cut so that one title's records stay together."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = ["\n".join(r[name] for name in ("title", "author", "journal", "year", "abstract")) for r in rows]
    yield Labelled("citations", "en", texts, [re.sub(r"\W+", "", r["title"].lower()) for r in rows])


def levels(path: Path) -> Iterator[Labelled]:
    rows = list(_lines(path))
    yield Labelled("news at three reading levels", "en", [r["text"] for r in rows], [r["story"] for r in rows])


SETS = {
    "gutenberg": ("gutenberg_chapters.jsonl.zst", gutenberg),
    "guide": ("install_guide_html.jsonl.zst", guide),
    "scripts": ("zh_wikipedia_hans_hant_pairs.jsonl.zst", scripts),
    "citations": ("asysd_citations_labelled.csv.gz", citations),
    "levels": ("onestop_english_levels.jsonl.zst", levels),
}

_PIECE = re.compile(r"[㐀-鿿]|[^\W㐀-鿿]+|\W+")


def edited(data: Path, many: int = 500) -> Iterator[Labelled]:
    """Real texts and a copy of each with some of its tokens replaced: similarities spread over 0.6 to 1.

    It has no gold labels: among the originals are near-duplicates.
    """
    for language in ("en", "zh"):
        fit = []
        for text in real_documents(data):
            head = text[:400]
            han = sum("㐀" <= c <= "鿿" for c in head) / max(len(head), 1)
            if (han > 0.5 if language == "zh" else head.isascii()) and len(text) > 500:
                fit.append(text[:4000])
        rng = random.Random(7)
        chosen = [_PIECE.findall(text) for text in rng.sample(fit, min(many, len(fit)))]
        vocabulary = [piece for pieces in chosen for piece in pieces if piece[0].isalnum()]
        texts = []
        for pieces in chosen:
            # Each replaced token takes up to 5 shingles along: similarity 0.6 is about one token in 20.
            share = rng.uniform(0, 0.05)
            copy = [rng.choice(vocabulary) if p[0].isalnum() and rng.random() < share else p for p in pieces]
            texts += ["".join(pieces), "".join(copy)]
        yield Labelled("real texts and an edited copy of each", language, texts, [])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file)
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            yield json.loads(line)


def similarities(texts: list[str]) -> np.ndarray:
    """The exact Jaccard similarity of every pair, float32[n, n]: the plain way, with Python sets."""
    numbers: dict[tuple[str, ...], int] = {}
    sets = []
    for text in texts:
        tokens = tokens_of(text)
        grams = [tuple(tokens[i : i + NGRAM]) for i in range(max(len(tokens) - NGRAM + 1, min(len(tokens), 1)))]
        sets.append({numbers.setdefault(gram, len(numbers)) for gram in grams})
    out = np.zeros((len(texts), len(texts)), np.float32)
    for i, j in combinations(range(len(texts)), 2):
        a, b = sets[i], sets[j]
        # Sizes bound the similarity; a text without tokens is a duplicate of nothing.
        if a and b and min(len(a), len(b)) >= 0.3 * max(len(a), len(b)):
            common = len(a & b)
            out[i, j] = out[j, i] = common / (len(a) + len(b) - common)
    return out


def ours(one: Labelled, tool: str = "ours", params: DedupeMeasure | None = None) -> Found:
    ids = [f"{row:06d}" for row in range(len(one.texts))]
    found = compare(pa.array(one.texts, pa.large_string()), pa.array(ids), params or DedupeMeasure())
    kept = [int(value) if value else -1 for value in found["duplicate_of"].to_pylist()]
    folded = bool(params and params.fold_han)
    return Found(tool, _numbered(found["cluster"].to_pylist()), np.array(kept), folded)


def simplified(text: str) -> str:
    """The text with traditional characters as simplified ones, by the project's table."""
    pages, _, deltas = codepoints.tables(True)
    return "".join(chr(ord(c) + int(deltas[int(pages[ord(c) >> 8]) * 256 + (ord(c) & 255)])) for c in text)


def theirs(one: Labelled, python: Path, peer: str, *options: str) -> Found:
    answer = run_peer(python, peer, one.texts, *options)
    cluster, kept = np.array(answer["cluster"]), np.array(answer["kept"])
    stays = {int(cluster[row]): int(row) for row in np.flatnonzero(kept)}
    # A text that goes with nobody of its cluster left goes for itself: nothing like it stays.
    gone = [-1 if kept[row] else stays.get(int(cluster[row]), row) for row in range(len(kept))]
    return Found(" ".join([peer, answer["version"], *options]), _numbered(cluster.tolist()), np.array(gone))


def _numbered(labels: Iterable[object]) -> np.ndarray:
    return np.unique(np.array([str(label) for label in labels]), return_inverse=True)[1]


def adjusted_rand(a: np.ndarray, b: np.ndarray) -> float:
    """ARI of two labellings (integers[n])."""
    both = np.unique(np.stack([a, b]), axis=1, return_counts=True)[1]
    pairs = [float((c * (c - 1) // 2).sum()) for c in (both, np.bincount(a), np.bincount(b))]
    total = len(a) * (len(a) - 1) / 2
    expected, most = pairs[1] * pairs[2] / total, (pairs[1] + pairs[2]) / 2
    return (pairs[0] - expected) / (most - expected) if most != expected else 1.0


def row_of(one: Labelled, similarity: np.ndarray, found: Found) -> list[object]:
    """A tool on a set: what the tables show."""
    upper = np.triu_indices(len(one.texts), 1)
    same = (found.cluster[:, None] == found.cluster[None, :])[upper]
    near = similarity[upper] >= BAR
    gone = np.flatnonzero(found.duplicate_of >= 0)
    right = similarity[gone, found.duplicate_of[gone]] >= BAR
    stays = found.duplicate_of < 0
    # A text is lost when nothing that stays is like it, whoever it went for.
    lost = int((similarity[np.ix_(gone, np.flatnonzero(stays))] < BAR).all(axis=1).sum()) if len(gone) else 0
    return [
        found.tool,
        f"{int((same & near).sum())} / {int(near.sum())}",
        _share((same & near).sum(), near.sum()),
        len(gone),
        _share(right.sum(), len(gone)),
        lost,
        *_against_gold(one, found),
    ]


def _against_gold(one: Labelled, found: Found) -> list[str | None]:
    """Pairwise precision, recall and F1 of the clusters, and their ARI."""
    if not one.labels:
        return [None] * 4
    gold, upper = _numbered(one.labels), np.triu_indices(len(one.labels), 1)
    true, same = ((labels[:, None] == labels[None, :])[upper] for labels in (gold, found.cluster))
    hit = int((same & true).sum())
    precision, recall = hit / max(int(same.sum()), 1), hit / max(int(true.sum()), 1)
    f1 = 2 * precision * recall / (precision + recall) if hit else 0.0
    return [f"{value:.3f}" for value in (precision, recall, f1, adjusted_rand(gold, found.cluster))]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.4f}" if whole else "–"


def by_similarity(one: Labelled, similarity: np.ndarray, found: list[Found]) -> str:
    """Recall of the pairs of a set by their similarity."""
    upper = np.triu_indices(len(one.texts), 1)
    values, edges, rows = similarity[upper], [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.001], []
    for low, high in pairwise(edges):
        mine = (values >= low) & (values < high)
        cells: list[object] = [f"{low:.2f} to {min(high, 1):.2f}", int(mine.sum())]
        for one_found in found:
            same = (one_found.cluster[:, None] == one_found.cluster[None, :])[upper]
            cells.append(_share((same & mine).sum(), mine.sum()))
        rows.append(cells)
    return table(["similarity", "pairs", *(f.tool for f in found)], rows)


def tools(one: Labelled, peers: Path | None) -> Iterator[Found]:
    """Ours, in Chinese also with scripts folded, and what is installed of the peers."""
    yield ours(one)
    if one.language == "zh":
        yield ours(one, "ours, fold_han", DedupeMeasure(fold_han=True))
    languages = ("cmn_Hani", "zh") if one.language == "zh" else ("eng_Latn",)
    for peer, options in (*(("datatrove", (language,)) for language in languages), ("text-dedup", ())):
        python = python_of(peers, peer)
        if python:
            yield theirs(one, python, peer, *options)


HEADER = [
    "set",
    "language",
    "tool",
    "pairs ≥ 0.8 found",
    "recall",
    "texts that go",
    "… for one ≥ 0.8",
    "… and none ≥ 0.8 stays",
    "gold P",
    "gold R",
    "F1",
    "ARI",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--only", default=",".join([*SETS, "edited"]))
    args = parser.parse_args()
    print(conditions(), flush=True)
    rows, curves = [], []
    for name in args.only.split(","):
        if name == "edited":
            sets = edited(args.data)
        else:
            file, load = SETS[name]
            path = next((p for p in sorted(args.data.rglob(file)) if "sealed" not in p.parts), None)
            if path is None:
                continue
            sets = load(path)
        for one in sets:
            similarity = similarities(one.texts)
            found = list(tools(one, args.peers))
            groups = f", {len(set(one.labels))} groups" if one.labels else ""
            title = f"{one.name} ({len(one.texts)} texts{groups})"
            folded = similarities([simplified(t) for t in one.texts]) if any(f.folded for f in found) else similarity
            rows += [[title, one.language, *row_of(one, folded if f.folded else similarity, f)] for f in found]
            if name in ("edited", "guide"):
                curves.append((f"{one.name}, {one.language}", by_similarity(one, similarity, found)))
            print(f"{title}: done", file=sys.stderr, flush=True)
    print("\n" + table(HEADER, rows))
    for title, curve in curves:
        print(f"\nRecall by similarity, {title}:\n\n{curve}")


if __name__ == "__main__":
    main()
