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
from aigc_data.kernels.jaccard import gather_rows
from aigc_data.recipe import DedupeMeasure
from aigc_data.store import parquet
from aigc_data.text.dedupe import LINK, kinds, shingle_sets, similarities
from aigc_data.text.sketch import estimate

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
        """Some of them (bool[m])."""
        return Verdicts(self.pairs[chosen], self.similarity[chosen], self.method[chosen])

    @classmethod
    def joined(cls, parts: Sequence[Verdicts]) -> Verdicts:
        """Several one behind the other."""
        empty = cls(np.zeros(0, np.uint64), np.zeros(0, np.float32), np.zeros(0, np.uint8))
        columns = zip(*((p.pairs, p.similarity, p.method) for p in [empty, *parts]), strict=True)
        return cls(*(np.concatenate(c) for c in columns))


class Known:
    """Verdicts of earlier runs by the content of both texts, in a file beside the workspace's other caches."""

    def __init__(self, path: Path, key: str) -> None:
        self._path, self._key = path, key
        self._keys, self._values = np.empty((0, 2), np.uint64), np.empty(0, np.float32)
        if path.is_file():
            try:
                if parquet.footer(path).get("key") == key:
                    table = parquet.read(path, ["a", "b", "similarity"])
                    self._keys = np.stack([table["a"].to_numpy(), table["b"].to_numpy()], axis=1)
                    self._values = table["similarity"].to_numpy()
            except IntegrityError:
                pass  # a cache that is not whole is none

    def of(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Similarity (float32[m], NaN where it is not known) of texts with these content hashes (uint64[m])."""
        out = np.full(len(left), np.nan, np.float32)
        if not len(self._keys) or not len(left):
            return out
        wanted = np.stack([np.minimum(left, right), np.maximum(left, right)], axis=1)
        joined = np.concatenate([self._keys, wanted])
        # lexsort is stable: a pair that is known sorts right behind its place among the known ones.
        order = np.lexsort((joined[:, 1], joined[:, 0]))
        place = np.empty(len(joined), np.int64)
        place[order] = np.cumsum(order < len(self._keys)) - 1
        place = place[len(self._keys) :]
        hit = (place >= 0) & (self._keys[place] == wanted).all(axis=1)
        out[hit] = self._values[place[hit]]
        return out

    def save(self, left: np.ndarray, right: np.ndarray, similarity: np.ndarray) -> None:
        """Remember the verdicts of this run, and only these."""
        a, b = np.minimum(left, right), np.maximum(left, right)
        order = np.lexsort((b, a))
        table = pa.table({"a": a[order], "b": b[order], "similarity": similarity[order].astype(np.float32)})
        parquet.write(self._path, table, footer={"key": self._key})


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
    open_pairs, settled = [], []
    for found in candidates:
        pairs, matches = np.asarray(found.pairs()), np.asarray(found.matches())
        wanted = (kinds(matches, params) & LINK) > 0
        pairs, matches = pairs[wanted], matches[wanted]
        left, right = rows[pairs >> np.uint64(32)], rows[pairs & _LOW]
        similarity = known.of(words[left], words[right])
        todo = np.isnan(similarity)
        asked[left[todo]] = asked[right[todo]] = True
        open_pairs.append((pairs[todo], estimate(matches[todo], params.permutations).astype(np.float32)))
        done = ~todo
        settled.append(Verdicts(pairs[done], similarity[done], np.full(int(done.sum()), JACCARD, np.uint8)))
    places = np.flatnonzero(asked)
    np.save(index.folder / "asked.npy", places, allow_pickle=False)
    sizes = _gather_evidence(index, parts, places, params, track)
    jobs, guesses = [], []
    for pairs, guess in open_pairs:
        ends = [np.searchsorted(places, rows[p.astype(np.int64)]) for p in (pairs >> np.uint64(32), pairs & _LOW)]
        # A text is counted each time it is named: an upper bound, and close to the truth for small clusters.
        cost = np.cumsum(8 * (sizes[ends[0]] + sizes[ends[1]]) + 64)
        for start, end in _blocks(cost, memory):
            jobs.append(_BlockJob(index, index.folder / "asked.npy", pairs[start:end], params))
            guesses.append(guess[start:end])
    fresh = []
    for job, guess, exact in zip(jobs, guesses, track("dedupe: verify", _compare, jobs), strict=True):
        method = np.where(np.isnan(exact), ESTIMATE, JACCARD).astype(np.uint8)
        fresh.append(Verdicts(job.pairs, np.where(np.isnan(exact), guess, exact).astype(np.float32), method))
    verdicts = Verdicts.joined([*settled, *fresh])
    sure = verdicts.where(verdicts.method == JACCARD)
    known.save(words[rows[sure.left]], words[rows[sure.right]], sure.similarity)
    return verdicts


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
        sizes = np.diff(offsets)[job.rows]
        kept = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        chosen = np.empty(int(kept[-1]), np.uint32)
        gather_rows(values, offsets, job.rows, chosen, kept)
        values, offsets = chosen, kept
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
        offsets = np.load(f"{name}.offsets.npy", allow_pickle=False)
        mine = inside[start:end]
        sizes = offsets[mine + 1] - offsets[mine]
        to = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        out = np.empty(int(to[-1]), np.uint32)
        gather_rows(np.asarray(values), offsets, mine, out, to)
        pieces.append((out, sizes))
    hashes = np.concatenate([np.empty(0, np.uint32), *(p[0] for p in pieces)])
    offsets = np.concatenate([[0], np.cumsum(np.concatenate([p[1] for p in pieces]))]).astype(np.int64)
    left, right = of_pair.reshape(2, -1)
    return similarities((hashes, offsets), left, right)
