"""Candidates: pairs of records that share a band and look alike by their signatures, each pair once.

The wide step. Every band, and every range of its keys where a band exceeds the memory, is a job by itself; what they
find is merged by ranges of the smaller rank. Files of pairs, never a table of all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aigc_data.dedupe.index import PAIRING_BYTES, Index, Track, key_ranges
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe.pairs import band_pairs, distinct_pairs

#: Bytes that merging a pair takes, and looking at it when it is verified: pair, matches, order, places, content hashes.
MERGING_BYTES = 128


@dataclass(frozen=True)
class Candidates:
    """A file of distinct pairs (uint64[], `smaller rank << 32 | larger rank`, ascending) and one of the numbers of
    values in which their signatures agree (int16[])."""

    folder: Path
    name: str
    count: int

    def pairs(self) -> np.ndarray:
        """uint64[count]."""
        return np.load(self.folder / f"{self.name}.pairs.npy", mmap_mode="r", allow_pickle=False)

    def matches(self) -> np.ndarray:
        """int16[count]."""
        return np.load(self.folder / f"{self.name}.matches.npy", mmap_mode="r", allow_pickle=False)


@dataclass(frozen=True)
class _BandJob:
    index: Index
    band: int
    number: int
    low: int
    high: int
    params: DedupeMeasure


@dataclass(frozen=True)
class _MergeJob:
    found: tuple[Candidates, ...]
    number: int
    low: int  # ranks of the smaller record
    high: int


def find_candidates(index: Index, params: DedupeMeasure, track: Track, memory: int) -> list[Candidates]:
    """All candidates, in files whose ranges of the smaller rank follow one another; `memory` (bytes) bounds a job."""
    ranges = list(key_ranges(index.count * (PAIRING_BYTES + index.permutations), memory))
    jobs = [
        _BandJob(index, band, number, low, high, params)
        for band in range(index.bands)
        for number, (low, high) in enumerate(ranges)
    ]
    found = [c for c in track("dedupe: pairs", _pair_up, jobs) if c.count]
    merges = [_MergeJob(tuple(found), i, low, high) for i, (low, high) in enumerate(_cut(found, memory))]
    merged = [c for c in track("dedupe: merge", _merge, merges) if c.count]
    for part in found:
        _remove(part)
    return merged


def _pair_up(job: _BandJob) -> Candidates:
    index = job.index
    entries = index.entries(job.band, job.low, job.high)
    loose = job.band >= index.link_bands
    pairs, matches, _ = band_pairs(entries, index.signatures, loose, index.own, job.params, index.references)
    order = np.argsort(pairs)
    return _save(index.folder, f"band-{job.band:03d}-{job.number:05d}", pairs[order], matches[order])


def _merge(job: _MergeJob) -> Candidates:
    parts = []
    for found in job.found:
        pairs = found.pairs()
        start, end = np.searchsorted(pairs, np.array([job.low, job.high], np.uint64) << np.uint64(32)).tolist()
        parts.append((np.asarray(pairs[start:end]), np.asarray(found.matches()[start:end])))
    pairs, matches = distinct_pairs([p[0] for p in parts], [p[1] for p in parts])
    return _save(job.found[0].folder, f"candidates-{job.number:05d}", pairs, matches)


def _cut(found: Sequence[Candidates], memory: int) -> list[tuple[int, int]]:
    """Ranges of the smaller rank with about equally many pairs, so many that one fits into the memory."""
    total = sum(c.count for c in found)
    if not total:
        return []
    count = max(1, -(-total * MERGING_BYTES // max(memory, 1)))
    step = max(1, total // (count * 64))
    sample = np.sort(np.concatenate([np.asarray(c.pairs()[::step]) >> np.uint64(32) for c in found]))
    inner = np.unique(sample[np.arange(1, count) * len(sample) // count]).astype(np.int64).tolist()
    edges = [0, *(e for e in inner if e > 0), (1 << 32) - 1]
    return list(itertools.pairwise(edges))


def _save(folder: Path, name: str, pairs: np.ndarray, matches: np.ndarray) -> Candidates:
    if len(pairs):
        np.save(folder / f"{name}.pairs.npy", pairs, allow_pickle=False)
        np.save(folder / f"{name}.matches.npy", matches, allow_pickle=False)
    return Candidates(folder, name, len(pairs))


def _remove(found: Candidates) -> None:
    for kind in ("pairs", "matches"):
        (found.folder / f"{found.name}.{kind}.npy").unlink()
