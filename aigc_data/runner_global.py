"""Runs a Global stage: sketch each shard, pair by partition, verify in blocks, resolve once, write one layer.

Records are numbered by the rank of their id, so that no result depends on how rows lie in shards. What a run keeps
beside the
layer's two folders: `sketch/` (a few hundred bytes a record) and `links/` (verified pairs with their ids).
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_data.columns import LINKS, on_disk
from aigc_data.hashing import digest_of
from aigc_data.ids import order_of, to_hex, to_numbers
from aigc_data.runner import (
    Context,
    Report,
    checked,
    dump,
    entry_of,
    files_are,
    finish_layer,
    fresh_entry,
    layer_manifest,
    parent_digests,
    parent_stages,
    write_reasons,
)
from aigc_data.stage import Global
from aigc_data.store import parquet, stack
from aigc_data.store.files import remove_tree
from aigc_data.store.workspace import MANIFEST, Shard, Workspace

#: Values of evidence (shingle hashes, 4 bytes each) that one verification block holds.
_BLOCK_VALUES = 16_000_000
#: Records a partition of the band keys covers, about; the number of partitions never changes a result.
_PARTITION_RECORDS = 500_000


def run_global(stage: Global, context: Context) -> Report:
    """Bring a Global stage's layer up to date; finished sketches and blocks of a killed run are kept."""
    started = time.perf_counter()
    workspace, folder = context.workspace, context.workspace.layer(stage.name)
    if global_is_fresh(stage, context):
        manifest = workspace.manifest(folder) or {}
        return Report(stage.name, 0, len(manifest["files"]) // 2, manifest["rows"], 0.0, manifest["reasons"])
    files = _sketch(stage, context)
    shards = workspace.shards()
    numbering = _Numbering.of(workspace, shards)
    key = _resolve_key(stage, context, {name: entry["key"] for name, entry in files.items()})
    links, candidates = _links(stage, context, numbering)
    files |= _write_links(workspace, stage.name, numbering, links, key)
    resolved = stage.resolve(links, candidates, numbering.count, context.params.measure)
    files |= _write_layer(stage, workspace, numbering, resolved, key)
    manifest = layer_manifest(stage.name, context.params, files, context.code(stage.libraries))
    finish_layer(workspace, folder, manifest, seconds=time.perf_counter() - started)
    return Report(stage.name, len(shards), 0, manifest["rows"], time.perf_counter() - started, manifest["reasons"])


def global_is_fresh(stage: Global, context: Context) -> bool:
    """Whether the layer was resolved from the sketches that the base and the parameters ask for, and is whole."""
    workspace, folder = context.workspace, context.workspace.layer(stage.name)
    manifest = workspace.manifest(folder)
    parents = [workspace.layer(s) for s in parent_stages(stage.reads)]
    if manifest is None or not all((f / MANIFEST).is_file() for f in (workspace.base, *parents)):
        return False
    sketches = {f"sketch/{shard.name}.parquet": key for shard, key, _ in _sketch_keys(stage, context)}
    key = _resolve_key(stage, context, sketches)
    names = [f"{kind}/{s.name}.parquet" for s in workspace.shards() for kind in ("measure", "reason")]
    return files_are(
        workspace,
        folder,
        manifest["files"],
        {**sketches, **dict.fromkeys([*names, "links/00000.parquet"], key)},
    )


@dataclass(frozen=True)
class _Numbering:
    """The rank of every record's id, and where the record lies: 16 + 8 + 8 bytes a record on the driver."""

    shards: tuple[Shard, ...]
    ids: np.ndarray  # uint64[n, 2], by rank
    rank: np.ndarray  # int64[n], in shard order
    row: np.ndarray  # int64[n]: the place in shard order of each rank

    @classmethod
    def of(cls, workspace: Workspace, shards: list[Shard]) -> _Numbering:
        parts = [to_numbers(parquet.read(workspace.base_file(s.name), ["id"])["id"]) for s in shards]
        ids = np.concatenate([np.empty((0, 2), np.uint64), *parts])
        row = order_of(ids)
        rank = np.empty(len(ids), np.int64)
        rank[row] = np.arange(len(ids))
        return cls(tuple(shards), ids[row], rank, row)

    @property
    def count(self) -> int:
        return len(self.rank)

    def slices(self) -> Iterator[tuple[Shard, int, int]]:
        """Each shard with the places of its first record and of the one after its last."""
        return zip(self.shards, self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True)

    @property
    def starts(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum([s.rows for s in self.shards])])


