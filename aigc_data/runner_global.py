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

#: Tokens of distinct texts that one verification block holds: some 100 MB of text and shingle hashes.
_BLOCK_TOKENS = 8_000_000
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


@dataclass(frozen=True)
class _PairsJob:
    module: str
    workspace: Workspace
    shards: tuple[Shard, ...]
    ranks: Path
    partition: int
    partitions: int
    params: Any


def _links(stage: Global, context: Context, numbering: _Numbering) -> tuple[pa.Table, pa.Table]:
    """(verified links, candidates), both by rank, sorted and without repeats."""
    workspace = context.workspace
    scratch = workspace.private / stage.name
    scratch.mkdir(parents=True, exist_ok=True)
    ranks = scratch / "ranks.npy"
    np.save(ranks, numbering.rank, allow_pickle=False)
    partitions = max(1, -(-numbering.count // _PARTITION_RECORDS))
    jobs = [
        _PairsJob(context.module, workspace, numbering.shards, ranks, p, partitions, context.params.measure)
        for p in range(partitions)
    ]
    tables = list(context.track(f"{stage.name}: pairs", context.each(_pair_partition, jobs), len(jobs)))
    candidates = distinct_pairs(pa.concat_tables(tables))
    blocks = [
        _BlockJob(context.module, workspace, *block, params=context.params.measure)
        for block in plan_blocks(candidates, numbering, _tokens(workspace, stage.name, numbering))
    ]
    links = list(context.track(f"{stage.name}: verify", context.each(_verify_block, blocks), len(blocks)))
    remove_tree(scratch)
    found = (
        pa.concat_tables(links) if links else stage.verify(candidates.slice(0, 0), *_nothing(), context.params.measure)
    )
    return found.sort_by([("a", "ascending"), ("b", "ascending")]), candidates


def _nothing() -> tuple[pa.Array, np.ndarray, np.ndarray]:
    return pa.array([], pa.large_string()), np.empty(0, np.int64), np.empty(0, np.int64)


def _pair_partition(job: _PairsJob) -> pa.Table:
    stage: Global = importlib.import_module(job.module).STAGE
    sketches = pa.concat_tables([parquet.read(_sketch_file(job.workspace, stage.name, s)) for s in job.shards])
    ranks = np.load(job.ranks, allow_pickle=False)
    return stage.pairs(sketches, ranks, job.partition, job.partitions, job.params)


def distinct_pairs(candidates: pa.Table) -> pa.Table:
    """Sorted by (a, b), each pair once; a pair of several partitions keeps the kinds of all of them."""
    a, b = candidates["a"].to_numpy(), candidates["b"].to_numpy()
    order = np.lexsort((b, a))
    candidates = candidates.take(pa.array(order))
    a, b = a[order], b[order]
    if not len(a):
        return candidates
    first = np.concatenate([[True], (a[1:] != a[:-1]) | (b[1:] != b[:-1])])
    kind = np.bitwise_or.reduceat(candidates["kind"].to_numpy(), np.flatnonzero(first)).astype(np.uint8)
    once = candidates.filter(pa.array(first))
    return once.set_column(once.schema.get_field_index("kind"), once.schema.field("kind"), pa.array(kind))


def _tokens(workspace: Workspace, stage: str, numbering: _Numbering) -> np.ndarray:
    parts = [parquet.read(_sketch_file(workspace, stage, s), ["tokens"])["tokens"].to_numpy() for s in numbering.shards]
    return np.concatenate([np.empty(0, np.int64), *parts])


@dataclass(frozen=True)
class _BlockJob:
    """Candidates whose texts fit into memory together: `rows[shard]` are the rows to read, in the order of
    `left`/`right`."""

    module: str
    workspace: Workspace
    candidates: pa.Table
    rows: tuple[tuple[Shard, np.ndarray], ...]
    left: np.ndarray
    right: np.ndarray
    params: Any


def plan_blocks(
    candidates: pa.Table, numbering: _Numbering, tokens: np.ndarray
) -> Iterator[tuple[pa.Table, tuple[tuple[Shard, np.ndarray], ...], np.ndarray, np.ndarray]]:
    """Cut the candidates, in their order, where the distinct texts of a block would exceed _BLOCK_TOKENS."""
    if not candidates.num_rows:
        return
    a, b = (numbering.row[candidates[name].to_numpy().astype(np.int64)] for name in ("a", "b"))
    # A text is counted each time it is named: an upper bound, and close to the truth for small clusters.
    cost = np.cumsum(tokens[a] + tokens[b])
    cuts = np.unique(np.searchsorted(cost, np.arange(_BLOCK_TOKENS, int(cost[-1]) + _BLOCK_TOKENS, _BLOCK_TOKENS)))
    start = 0
    for end in [*(int(c) for c in cuts if 0 < c < len(a)), len(a)]:
        distinct, places = np.unique(np.concatenate([a[start:end], b[start:end]]), return_inverse=True)
        rows = []
        for shard, low, high in zip(numbering.shards, numbering.starts[:-1], numbering.starts[1:], strict=True):
            inside = distinct[(distinct >= low) & (distinct < high)]
            if len(inside):
                rows.append((shard, inside - low))
        yield candidates.slice(start, end - start), tuple(rows), places[: end - start], places[end - start :]
        start = end


def _verify_block(job: _BlockJob) -> pa.Table:
    stage: Global = importlib.import_module(job.module).STAGE
    column = next(name for name in stage.reads if name.endswith("text"))
    texts = [stack.read_rows(job.workspace, shard, [column])[column].take(pa.array(rows)) for shard, rows in job.rows]
    joined = pa.chunked_array([chunk for text in texts for chunk in text.chunks], pa.large_string())
    return stage.verify(job.candidates, joined, job.left, job.right, job.params)


def _write_links(
    workspace: Workspace, stage: str, numbering: _Numbering, links: pa.Table, key: str
) -> dict[str, dict[str, Any]]:
    a, b = (to_hex(numbering.ids[links[name].to_numpy().astype(np.int64)]) for name in ("a", "b"))
    table = pa.table([a, b, links["similarity"], links["method"]], schema=LINKS)
    path = workspace.layer(stage) / "links" / "00000.parquet"
    return {"links/00000.parquet": entry_of(workspace, path, key, parquet.write(path, table, footer={"key": key}))}


def _write_layer(
    stage: Global, workspace: Workspace, numbering: _Numbering, resolved: pa.Table, key: str
) -> dict[str, dict[str, Any]]:
    """One measure and one reason file a shard: components named by their smallest id; nobody is dropped here."""
    disk, files = on_disk(stage.name, stage.schema), {}
    in_rank_order = [resolved[name].to_numpy().astype(np.int64) for name in stage.schema.names]
    for shard, low, high in zip(numbering.shards, numbering.starts[:-1], numbering.starts[1:], strict=True):
        rank = numbering.rank[low:high]
        table = pa.table([to_hex(numbering.ids[column[rank]]) for column in in_rank_order], schema=disk)
        path = workspace.measure_file(stage.name, shard.name)
        footer = {"key": key, "base": shard.sha256}
        files[f"measure/{shard.name}.parquet"] = entry_of(
            workspace, path, key, parquet.write(path, table, footer=footer)
        )
        name, entry = write_reasons(workspace, stage.name, shard, pa.nulls(shard.rows, pa.string()), key)
        files[name] = entry
    return files
