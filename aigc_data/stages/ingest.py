"""ingest: input files → base shards and quarantine. Everything that was read is in one of the two.

Files are gathered into batches by a prefix of the hash of (source, relative path), so that a new file moves no
other and a
changed file rebuilds its batch alone. A record's id never depends on its position.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.columns import BASE, QUARANTINE
from aigc_data.errors import IntegrityError, StageError
from aigc_data.hashing import canonical_json, digest_bytes, digest_of, record_id
from aigc_data.recipe import IngestParams, Source
from aigc_data.runner import Context, Report, barrier_report, dump, record_timing
from aigc_data.sources.inputs import InputFile, content_digest, list_inputs
from aigc_data.sources.reading import Lost, read_file
from aigc_data.stage import Barrier
from aigc_data.store import parquet
from aigc_data.store.collisions import FIELDS, Collisions, fields_digest, find_collisions, refuse
from aigc_data.store.files import remove_unlisted
from aigc_data.store.shards import ShardWriter
from aigc_data.store.workspace import MANIFEST, Workspace

_CHUNK = 4 << 20
LIBRARIES = ("fastwarc", "numba", "orjson", "pyarrow", "resiliparse", "zstandard")
#: Beside them where a source asks for it.
EXTRACTOR = {"trafilatura": ("trafilatura", "jusText", "lxml", "lxml_html_clean"), "resiliparse": ()}


def _code(context: Context, extractors: Iterable[str]) -> str:
    return context.code((*LIBRARIES, *(library for name in sorted(extractors) for library in EXTRACTOR[name])))


@dataclass(frozen=True)
class Batch:
    """Input files that become shards together; `name` is their hash prefix."""

    name: str
    files: tuple[InputFile, ...]


def plan_batches(files: Iterable[InputFile], batch_bytes: int) -> list[Batch]:
    """Split files by hash prefix until a batch is within `batch_bytes` or holds one file."""
    hashed = [(digest_bytes(canonical_json([f.source, f.relative])), f) for f in files]
    waiting, batches = [("", hashed)], []
    while waiting:
        prefix, members = waiting.pop()
        if len(members) > 1 and sum(f.size for _, f in members) > batch_bytes:
            children: dict[str, list[tuple[str, InputFile]]] = {}
            for member in members:
                children.setdefault(member[0][: len(prefix) + 1], []).append(member)
            waiting += children.items()
        elif members:
            inside = sorted((f for _, f in members), key=lambda f: (f.source, f.relative))
            batches.append(Batch(prefix or "all", tuple(inside)))
    return sorted(batches, key=lambda b: b.name)


def identify(raw: pa.Table, file: InputFile, occurrences: Counter[str]) -> pa.Table:
    """RAW rows of one file → BASE rows; `occurrences` counts equal contents in the file's earlier chunks.

    Without a key, rows of equal content are told apart by their other fields and only then counted: rows that still tie
    are the same in everything but their place, so that the order of the input does not show.
    A loop over rows: an id is a SHA-256 of a few short strings, and hashlib is the definition of it.
    """
    ids = []
    others = zip(*(raw[name].to_pylist() for name in FIELDS), strict=True)
    for key, digest, fields in zip(raw["key"].to_pylist(), raw["sha256"].to_pylist(), others, strict=True):
        if key is not None:
            ids.append(record_id("key", file.source, key))
            continue
        same = f"{digest}{fields_digest(*fields)}"
        ids.append(record_id("content", file.source, file.relative, same, occurrences[same]))
        occurrences[same] += 1
    own = {
        "id": pa.array(ids, pa.string()),
        "source": pa.repeat(pa.scalar(file.source, pa.string()), len(ids)),
    }
    return pa.table([own[n] if n in own else raw[n] for n in BASE.names], schema=BASE)


@dataclass(frozen=True)
class _BatchJob:
    workspace: Workspace
    batch: Batch
    sources: dict[str, Source]
    params: IngestParams
    inputs: str  # digest of all that the batch is made from
    collisions: Collisions = field(default_factory=dict)

    @property
    def key(self) -> str:
        return digest_of({"inputs": self.inputs, "collisions": dict(self.collisions)})


def _ingest_batch(job: _BatchJob) -> None:
    """One batch in a worker: its shards, then its quarantine file, whose footer says that the batch is whole."""
    writer = ShardWriter(job.workspace.base, job.batch.name, text_bytes=job.params.shard_text_bytes, key=job.key)
    lost: list[dict[str, Any]] = []
    read = 0
    for file in job.batch.files:
        occurrences: Counter[str] = Counter()
        source = job.sources[file.source]
        for chunk in read_file(file, source, max_record_bytes=job.params.max_record_bytes, chunk_bytes=_CHUNK):
            read += chunk.rows.num_rows + len(chunk.lost)
            kept, refused = refuse(identify(chunk.rows, file, occurrences), job.collisions)
            writer.add(kept)
            lost += [{**row, "source": file.source, "file": file.relative} for row in refused]
            lost += [_quarantined(file, one) for one in chunk.lost]
    shards = writer.finish()
    _check_conservation(job.batch, read, sum(s["rows"] for s in shards.values()), len(lost))
    reasons = dict(sorted(Counter(row["reason"] for row in lost).items()))
    footer = {
        "key": job.key,
        "inputs": job.inputs,
        "collisions": dict(job.collisions),
        "shards": shards,
        "reasons": reasons,
        "read": read,
    }
    table = pa.Table.from_pylist(lost, schema=QUARANTINE)
    parquet.write(job.workspace.quarantine / f"{job.batch.name}.parquet", table, footer=footer)


def _quarantined(file: InputFile, lost: Lost) -> dict[str, Any]:
    return {
        "source": file.source,
        "file": file.relative,
        "position": lost.position,
        "reason": lost.reason,
        "detail": lost.detail,
    }


def _check_conservation(batch: Batch, read: int, kept: int, lost: int) -> None:
    if read != kept + lost:
        raise StageError(
            f"batch {batch.name}: {read} records were read, {kept} kept and {lost} quarantined",
            expected="the sum to match",
        )


def _jobs(context: Context) -> list[_BatchJob]:
    recipe, workspace = context.recipe, context.workspace
    files = [f for source in recipe.sources for f in list_inputs(source, workspace.root)]
    sources = {s.name: s for s in recipe.sources}
    jobs = []
    for batch in plan_batches(files, recipe.ingest.batch_bytes):
        used = {f.source for f in batch.files}
        code = _code(context, {sources[name].extractor for name in used})
        # Where a source lies is not part of what it is: a moved folder gives the same base.
        declared = {name: sources[name].model_dump(mode="json", exclude={"path"}) for name in sorted(used)}
        inputs = digest_of(
            {
                "code": code,
                "params": dump(recipe.ingest),
                "sources": declared,
                "files": [
                    [f.source, f.relative, f.format, f.compression, content_digest(f, workspace.digests)]
                    for f in batch.files
                ],
            }
        )
        jobs.append(_BatchJob(workspace, batch, sources, recipe.ingest, inputs))
    return jobs


def _whole(job: _BatchJob) -> dict[str, Any] | None:
    """The footer of the batch's quarantine file if the batch was made from these inputs and all its shards are
    whole."""
    path = job.workspace.quarantine / f"{job.batch.name}.parquet"
    if not path.is_file():
        return None
    try:
        footer = parquet.footer(path)
    except IntegrityError:
        return None
    if footer.get("inputs") != job.inputs:
        return None
    digests = job.workspace.digests
    if not all(digests.matches(job.workspace.base / name, s["sha256"]) for name, s in footer["shards"].items()):
        return None
    return footer


def run(context: Context) -> Report:
    """Bring base and quarantine up to date with the sources."""
    started = time.perf_counter()
    jobs = _jobs(context)
    stale = [job for job in jobs if _whole(job) is None]
    if stale:
        # Shards are replaced in place: until this run has ended, no older manifest may speak for them.
        (context.workspace.base / MANIFEST).unlink(missing_ok=True)
    _run_batches(context, stale)
    settled, again = _settle(jobs)
    _run_batches(context, again)
    if stale and input_digests(context) != {job.batch.name: job.inputs for job in jobs}:
        raise StageError(
            "an input changed while it was read", expected="files that stay as they are during a run", do="run again"
        )
    manifest = _publish(context, settled)
    written = len(stale) + len(again)
    if written:
        record_timing(context.workspace, "ingest", time.perf_counter() - started)
    return barrier_report(
        STAGE,
        started,
        written,
        len(jobs) - min(written, len(jobs)),
        manifest["rows"],
        manifest["quarantined"],
    )


def _run_batches(context: Context, jobs: list[_BatchJob]) -> None:
    for _ in context.track("ingest", context.each(_ingest_batch, jobs), len(jobs)):
        pass


def _settle(jobs: list[_BatchJob]) -> tuple[list[_BatchJob], list[_BatchJob]]:
    """All jobs with the collisions that concern them, and those that must run again because of them."""
    shards = {job.batch.name: _footer(job)["shards"] for job in jobs}
    base = [job.workspace.base / name for job in jobs for name in shards[job.batch.name]]
    quarantine = [job.workspace.quarantine / f"{job.batch.name}.parquet" for job in jobs]
    found = find_collisions(base, quarantine)
    settled, again = [], []
    for job in jobs:
        mine = {id_: found[id_] for id_ in sorted(_ids_of(job, found))} if found else {}
        done = _BatchJob(job.workspace, job.batch, job.sources, job.params, job.inputs, mine)
        settled.append(done)
        if _footer(job)["collisions"] != mine:
            again.append(done)
    return settled, again


def _ids_of(job: _BatchJob, found: Collisions) -> set[str]:
    wanted, ids = pa.array(sorted(found)), set()
    paths = [job.workspace.base / name for name in _footer(job)["shards"]]
    for path in [*paths, job.workspace.quarantine / f"{job.batch.name}.parquet"]:
        column = parquet.read(path, ["id"])["id"]
        ids |= set(column.filter(pc.is_in(column, wanted)).to_pylist())
    return ids


def _footer(job: _BatchJob) -> dict[str, Any]:
    return parquet.footer(job.workspace.quarantine / f"{job.batch.name}.parquet")


def _publish(context: Context, jobs: list[_BatchJob]) -> dict[str, Any]:
    """Write both manifests (quarantine's first: base is what the other stages start from)."""
    workspace = context.workspace
    base, quarantine, reasons, read = {}, {}, Counter[str](), 0
    for job in jobs:
        footer = _footer(job)
        base.update(footer["shards"])
        reasons.update(footer["reasons"])
        read += footer["read"]
        name = f"{job.batch.name}.parquet"
        quarantine[name] = {
            "key": job.key,
            "sha256": workspace.digests.of(workspace.quarantine / name),
            "rows": footer["rows"],
        }
    rows, lost = sum(f["rows"] for f in base.values()), sum(reasons.values())
    if read != rows + lost:
        raise StageError(
            f"{read} records were read, base has {rows} and quarantine {lost}", expected="the sum to match"
        )
    counts = {"read": read, "rows": rows, "quarantined": dict(sorted(reasons.items()))}
    files = [f for job in jobs for f in job.batch.files]
    rows_of = _rows_by_source(workspace, base)
    by_source = {s.name: [f for f in files if f.source == s.name] for s in context.recipe.sources}
    manifest = {
        **counts,
        "stage": "ingest",
        "inputs": {job.batch.name: job.inputs for job in jobs},
        "sources": {
            name: {"files": len(fs), "bytes": sum(f.size for f in fs), "rows": rows_of.get(name, 0)}
            for name, fs in by_source.items()
        },
        "code": _code(context, {source.extractor for source in context.recipe.sources}),
        "params": dump(context.recipe.ingest),
        "text_bytes": sum(f["text_bytes"] for f in base.values()),
        "files": base,
    }
    for folder, files_, promise in (
        (workspace.quarantine, quarantine, {**counts, "stage": "ingest", "files": quarantine}),
        (workspace.base, base, manifest),
    ):
        remove_unlisted(folder, [*files_, MANIFEST])
        for name, entry in files_.items():
            workspace.digests.learn(folder / name, entry["sha256"])
        if workspace.manifest(folder) != promise:
            workspace.write_manifest(folder, promise)
    workspace.digests.save()
    return manifest


def _rows_by_source(workspace: Workspace, shards: Iterable[str]) -> Counter[str]:
    rows: Counter[str] = Counter()
    for name in shards:
        counts = pc.value_counts(parquet.read(workspace.base / name, ["source"])["source"])
        rows.update({c["values"]: c["counts"] for c in counts.to_pylist()})
    return rows


def input_digests(context: Context) -> dict[str, str]:
    """The digest of each batch's inputs as they are now."""
    return {job.batch.name: job.inputs for job in _jobs(context)}


def is_fresh(context: Context) -> bool:
    """Whether base was made from just these inputs, this code and these parameters, and is whole."""
    workspace = context.workspace
    base, quarantine = workspace.manifest(workspace.base), workspace.manifest(workspace.quarantine)
    if base is None or quarantine is None or base["inputs"] != input_digests(context):
        return False
    digests = workspace.digests
    return all(
        digests.matches(folder / name, entry["sha256"])
        for folder, promise in ((workspace.base, base), (workspace.quarantine, quarantine))
        for name, entry in promise["files"].items()
    )


STAGE = Barrier(name="ingest", run=run, fresh=is_fresh, libraries=LIBRARIES)