def _sketch_keys(stage: Global, context: Context) -> Iterator[tuple[Shard, str, dict[str, str]]]:
    parents = parent_digests(context.workspace, parent_stages(stage.reads))
    made_of = {
        "stage": stage.name,
        "code": context.code(stage.libraries),
        "params": dump(context.params.measure),
    }
    for shard in context.workspace.shards():
        read = {name: digests.get(shard.name) for name, digests in parents.items()}
        yield (
            shard,
            digest_of({**made_of, "base": shard.sha256, "reads": read}),
            {k: str(v) for k, v in read.items()},
        )


def _resolve_key(stage: Global, context: Context, sketches: dict[str, str]) -> str:
    return digest_of({"stage": stage.name, "params": dump(context.params), "sketches": sketches})


@dataclass(frozen=True)
class _SketchJob:
    module: str
    workspace: Workspace
    shard: Shard
    params: Any
    key: str
    parents: dict[str, str]


def _sketch(stage: Global, context: Context) -> dict[str, dict[str, Any]]:
    workspace, folder = context.workspace, context.workspace.layer(stage.name)
    old = (workspace.manifest(folder) or {}).get("files", {})
    files: dict[str, dict[str, Any]] = {}
    jobs = []
    for shard, key, parents in _sketch_keys(stage, context):
        entry = fresh_entry(workspace, folder, f"sketch/{shard.name}.parquet", key, old)
        if entry:
            files[f"sketch/{shard.name}.parquet"] = entry
        else:
            jobs.append(_SketchJob(context.module, workspace, shard, context.params.measure, key, parents))
    results = context.track(f"{stage.name}: sketch", context.each(_sketch_shard, jobs), len(jobs))
    for job, entry in zip(jobs, results, strict=True):
        files[f"sketch/{job.shard.name}.parquet"] = entry
    return files


def _sketch_shard(job: _SketchJob) -> dict[str, Any]:
    stage: Global = importlib.import_module(job.module).STAGE
    sketch = stage.sketch(stack.read_rows(job.workspace, job.shard, stage.reads), job.params)
    sketch = checked(sketch, stage.sketch_schema, job.shard, stage.name)
    path = _sketch_file(job.workspace, stage.name, job.shard)
    footer = {"key": job.key, "base": job.shard.sha256, "measures": job.parents}
    return entry_of(job.workspace, path, job.key, parquet.write(path, sketch, footer=footer))


def _sketch_file(workspace: Workspace, stage: str, shard: Shard) -> Path:
    return workspace.layer(stage) / "sketch" / f"{shard.name}.parquet"


def _links(stage: Global, context: Context, numbering: _Numbering) -> tuple[pa.Table, pa.Table]:
    """(verified links, candidates), both by rank, sorted and without repeats."""
    workspace = context.workspace
    scratch = workspace.private / stage.name
    remove_tree(scratch)
    scratch.mkdir(parents=True)
    try:
        candidates = _candidates(stage, context, numbering, scratch)
        places = _gather_evidence(stage, context, numbering, candidates, scratch)
        jobs = [
            _BlockJob(
                context.module,
                block,
                scratch,
                tuple(s.name for s in numbering.shards),
                places_of,
                context.params.measure,
            )
            for block, places_of in plan_blocks(candidates, numbering, stage.asks(candidates), places)
        ]
        tables = list(context.track(f"{stage.name}: verify", context.each(_verify_block, jobs), len(jobs)))
    finally:
        remove_tree(scratch)
    links = pa.concat_tables(tables)
    return links.sort_by([("a", "ascending"), ("b", "ascending")]), candidates


