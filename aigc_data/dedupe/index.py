"""The index of all sketches, transposed for the wide steps: a file of keys by band, signatures, ranks.

A band is then read as one run of bytes, and a signature found by its place. Scratch, made anew from the sketches in
one pass (some 320 bytes a record, written once); nothing of it is kept.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aigc_data.dedupe.parts import Numbering, Part, starts_of
from aigc_data.errors import StageError
from aigc_data.kernels.buckets import shared_entries
from aigc_data.store import parquet
from aigc_data.text.dedupe.sketch import exact_representatives, fixed_rows

#: Ranks are 32-bit, and the last one is an end.
MOST_RECORDS = (1 << 32) - 1

#: What the caller goes over jobs with: each(function, jobs) → results in order.
Track = Callable[[str, Callable[[Any], Any], list[Any]], Iterable[Any]]

#: Bytes that pairing one partition takes for each record of it beside its signature: entry, copies of it, place.
PAIRING_BYTES = 72
#: The same for finding exact copies.
EXACT_BYTES = 96


@dataclass(frozen=True)
class Index:
    """Paths and sizes; the arrays are mapped where they are used. A place is the order of the parts and their rows."""

    folder: Path
    count: int  # records of all parts
    own: int  # records of the corpus, ranks 0..own-1
    references: int  # records of earlier releases, the ranks behind them
    link_bands: int
    group_bands: int
    permutations: int

    @property
    def bands(self) -> int:
        """Bands of both sets, those of the link set first."""
        return self.link_bands + self.group_bands

    def ranks(self) -> np.ndarray:
        """uint32[count] by place."""
        return self._map("ranks")

    def rows(self) -> np.ndarray:
        """uint32[count] by rank: the place."""
        return self._map("rows")

    def enters(self) -> np.ndarray:
        """bool[count] by place: whether the record is put into buckets."""
        return self._map("enters")

    def short(self) -> np.ndarray:
        """bool[count] by place: whether the text is one shingle, all of its tokens."""
        return self._map("short")

    def content(self) -> np.ndarray:
        """uint64[count, 2] by place: the hash of the whole token stream."""
        return self._map("content")

    def entries(self, band: int, low: int, high: int) -> np.ndarray:
        """`key << 32 | rank` (uint64[], unsorted) of the records that enter a band with a key in [low, high)."""
        offset = band * self.count * 4
        keys = np.memmap(self.folder / "keys.bin", np.uint32, "r", offset, (self.count,))
        return shared_entries(np.asarray(keys), self.ranks(), self.enters(), low, high)

    def signatures(self, ranks: np.ndarray) -> np.ndarray:
        """uint8[k, permutations] of some ranks."""
        stored = np.memmap(self.folder / "signatures.bin", np.uint8, "r", 0, (self.count, self.permutations))
        out = np.empty((len(ranks), self.permutations), np.uint8)
        places = self.rows()[ranks]
        for start in range(0, len(places), _GATHER):
            out[start : start + _GATHER] = stored[places[start : start + _GATHER]]
        return out

    def starts(self) -> np.ndarray:
        """int64[parts + 1]: the place of each part's first record, and of the end."""
        return self._map("starts")

    def in_range(self, begin: int, end: int, low: int, high: int) -> np.ndarray:
        """The places (int64[], ascending) from `begin` to `end` that enter and whose content hash begins in
        [low, high)."""
        content, enters, found = self.content(), self.enters(), [np.zeros(0, np.int64)]
        for start in range(begin, end, _BLOCK):
            stop = min(start + _BLOCK, end)
            prefix = content[start:stop, 0] >> np.uint64(32)
            found.append(start + np.flatnonzero(enters[start:stop] & (prefix >= low) & (prefix < high)))
        return np.concatenate(found)

    def _map(self, name: str) -> np.ndarray:
        return np.asarray(np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))


_GATHER = 1 << 16
_BLOCK = 1 << 22


@dataclass(frozen=True)
class _FillJob:
    index: Index
    part: Part
    start: int


