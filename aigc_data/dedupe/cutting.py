"""What is cut: lines and paragraphs that stand in many records, and runs of tokens that an earlier record has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.columns import CUTS
from aigc_data.dedupe.index import Track
from aigc_data.dedupe.parts import Numbering, Part, starts_of
from aigc_data.dedupe.texts import no_rows
from aigc_data.recipe import DedupeMeasure
from aigc_data.store import parquet
from aigc_data.text.dedupe.cuts import merge_cuts
from aigc_data.text.dedupe.repeats import Counted, count_repeats, counted, cut_repeats, slice_hashes
from aigc_data.text.dedupe.substrings import repeated_substrings

#: Bytes that counting takes for each hash of a shard: hash, row, and the copies of a merge.
COUNTING_BYTES = 48


@dataclass(frozen=True)
class _CountJob:
    files: tuple[Path, ...]
    starts: tuple[int, ...]
    stands: Path
    low: int
    high: int
    records: int


def repeated_hashes(
    folder: Path,
    parts: Sequence[Part],
    lines: Sequence[Path],
    stands: np.ndarray,
    rows: int,
    params: DedupeMeasure,
    track: Track,
    memory: int,
) -> np.ndarray:
    """The hashes (uint64[], ascending) of lines and paragraphs that repeat, of the `rows` hashes in the parts' files.

    Only records that stand for their cluster are counted (`stands`, bool by place): twenty copies of an article are one
    article, and the gate chooses among them. Counted in ranges that fit into `memory` (bytes).
    """
    where = folder / "stands.npy"
    np.save(where, stands, allow_pickle=False)
    count = max(1, -(-rows * COUNTING_BYTES // max(memory, 1)))
    edges = [(i << 64) // count for i in range(count + 1)]
    shared = (tuple(lines), tuple(starts_of(parts).tolist()), where)
    jobs = [_CountJob(*shared, low, high, params.repeats.records) for low, high in pairwise(edges)]
    return np.concatenate([np.zeros(0, np.uint64), *track("dedupe: lines", _count, jobs)])


def _count(job: _CountJob) -> np.ndarray:
    stands = np.asarray(np.load(job.stands, mmap_mode="r", allow_pickle=False))

    def part(path: Path, start: int) -> Counted:
        table = parquet.read_between(path, ["hash", "row"], "hash", job.low, job.high)
        hashes, rows = table["hash"].to_numpy(), table["row"].to_numpy()
        return slice_hashes(counted(hashes[stands[start + rows.astype(np.int64)]]), job.low, job.high)

    return count_repeats(map(part, job.files, job.starts), records=job.records)


@dataclass(frozen=True)
class _CutJob:
    part: Part
    repeated: Path
    params: DedupeMeasure
    to: Path


def cut_lines(
    folder: Path,
    parts: Sequence[Part],
    lines: Sequence[Path],
    repeated: np.ndarray,
    params: DedupeMeasure,
    track: Track,
) -> dict[int, Path]:
    """The cuts of each part that holds a repeated line, in a file each; `lines` are the parts' hashes."""
    where = folder / "repeated.npy"
    np.save(where, repeated, allow_pickle=False)
    jobs, numbers = [], []
    for number, (part, path) in enumerate(zip(parts, lines, strict=True)):
        hashes = parquet.read(path, ["hash"])["hash"].to_numpy()
        if len(repeated) and (repeated[np.searchsorted(repeated, hashes) % len(repeated)] == hashes).any():
            jobs.append(_CutJob(part, where, params, folder / f"cuts-{number:06d}.parquet"))
            numbers.append(number)
    return dict(zip(numbers, track("dedupe: cut", _cut_lines, jobs), strict=True))


def _cut_lines(job: _CutJob) -> Path:
    assert job.part.texts is not None
    repeats = job.params.repeats
    repeated = np.load(job.repeated, allow_pickle=False)
    cuts = cut_repeats(job.part.texts.read(), repeated, units=repeats.units, min_tokens=repeats.min_tokens)
    parquet.write(job.to, pa.table([cuts.cast(CUTS)], names=["cuts"]), footer={})
    return job.to