@dataclass(frozen=True)
class _PairsJob:
    module: str
    workspace: Workspace
    shards: tuple[Shard, ...]
    ranks: Path
    partition: int
    partitions: int
    params: Any


def _candidates(stage: Global, context: Context, numbering: _Numbering, scratch: Path) -> pa.Table:
    ranks = scratch / "ranks.npy"
    np.save(ranks, numbering.rank, allow_pickle=False)
    partitions = max(1, -(-numbering.count // _PARTITION_RECORDS))
    shared = (context.module, context.workspace, numbering.shards, ranks)
    jobs = [_PairsJob(*shared, p, partitions, context.params.measure) for p in range(partitions)]
    return stage.merge(list(context.track(f"{stage.name}: pairs", context.each(_pair_partition, jobs), len(jobs))))


def _pair_partition(job: _PairsJob) -> pa.Table:
    stage: Global = importlib.import_module(job.module).STAGE
    parts = [parquet.read(_sketch_file(job.workspace, stage.name, s)) for s in job.shards]
    sketches = pa.concat_tables([stage.sketch_schema.empty_table(), *parts])
    ranks = np.load(job.ranks, allow_pickle=False)
    return stage.pairs(sketches, ranks, job.partition, job.partitions, job.params)


@dataclass(frozen=True)
class _EvidenceJob:
    module: str
    workspace: Workspace
    shard: Shard
    rows: np.ndarray
    scratch: Path
    params: Any


def _gather_evidence(
    stage: Global, context: Context, numbering: _Numbering, candidates: pa.Table, scratch: Path
) -> np.ndarray:
    """Boil the texts that are asked for down to evidence files, each shard read once.

    Returns int64[n, 3] by place in shard order: shard, place in the shard's evidence, size; -1 where nothing is asked.
    """
    asked = candidates.filter(pa.array(stage.asks(candidates)))
    rows = np.unique(np.concatenate([numbering.row[asked[name].to_numpy().astype(np.int64)] for name in ("a", "b")]))
    places = np.full((numbering.count, 3), -1, np.int64)
    jobs, inside = [], []
    for number, (shard, low, high) in enumerate(numbering.slices()):
        mine = rows[(rows >= low) & (rows < high)]
        places[mine, 0], places[mine, 1] = number, np.arange(len(mine))
        if len(mine):
            jobs.append(
                _EvidenceJob(context.module, context.workspace, shard, mine - low, scratch, context.params.measure)
            )
            inside.append(mine)
    sizes = context.track(f"{stage.name}: evidence", context.each(_boil_down, jobs), len(jobs))
    for mine, size in zip(inside, sizes, strict=True):
        places[mine, 2] = size
    return places


def _boil_down(job: _EvidenceJob) -> np.ndarray:
    stage: Global = importlib.import_module(job.module).STAGE
    rows = stack.read_rows(job.workspace, job.shard, stage.reads).take(pa.array(job.rows))
    values, offsets = stage.evidence(rows, job.params)
    np.save(job.scratch / f"{job.shard.name}.values.npy", values, allow_pickle=False)
    np.save(job.scratch / f"{job.shard.name}.offsets.npy", offsets, allow_pickle=False)
    return np.diff(offsets)


@dataclass(frozen=True)
class _BlockJob:
    """Candidates whose evidence fits into memory together; `places` is int64[m, 2, 2]: (shard, place) of both
    sides, or -1."""

    module: str
    candidates: pa.Table
    scratch: Path
    shards: tuple[str, ...]
    places: np.ndarray
    params: Any


def plan_blocks(
    candidates: pa.Table, numbering: _Numbering, asked: np.ndarray, places: np.ndarray
) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """Cut the candidates, in their order, where the evidence of a block would exceed _BLOCK_VALUES; at least one
    block."""
    ends = np.stack([places[numbering.row[candidates[n].to_numpy().astype(np.int64)]] for n in ("a", "b")], axis=1)
    ends[~asked] = -1
    # A text is counted each time it is named: an upper bound, and close to the truth for small clusters.
    cost = np.cumsum(np.maximum(ends[:, :, 2], 0).sum(axis=1))
    total = int(cost[-1]) if len(cost) else 0
    cuts = np.unique(np.searchsorted(cost, np.arange(_BLOCK_VALUES, total, _BLOCK_VALUES)))
    bounds = [0, *(int(c) for c in cuts if 0 < c < len(cost)), len(cost)]
    for start, end in pairwise(bounds):
        yield candidates.slice(start, end - start), ends[start:end, :, :2]


def _verify_block(job: _BlockJob) -> pa.Table:
    """Gather the evidence of this block from the shards' files, each row once, and verify."""
    stage: Global = importlib.import_module(job.module).STAGE
    flat = job.places.reshape(-1, 2)
    distinct, index = np.unique(flat, axis=0, return_inverse=True)
    parts, sizes = [], []
    for number in np.unique(distinct[:, 0][distinct[:, 0] >= 0]):
        name = job.shards[number]
        values = np.load(job.scratch / f"{name}.values.npy", mmap_mode="r", allow_pickle=False)
        offsets = np.load(job.scratch / f"{name}.offsets.npy", allow_pickle=False)
        for place in distinct[distinct[:, 0] == number, 1]:
            parts.append(values[offsets[place] : offsets[place + 1]])
            sizes.append(offsets[place + 1] - offsets[place])
    # Sorted, (-1, -1) comes first: what is not asked for has place -1 in the evidence.
    index = index.reshape(-1, 2) - int((distinct[:, 0] < 0).any())
    gathered = np.concatenate([np.empty(0, np.uint32), *parts])
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return stage.verify(job.candidates, (gathered, offsets), index[:, 0], index[:, 1], job.params)


def _write_links(
    workspace: Workspace, stage: str, numbering: _Numbering, links: pa.Table, key: str
) -> dict[str, dict[str, Any]]:
    a, b = (to_hex(numbering.ids[links[name].to_numpy().astype(np.int64)]) for name in ("a", "b"))
    table = pa.table([a, b, links["similarity"], links["method"]], schema=LINKS)
    path = workspace.layer(stage) / "links" / "00000.parquet"
    written = fresh_entry(workspace, workspace.layer(stage), "links/00000.parquet", key, {})
    return {
        "links/00000.parquet": written
        or entry_of(workspace, path, key, parquet.write(path, table, footer={"key": key}))
    }


def _write_layer(
    stage: Global, workspace: Workspace, numbering: _Numbering, resolved: pa.Table, key: str
) -> dict[str, dict[str, Any]]:
    """One measure and one reason file a shard: components named by their smallest id; nobody is dropped here."""
    disk, files, folder = on_disk(stage.name, stage.schema), {}, workspace.layer(stage.name)
    parents = parent_digests(workspace, parent_stages(stage.reads))
    in_rank_order = [resolved[name].to_numpy().astype(np.int64) for name in stage.schema.names]
    for shard, low, high in numbering.slices():
        rank = numbering.rank[low:high]
        table = pa.table([to_hex(numbering.ids[column[rank]]) for column in in_rank_order], schema=disk)
        path = workspace.measure_file(stage.name, shard.name)
        read = {name: digests[shard.name] for name, digests in parents.items()}
        footer = {"key": key, "base": shard.sha256, "measures": read}
        measure, reason = f"measure/{shard.name}.parquet", f"reason/{shard.name}.parquet"
        # A run that was killed here has left whole files: the key decides what is in them.
        files[measure] = fresh_entry(workspace, folder, measure, key, {}) or entry_of(
            workspace, path, key, parquet.write(path, table, footer=footer)
        )
        files[reason] = (
            fresh_entry(workspace, folder, reason, key, {})
            or write_reasons(workspace, stage.name, shard, pa.nulls(shard.rows, pa.string()), key)[1]
        )
    return files