def build_index(
    folder: Path,
    parts: Sequence[Part],
    numbering: Numbering,
    references: int,
    shape: tuple[int, int, int],
    ngram: int,
    track: Track,
    memory: int,
) -> tuple[Index, np.ndarray]:
    """Fill `folder` from the sketches of `parts`, the corpus first; `shape` is (link bands, group bands,
    permutations).

    Returns the index and, by rank of the corpus, the smallest rank among exact copies (uint32[own]). `memory` is in
    bytes and bounds what one job holds.
    """
    starts = starts_of(parts)
    count = int(starts[-1])
    if count >= MOST_RECORDS:
        raise StageError(f"{count:,} records", expected=f"at most {MOST_RECORDS:,} in one workspace", do="divide it")
    index = Index(folder, count, numbering.count, references, *shape)
    np.save(folder / "starts.npy", starts, allow_pickle=False)
    behind = np.arange(numbering.count, count, dtype=np.uint32)
    np.save(folder / "ranks.npy", np.concatenate([numbering.rank, behind]), allow_pickle=False)
    np.save(folder / "rows.npy", np.concatenate([numbering.row, behind]), allow_pickle=False)
    for name, size in (("keys.bin", index.bands * 4), ("signatures.bin", index.permutations)):
        with (folder / name).open("wb") as file:
            file.truncate(max(1, count * size))
    content = np.lib.format.open_memmap(folder / "content.npy", "w+", np.uint64, (count, 2))
    enters, short = (
        np.lib.format.open_memmap(folder / f"{n}.npy", "w+", np.bool_, (count,)) for n in ("enters", "short")
    )
    jobs = [_FillJob(index, part, start) for part, start in zip(parts, starts.tolist(), strict=False)]
    for job, (hashes, tokens) in zip(jobs, track("dedupe: index", _fill, jobs), strict=True):
        rows = slice(job.start, job.start + job.part.rows)
        content[rows], enters[rows], short[rows] = hashes, tokens > 0, tokens <= ngram
    for array in (content, enters, short):
        array.flush()
    first = _first_copies(index, track, memory)
    rank = numbering.rank
    enters[: index.own] &= first[rank] == rank
    enters.flush()
    return index, first


def _fill(job: _FillJob) -> tuple[np.ndarray, np.ndarray]:
    """Write one part's keys and signatures; returns its content hashes and numbers of tokens."""
    index, part = job.index, job.part
    names = ["exact_hi", "exact_lo", "tokens", "link_bands", "group_bands", "sig8"]
    table = parquet.read(part.sketch, names)
    if part.rows:
        with (index.folder / "keys.bin").open("rb+", buffering=0) as file:
            bands = [*fixed_rows(table["link_bands"], "<u4").T, *fixed_rows(table["group_bands"], "<u4").T]
            for band, keys in enumerate(bands):
                _write_at(file.fileno(), np.ascontiguousarray(keys), (band * index.count + job.start) * 4)
        with (index.folder / "signatures.bin").open("rb+", buffering=0) as file:
            signatures = np.ascontiguousarray(fixed_rows(table["sig8"], "u1"))
            _write_at(file.fileno(), signatures, job.start * index.permutations)
    hashes = np.stack([table["exact_hi"].to_numpy(), table["exact_lo"].to_numpy()], axis=1)
    return hashes, table["tokens"].to_numpy()


def _write_at(handle: int, values: np.ndarray, offset: int) -> None:
    view = values.data.cast("B")
    while view.nbytes:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written


@dataclass(frozen=True)
class _ExactJob:
    index: Index
    low: int
    high: int


def _first_copies(index: Index, track: Track, memory: int) -> np.ndarray:
    """For each rank of the corpus the smallest rank among its exact copies; a text without tokens has none."""
    first = np.arange(index.own, dtype=np.uint32)
    jobs = [_ExactJob(index, low, high) for low, high in key_ranges(index.own * EXACT_BYTES, memory)]
    for ranks, smallest in track("dedupe: copies", _exact_copies, jobs):
        first[ranks] = smallest
    return first


def _exact_copies(job: _ExactJob) -> tuple[np.ndarray, np.ndarray]:
    """(ranks, smallest rank of the same content) of the copies in one range of hashes."""
    mine = job.index.in_range(0, job.index.own, job.low, job.high)
    content, ranks = job.index.content(), job.index.ranks()
    high, low, rank = content[mine, 0], content[mine, 1], ranks[mine]
    smallest = exact_representatives(high, low, np.ones(len(mine), np.int64), rank).astype(np.uint32)
    copies = np.flatnonzero(smallest != rank)
    return rank[copies], smallest[copies]


def key_ranges(size: int, memory: int) -> Iterator[tuple[int, int]]:
    """Equal ranges [low, high) of the 32-bit keys, so many that each takes at most `memory` of `size` bytes."""
    count = max(1, -(-size // max(memory, 1)))
    edges = [(i << 32) // count for i in range(count + 1)]
    return itertools.pairwise(edges)
