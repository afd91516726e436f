"""augment: seeded variants of rendered, living train rows → the second base, `data/born/`.

A born row's id is a hash of (parent, variant, k); it inherits source, licence, group and language of its parent,
and goes
to train, so that no variant of a held-out text is ever trained on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aigc_data import render
from aigc_data.columns import BORN
from aigc_data.errors import StageError
from aigc_data.hashing import digest_of, record_id, seed_of
from aigc_data.recipe import AugmentParams, ReleaseParams
from aigc_data.runner import Context, Report, barrier_report, dump, files_are, fresh_entry, record_timing
from aigc_data.stage import Barrier
from aigc_data.store import parquet, stack
from aigc_data.store.files import remove_unlisted
from aigc_data.store.workspace import MANIFEST, Shard, Workspace
from aigc_data.text.augment import VARIANTS

LIBRARIES = ("numba", "phonenumbers", "pyarrow")
_READS = (
    "id",
    "source",
    "url",
    "created",
    *render.READS,
    "clean.lang",
    "license.license",
    "license.license_class",
    "dedupe.group",
    "gate.split",
    "gate.reason",
)


@dataclass(frozen=True)
class _Job:
    workspace: Workspace
    shard: Shard
    params: AugmentParams
    release: ReleaseParams
    pii: Any
    key: str


def chosen(id_: str, params: AugmentParams) -> bool:
    """Whether a record gets variants: its own hash decides, not its place."""
    return seed_of("augment", params.seed, id_) < params.share * 2**63


def variants_of(parent: str, text: str, params: AugmentParams) -> list[tuple[str, str, int, str]]:
    """(id, variant, k, text) of every variant that differs from the text itself and from the others."""
    born: list[tuple[str, str, int, str]] = []
    seen = {text}
    for variant in params.variants:
        for k in range(params.per_record):
            new = VARIANTS[variant](text, seed_of("augment", params.seed, parent, variant, k))
            if new.strip() and new not in seen:
                seen.add(new)
                born.append((record_id("born", parent, variant, k), variant, k, new))
    return born


def _augment_shard(job: _Job) -> dict[str, Any]:
    rows = stack.read_rows(job.workspace, job.shard, _READS)
    living = pc.and_(pc.is_null(rows["gate.reason"]), pc.equal(rows["gate.split"], "train"))
    rows = rows.filter(living)
    picked = rows.filter(pa.array([chosen(i, job.params) for i in rows["id"].to_pylist()], pa.bool_()))
    table = born_rows(picked, job.params, job.release, job.pii)
    footer = {"key": job.key, "base": job.shard.sha256}
    written = parquet.write(job.workspace.born / f"{job.shard.name}.parquet", table, footer=footer)
    return {"key": job.key, "sha256": written.sha256, "rows": written.rows, "bytes": written.bytes}


def born_rows(picked: pa.Table, params: AugmentParams, release: ReleaseParams, pii: Any) -> pa.Table:
    """The variants of the picked rows as BORN rows. A loop over rows: each has a random sequence of its own."""
    texts = render.render_texts(picked, pii, release).to_pylist()
    parents = picked["id"].to_pylist()
    made = [
        (i, *variant)
        for i, (p, t) in enumerate(zip(parents, texts, strict=True))
        for variant in variants_of(p, t, params)
    ]
    at = pa.array([m[0] for m in made], pa.int64())
    inherited = {
        "parent": picked["id"],
        "source": picked["source"],
        "url": render.render_field(picked["url"], pii, release),
        "license": picked["license.license"],
        "license_class": picked["license.license_class"],
        "created": render.render_field(picked["created"], pii, release),
        "group": picked["dedupe.group"],
        "lang": picked["clean.lang"],
    }
    columns = {name: pc.take(column, at) for name, column in inherited.items()}
    columns["id"] = pa.array([m[1] for m in made], pa.string())
    columns["variant"] = pa.array([m[2] for m in made], pa.string())
    columns["k"] = pa.array([m[3] for m in made], pa.int32())
    columns["text"] = pa.array([m[4] for m in made], pa.large_string())
    return pa.table([columns[n] for n in BORN.names], schema=BORN)


def _keys(context: Context) -> dict[str, tuple[Shard, str]]:
    """Each born file with its base shard and its key; {} when the recipe has no variants, StageError before gate."""
    workspace = context.workspace
    if not context.recipe.augment.variants:
        return {}
    gate = workspace.manifest(workspace.layer("gate"))
    if gate is None:
        raise StageError(
            "the layer of `gate`, which augment reads, is missing",
            expected="gate first",
            do="run `aigc-data stage gate`",
        )
    made_of = {
        "params": dump(context.recipe.augment),
        "release": [dump(context.recipe.release)[k] for k in ("actions", "min_pii_confidence")],
        "pii": dump(context.recipe.pii.measure),
        "code": context.code(LIBRARIES),
    }
    layers = {
        stage: workspace.manifest(workspace.layer(stage)) or {"files": {}}
        for stage in ("clean", "pii", "license", "dedupe")
    }
    keys = {}
    for shard in workspace.shards():
        files = [layers[s]["files"].get(f"measure/{shard.name}.parquet", {}).get("sha256") for s in layers]
        judged = [gate["files"].get(f"{kind}/{shard.name}.parquet", {}).get("sha256") for kind in ("measure", "reason")]
        keys[f"{shard.name}.parquet"] = (
            shard,
            digest_of({**made_of, "base": shard.sha256, "layers": files, "gate": judged}),
        )
    return keys


def run(context: Context) -> Report:
    """Bring the born rows up to date."""
    started = time.perf_counter()
    workspace, recipe = context.workspace, context.recipe
    old = (workspace.manifest(workspace.born) or {}).get("files", {})
    files: dict[str, dict[str, Any]] = {}
    jobs = []
    for name, (shard, key) in _keys(context).items():
        entry = fresh_entry(workspace, workspace.born, name, key, old)
        if entry:
            files[name] = {k: entry[k] for k in ("key", "sha256", "rows", "bytes")}
        else:
            jobs.append(_Job(workspace, shard, recipe.augment, recipe.release, recipe.pii.measure, key))
    for job, entry in zip(jobs, context.track("augment", context.each(_augment_shard, jobs), len(jobs)), strict=True):
        files[f"{job.shard.name}.parquet"] = entry
    remove_unlisted(workspace.born, [*files, MANIFEST])
    for name, entry in files.items():
        workspace.digests.learn(workspace.born / name, entry["sha256"])
    rows = sum(f["rows"] for f in files.values())
    manifest = {
        "stage": "augment",
        "code": context.code(LIBRARIES),
        "params": dump(recipe.augment),
        "rows": rows,
        "files": files,
    }
    if workspace.manifest(workspace.born) != manifest:
        workspace.write_manifest(workspace.born, manifest)
    workspace.digests.save()
    if jobs:
        record_timing(workspace, "augment", time.perf_counter() - started)
    return barrier_report(STAGE, started, len(jobs), len(files) - len(jobs), rows, {})


def is_fresh(context: Context) -> bool:
    """Whether the born rows are those of the living rows as they are."""
    workspace = context.workspace
    manifest = workspace.manifest(workspace.born)
    if manifest is None or workspace.manifest(workspace.layer("gate")) is None:
        return False
    return files_are(
        workspace, workspace.born, manifest["files"], {name: key for name, (_, key) in _keys(context).items()}
    )


STAGE = Barrier(name="augment", run=run, fresh=is_fresh, libraries=LIBRARIES)
