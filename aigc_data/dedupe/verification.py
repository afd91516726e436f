"""Verification: each candidate of the link set is compared by its texts, once in the life of a corpus.

A shard's texts are read once and boiled down to sets of shingle hashes; blocks of pairs that fit into memory are then
compared exactly. Verdicts are remembered by content, so that a run over old and new records compares new pairs only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from aigc_data.dedupe.candidates import Candidates
from aigc_data.dedupe.index import Index, Track
from aigc_data.dedupe.parts import Part
from aigc_data.errors import IntegrityError
from aigc_data.kernels.jaccard import gather_runs
from aigc_data.recipe import DedupeMeasure
from aigc_data.store import parquet
from aigc_data.store.files import remove_tree
from aigc_data.text.dedupe.pairs import LINK, kinds, shingle_sets, similarities
from aigc_data.text.dedupe.sketch import estimate

METHODS = ("exact", "jaccard", "estimate", "semantic")
EXACT, JACCARD, ESTIMATE, SEMANTIC = range(4)

_LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class Verdicts:
    """Pairs that were compared: uint64[m] `smaller rank << 32 | larger rank`, similarity float32[m], index into
    METHODS uint8[m]; links and those found unlike alike."""

    pairs: np.ndarray
    similarity: np.ndarray
    method: np.ndarray

    @property
    def left(self) -> np.ndarray:
        """int64[m]: the smaller ranks."""
        return (self.pairs >> np.uint64(32)).astype(np.int64)

    @property
    def right(self) -> np.ndarray:
        """int64[m]: the larger ranks."""
        return (self.pairs & _LOW).astype(np.int64)

    def where(self, chosen: np.ndarray) -> Verdicts:
        """Some of them: bool[m], or places."""
        return Verdicts(self.pairs[chosen], self.similarity[chosen], self.method[chosen])

    def inside(self, cluster: np.ndarray) -> np.ndarray:
        """bool[m]: the pairs of records of one cluster (by rank)."""
        same = np.empty(len(self.pairs), np.bool_)
        for start in range(0, len(same), _PAIRS_A_FILE):
            pairs = self.pairs[start : start + _PAIRS_A_FILE]
            same[start : start + _PAIRS_A_FILE] = cluster[pairs >> np.uint64(32)] == cluster[pairs & _LOW]
        return same

    @classmethod
    def joined(cls, parts: Sequence[Verdicts]) -> Verdicts:
        """Several one behind the other."""
        empty = cls(np.zeros(0, np.uint64), np.zeros(0, np.float32), np.zeros(0, np.uint8))
        columns = zip(*((p.pairs, p.similarity, p.method) for p in [empty, *parts]), strict=True)
        return cls(*(np.concatenate(c) for c in columns))


class Known:
    """Verdicts of earlier runs by the content of both texts, in files beside the workspace's other caches.

    Each file has a share of the contents, so that neither looking up nor writing holds all of them sorted.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key = folder, key
        self._files = sorted(folder.glob("*.parquet"))
        try:
            if {parquet.footer(path).get("key") for path in self._files} != {key}:
                self._files = []
        except IntegrityError:
            self._files = []  # a cache that is not whole is none

    def of(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Similarity (float32[m], NaN where it is not known) of texts with these content hashes (uint64[m])."""
        out = np.full(len(left), np.nan, np.float32)
        if not self._files or not len(left):
            return out
        a, b = np.minimum(left, right), np.maximum(left, right)
        share = _share(a, len(self._files))
        for number, path in enumerate(self._files):
            asked = np.flatnonzero(share == number)
            if len(asked):
                out[asked] = self._in_file(path, np.stack([a[asked], b[asked]], axis=1))
        return out

    @staticmethod
    def _in_file(path: Path, wanted: np.ndarray) -> np.ndarray:
        table = parquet.read(path, ["a", "b", "similarity"])
        if not len(table):  # a run that compared nothing remembers nothing
            return np.full(len(wanted), np.nan, np.float32)
        keys = np.stack([table["a"].to_numpy(), table["b"].to_numpy()], axis=1)
        joined = np.concatenate([keys, wanted])
        # lexsort is stable: a pair that is known sorts right behind its place among the known ones.
        order = np.lexsort((joined[:, 1], joined[:, 0]))
        place = np.empty(len(joined), np.int64)
        place[order] = np.cumsum(order < len(keys)) - 1
        place = place[len(keys) :]
        hit = (place >= 0) & (keys[place] == wanted).all(axis=1)
        out = np.full(len(wanted), np.nan, np.float32)
        out[hit] = table["similarity"].to_numpy()[place[hit]]
        return out

    def save(self, verdicts: Verdicts, words: np.ndarray, rows: np.ndarray) -> None:
        """Remember the exact verdicts of this run, and only these; `words` (uint64) are the contents by place, `rows`
        the places by rank."""
        remove_tree(self._folder)
        count = max(1, -(-len(verdicts.pairs) // _PAIRS_A_FILE))
        share = np.full(len(verdicts.pairs), count, np.uint16)  # estimates have none
        for start in range(0, len(share), _PAIRS_A_FILE):
            some = slice(start, start + _PAIRS_A_FILE)
            smaller = np.minimum(*_contents(verdicts.pairs[some], words, rows))
            share[some] = np.where(verdicts.method[some] == JACCARD, _share(smaller, count), count)
        for number in range(count):
            mine = np.flatnonzero(share == number)
            left, right = _contents(verdicts.pairs[mine], words, rows)
            a, b = np.minimum(left, right), np.maximum(left, right)
            order = np.lexsort((b, a))
            table = pa.table({"a": a[order], "b": b[order], "similarity": verdicts.similarity[mine[order]]})
            parquet.write(self._folder / f"{number:05d}.parquet", table, footer={"key": self._key})


_PAIRS_A_FILE = 4_000_000


def _contents(pairs: np.ndarray, words: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The content (uint64) of both records of each pair."""
    return words[rows[pairs >> np.uint64(32)]], words[rows[pairs & _LOW]]


def _share(words: np.ndarray, count: int) -> np.ndarray:
    return ((words >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32)


def content_word(content: np.ndarray) -> np.ndarray:
    """64 bits (uint64[k]) of the 128-bit content hashes uint64[k, 2]."""
    return content[:, 0] * np.uint64(0x9E3779B97F4A7C15) ^ content[:, 1]


@dataclass(frozen=True)
class _EvidenceJob:
    folder: Path
    part: Part
    number: int
    rows: np.ndarray  # int64[], ascending, within the part
    params: DedupeMeasure


@dataclass(frozen=True)
class _BlockJob:
    index: Index
    asked: Path  # the places that have evidence
    pairs: np.ndarray
    params: DedupeMeasure


def verify(
    index: Index,
    parts: Sequence[Part],
    candidates: Sequence[Candidates],
    params: DedupeMeasure,
    known: Known,
    track: Track,
    memory: int,
) -> Verdicts:
    """Compare every candidate of the link set; `memory` (bytes) bounds what a block holds."""
    words = content_word(index.content())
    asked = np.zeros(index.count, np.bool_)
    rows = index.rows()
    for found in candidates:
        pairs = _open_pairs(found, words, rows, params, known)[0]
        asked[rows[pairs >> np.uint64(32)]] = asked[rows[pairs & _LOW]] = True
    places = np.flatnonzero(asked)
    np.save(index.folder / "asked.npy", places, allow_pickle=False)
    sizes = _gather_evidence(index, parts, places, params, track)
    verdicts = []
    # One file of candidates after the other: what waits is never more than one of them.
    for found in candidates:
        pairs, guess, settled = _open_pairs(found, words, rows, params, known)
        ends = [np.searchsorted(places, rows[p.astype(np.int64)]) for p in (pairs >> np.uint64(32), pairs & _LOW)]
        # A text is counted each time it is named: an upper bound, and close to the truth for small clusters.
        cost = np.cumsum(8 * (sizes[ends[0]] + sizes[ends[1]]) + 64)
        jobs = [
            _BlockJob(index, index.folder / "asked.npy", pairs[start:end], params)
            for start, end in _blocks(cost, memory)
        ]
        exact = np.concatenate([np.zeros(0), *track("dedupe: verify", _compare, jobs)])
        method = np.where(np.isnan(exact), ESTIMATE, JACCARD).astype(np.uint8)
        similarity = np.where(np.isnan(exact), guess, exact).astype(np.float32)
        verdicts += [settled, Verdicts(pairs, similarity, method)]
    said = Verdicts.joined(verdicts)
    verdicts.clear()
    known.save(said, words, rows)
    return said


def _open_pairs(
    found: Candidates, words: np.ndarray, rows: np.ndarray, params: DedupeMeasure, known: Known
) -> tuple[np.ndarray, np.ndarray, Verdicts]:
    """(pairs to compare, their estimates, verdicts that are known) of one file of candidates."""
    pairs, matches = np.asarray(found.pairs()), np.asarray(found.matches())
    wanted = (kinds(matches, params) & LINK) > 0
    pairs, matches = pairs[wanted], matches[wanted]
    similarity = known.of(*_contents(pairs, words, rows))
    todo = np.isnan(similarity)
    done = ~todo
    settled = Verdicts(pairs[done], similarity[done], np.full(int(done.sum()), JACCARD, np.uint8))
    return pairs[todo], estimate(matches[todo], params.permutations).astype(np.float32), settled


def _gather_evidence(
    index: Index, parts: Sequence[Part], places: np.ndarray, params: DedupeMeasure, track: Track
) -> np.ndarray:
    """Boil the asked texts down, each part read once; returns the numbers of shingles (int64) by asked place."""
    starts = index.starts()
    bounds = np.searchsorted(places, starts)
    jobs = [
        _EvidenceJob(index.folder, parts[part], part, places[low:high] - starts[part], params)
        for part, (low, high) in enumerate(pairwise(bounds.tolist()))
        if high > low
    ]
    return np.concatenate([np.zeros(0, np.int64), *track("dedupe: evidence", _boil_down, jobs)])


def _boil_down(job: _EvidenceJob) -> np.ndarray:
    part, folder = job.part, job.folder
    if part.texts is None:  # its evidence was made with its sketch
        values, offsets = (np.load(folder / f"{part.name}.{k}.npy", allow_pickle=False) for k in ("values", "offsets"))
        begins, ends = offsets[job.rows], offsets[job.rows + 1]
        offsets = np.concatenate([[0], np.cumsum(ends - begins)]).astype(np.int64)
        chosen = np.empty(int(offsets[-1]), np.uint32)
        gather_runs(values, begins, ends, chosen)
        values = chosen
    else:
        values, offsets = shingle_sets(part.texts.read(job.rows), params=job.params)
    np.save(folder / f"evidence-{job.number:06d}.values.npy", values, allow_pickle=False)
    np.save(folder / f"evidence-{job.number:06d}.offsets.npy", offsets, allow_pickle=False)
    return np.diff(offsets)


def _blocks(cost: np.ndarray, memory: int) -> list[tuple[int, int]]:
    """Cut where the running `cost` would exceed the memory."""
    total = int(cost[-1]) if len(cost) else 0
    cuts = np.unique(np.searchsorted(cost, np.arange(memory, total, memory))).tolist()
    bounds = [0, *(c for c in cuts if 0 < c < len(cost)), len(cost)]
    return [(start, end) for start, end in pairwise(bounds) if end > start]


def _compare(job: _BlockJob) -> np.ndarray:
    """Exact similarity (float64) of the pairs of a block, NaN where a text was too long."""
    index = job.index
    rows = index.rows()
    ends = np.stack([rows[job.pairs >> np.uint64(32)], rows[job.pairs & _LOW]])
    distinct, of_pair = np.unique(ends, return_inverse=True)
    places = np.load(job.asked, mmap_mode="r", allow_pickle=False)
    starts = index.starts()
    # The evidence of a part holds its asked rows in their order: where each of ours lies there.
    part = np.searchsorted(starts, distinct, side="right") - 1
    inside = np.searchsorted(places, distinct) - np.searchsorted(places, starts[part])
    cuts = [*np.flatnonzero(np.diff(part, prepend=-1)).tolist(), len(part)]
    pieces = []
    for start, end in pairwise(cuts):
        name = index.folder / f"evidence-{int(part[start]):06d}"
        values = np.load(f"{name}.values.npy", mmap_mode="r", allow_pickle=False)
        offsets = np.load(f"{name}.offsets.npy", mmap_mode="r", allow_pickle=False)
        mine = inside[start:end]
        begins, stops = np.asarray(offsets[mine]), np.asarray(offsets[mine + 1])
        out = np.empty(int((stops - begins).sum()), np.uint32)
        gather_runs(np.asarray(values), begins, stops, out)
        pieces.append((out, stops - begins))
    hashes = np.concatenate([np.empty(0, np.uint32), *(p[0] for p in pieces)])
    offsets = np.concatenate([[0], np.cumsum(np.concatenate([p[1] for p in pieces]))]).astype(np.int64)
    left, right = of_pair.reshape(2, -1)
    return similarities((hashes, offsets), index.short()[distinct], left, right)