@dataclass(frozen=True)
class _SubstringJob:
    folder: Path
    parts: tuple[Part, ...]
    group: int
    params: DedupeMeasure


def cut_substrings(
    folder: Path, parts: Sequence[Part], numbering: Numbering, cluster: np.ndarray, params: DedupeMeasure, track: Track
) -> pa.Table:
    """Runs of tokens that an earlier record of the group has too: `place` (int64, ascending) and `cuts` of the records
    that have any. A group is a share of the ids, so that neither shards nor their order decide.

    Of a cluster (`cluster`, by rank) the record that names it is compared, and none is cut: the gate chooses among them
    as they are.
    """
    groups = params.substrings.groups
    own = np.arange(len(cluster), dtype=cluster.dtype)
    alone = np.bincount(cluster, minlength=len(cluster))[cluster] == 1
    np.save(folder / "compared.npy", (cluster == own)[numbering.rank], allow_pickle=False)
    np.save(folder / "alone.npy", alone[numbering.rank], allow_pickle=False)
    np.save(folder / "id-heads.npy", numbering.ids[numbering.rank, 0], allow_pickle=False)
    np.save(folder / "id-ranks.npy", numbering.rank, allow_pickle=False)
    jobs = [_SubstringJob(folder, tuple(parts), g, params) for g in range(groups)]
    schema = pa.schema([pa.field("place", pa.int64()), pa.field("cuts", CUTS)])
    found = [t.cast(schema) for t in track("dedupe: substrings", _cut_substrings, jobs)]
    return pa.concat_tables([schema.empty_table(), *found]).sort_by("place")


def _cut_substrings(job: _SubstringJob) -> pa.Table:
    substrings = job.params.substrings
    heads = np.load(job.folder / "id-heads.npy", mmap_mode="r", allow_pickle=False)
    ranks = np.load(job.folder / "id-ranks.npy", mmap_mode="r", allow_pickle=False)
    compared, alone = (
        np.load(job.folder / f"{n}.npy", mmap_mode="r", allow_pickle=False) for n in ("compared", "alone")
    )
    mine = np.flatnonzero((_group_of(np.asarray(heads), substrings.groups) == job.group) & compared)
    starts, chunks = starts_of(job.parts), []
    for number, part in enumerate(job.parts):
        inside = mine[(mine >= starts[number]) & (mine < starts[number + 1])] - starts[number]
        if len(inside):
            assert part.texts is not None
            chunks += part.texts.read(inside).chunks
    texts = pa.chunked_array(chunks, pa.large_string())
    cuts = repeated_substrings(texts, np.asarray(ranks)[mine], tokens=substrings.tokens)
    table = pa.table({"place": pa.array(mine), "cuts": cuts})
    cut = pc.greater(pc.list_value_length(table["cuts"]), 0)
    return table.filter(pc.and_(cut, pa.array(np.asarray(alone)[mine])))


def _group_of(heads: np.ndarray, groups: int) -> np.ndarray:
    """Which share of the ids, by their first 32 bits."""
    return ((heads >> np.uint64(32)) * np.uint64(groups)) >> np.uint64(32)


def cuts_of(rows: int, lines: Path | None, substrings: pa.Table, start: int) -> pa.Array:
    """columns.CUTS of a part of `rows` records that begin at place `start`."""
    cuts: Any = parquet.read(lines, ["cuts"])["cuts"].combine_chunks() if lines else no_rows(CUTS, rows)
    low, high = np.searchsorted(substrings["place"].to_numpy(), [start, start + rows]).tolist()
    if high > low:
        mine = substrings.slice(low, high - low)
        at = np.full(rows, -1, np.int64)
        at[mine["place"].to_numpy() - start] = np.arange(high - low)
        spread = mine["cuts"].combine_chunks().take(pa.array(at, mask=at < 0))
        cuts = merge_cuts(cuts, spread).cast(CUTS)
    return cuts
