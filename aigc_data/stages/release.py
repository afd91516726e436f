"""release: living and born rows → rendered, verified, versioned shards in `data/releases/<id>/`.

Everything is written into a temporary folder whose name comes from the stage's key, so that a killed run finds its
finished shards; the detectors and the candidate's expectations run over what was rendered; only then it is published.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data import render
from aigc_data.columns import LAYERS, RELEASE, SPLITS
from aigc_data.errors import IntegrityError, StageError
from aigc_data.hashing import digest_bytes, digest_of
from aigc_data.recipe import PiiMeasure, QualityRules, ReleaseParams
from aigc_data.runner import Context, Report, barrier_report, record_timing
from aigc_data.stage import Barrier, first_reasons
from aigc_data.store import parquet, stack
from aigc_data.store.files import read_json, write_bytes, write_json
from aigc_data.store.publish import (
    aside,
    candidate_folder,
    candidate_manifest,
    clean,
    current_release,
    leftovers,
    publish,
    recipe_digest,
    release_key,
    take_up,
)
from aigc_data.store.release_rows import counts_of, digests_of, sort_digests
from aigc_data.store.shards import text_sizes
from aigc_data.store.workspace import MANIFEST, Shard, Workspace
from aigc_data.text.dedupe.cuts import any_cut, move_spans
from aigc_data.text.pii import find_spans
from aigc_data.text.quality.rules import failures, measured

LIBRARIES = ("numba", "orjson", "phonenumbers", "pyarrow")
_READS = (
    "id",
    "source",
    "url",
    "created",
    "meta",
    *render.READS,
    "clean.lang",
    "license.license",
    "license.license_class",
    "dedupe.group",
    "gate.split",
    "gate.reason",
    "quality.score",
    "quality.tokens",
    "dedupe.tokens_left",
)


@dataclass(frozen=True)
class _Job:
    workspace: Workspace
    folder: Path  # the candidate
    name: str  # "train/00000.parquet"
    split: str
    shards: tuple[Shard, ...]
    born: bool
    key: str
    pii: PiiMeasure
    quality: QualityRules
    params: ReleaseParams

    @property
    def digests_file(self) -> Path:
        """Its row digests: outside the candidate, which is published as it lies there."""
        return self._aside(".bin")

    @property
    def facts_file(self) -> Path:
        """What else is known of it."""
        return self._aside(".json")

    def _aside(self, suffix: str) -> Path:
        return aside(self.folder) / f"{self.name.replace('/', '-')}{suffix}"


def _render_shard(job: _Job) -> dict[str, Any]:
    """One release shard in a worker; returns what is known of it, which also lies aside until the release is published.

    Nothing of that goes into the file itself: its bytes tell of its rows, whatever recipe they were made by.
    """
    parts, dropped, acted = [], Counter[str](), Counter[str]()
    for shard in job.shards:
        rows, gone, spans = _born_rows(job, shard) if job.born else _living_rows(job, shard)
        parts.append(rows)
        dropped.update(gone)
        acted.update(spans)
    table = pa.concat_tables(parts) if parts else RELEASE.empty_table()
    digests = digests_of(table)
    write_bytes(job.digests_file, digests)
    footer = {"split": job.split, "born": job.born}
    written = parquet.write(job.folder / job.name, table, footer=footer, level=parquet.RELEASE_LEVEL)
    facts = {
        **footer,
        "key": job.key,
        "sha256": written.sha256,
        "rows": written.rows,
        "bytes": written.bytes,
        "row_digests": digest_bytes(digests),
        "counts": counts_of(table),
        "text_bytes": int(text_sizes(table["text"]).sum()),
        "tokens": pc.sum(table["tokens"]).as_py() or 0,
        "residual": residual(table, job.pii, job.params),
        "empty_texts": pc.sum(pc.equal(pc.utf8_length(table["text"]), 0)).as_py() or 0,
        "dropped": dict(sorted(dropped.items())),
        "acted_on": dict(sorted(acted.items())),
    }
    write_json(job.facts_file, facts)  # last: a shard that has it is whole
    return facts


_Rendered = tuple[pa.Table, dict[str, int], dict[str, int]]  # rows, dropped by reason, spans acted on by kind


def _living_rows(job: _Job, shard: Shard) -> _Rendered:
    rows = stack.read_rows(job.workspace, shard, _READS)
    rows = rows.filter(pc.and_(pc.is_null(rows["gate.reason"]), pc.equal(rows["gate.split"], job.split)))
    columns = {
        "id": rows["id"],
        "text": render.render_texts(rows, job.pii, job.params),
        "lang": rows["clean.lang"],
        "source": rows["source"],
        "url": render.render_field(rows["url"], job.pii, job.params),
        "license": rows["license.license"],
        "license_class": rows["license.license_class"],
        "created": render.render_field(rows["created"], job.pii, job.params),
        "group": rows["dedupe.group"],
        "split": rows["gate.split"],
        "parent": pa.nulls(rows.num_rows, pa.string()),
        "quality": rows["quality.score"],
        "tokens": pc.if_else(
            pa.array(any_cut(rows["dedupe.cuts"])), rows["dedupe.tokens_left"], rows["quality.tokens"]
        ),
        "meta": render.render_meta(rows["meta"], job.pii, job.params),
    }
    table = pa.table([columns[n] for n in RELEASE.names], schema=RELEASE)
    return table, {}, _sure_spans(move_spans(rows["pii.spans"], rows["dedupe.cuts"]), job.params)


def _born_rows(job: _Job, shard: Shard) -> _Rendered:
    """Born rows are measured here by quality's signals and fail by its rules; its models and safety, which their
    parents passed, are not asked again. One in which personal data came to stand, by a change of places, goes, too."""
    born = parquet.read(job.workspace.born / f"{shard.name}.parquet")
    quality = measured(born["text"], born["lang"])
    spans, _ = find_spans(born["text"], kinds=job.pii.kinds, regions=job.pii.regions)
    personal = pa.table({"residual": _has_sure_span(spans, job.params)})
    reason = pc.coalesce(first_reasons("pii", personal), first_reasons("quality", failures(quality, job.quality)))
    dropped = {str(c["values"]): int(c["counts"]) for c in pc.value_counts(reason.drop_null()).to_pylist()}
    columns = {name: born[name] for name in born.column_names if name in RELEASE.names}
    columns |= {
        "split": pa.repeat(pa.scalar("train", pa.string()), born.num_rows),
        "quality": quality["score"],
        "tokens": quality["tokens"],
        "meta": pa.nulls(born.num_rows, pa.string()),
    }
    table = pa.table([columns[n] for n in RELEASE.names], schema=RELEASE)
    return table.filter(pc.is_null(reason)), dropped, {}


def residual(table: pa.Table, pii: PiiMeasure, params: ReleaseParams) -> dict[str, int]:
    """What the detectors still find, by kind, among kinds that the recipe does not keep."""
    found: Counter[str] = Counter()
    for name in ("text", "url", "created", "license", "meta"):
        for chunk in table[name].cast(pa.large_string()).drop_null().chunks:
            found.update(_sure_spans(find_spans(chunk, kinds=pii.kinds, regions=pii.regions)[0], params))
    return dict(sorted(found.items()))


def _has_sure_span(spans: pa.ListArray, params: ReleaseParams) -> np.ndarray:
    """Which texts (bool[n]) have a span that `residual` would count."""
    flat = pc.list_flatten(spans)
    kept = [kind for kind, action in params.actions.items() if action == "keep"]
    counts = pc.and_(
        pc.greater_equal(pc.struct_field(flat, "confidence"), params.min_pii_confidence),
        pc.invert(pc.is_in(pc.struct_field(flat, "kind"), pa.array(kept, pa.string()))),
    )
    return np.bincount(pc.list_parent_indices(spans).filter(counts).to_numpy(), minlength=len(spans)) > 0


def _sure_spans(spans: pa.ListArray, params: ReleaseParams) -> dict[str, int]:
    """How many spans of each kind are sure enough to be acted on, kinds that the recipe keeps left out."""
    flat = pc.list_flatten(spans)
    sure = flat.filter(pc.greater_equal(pc.struct_field(flat, "confidence"), params.min_pii_confidence))
    counts = {c["values"]: c["counts"] for c in pc.value_counts(pc.struct_field(sure, "kind")).to_pylist()}
    return {kind: count for kind, count in counts.items() if params.actions.get(kind) != "keep"}


def plan_shards(
    living: dict[str, dict[str, list[int]]], shards: Iterable[Shard], text_bytes: int
) -> list[tuple[str, tuple[Shard, ...]]]:
    """(split, base shards) of each release shard: runs of base shards whose living text is about `text_bytes`."""
    planned = []
    for split in SPLITS:
        group: list[Shard] = []
        size = 0
        for shard in shards:
            rows, bytes_ = living.get(shard.name, {}).get(split, [0, 0])
            if rows and group and size + bytes_ > text_bytes:
                planned.append((split, tuple(group)))
                group, size = [], 0
            if rows:
                group.append(shard)
                size += bytes_
        if group:
            planned.append((split, tuple(group)))
    return planned


def _inputs(context: Context) -> dict[str, Any] | None:
    """Digests of all that the release is made from; None while something of it is missing."""
    workspace = context.workspace
    folders = {"base": workspace.base, "born": workspace.born, **{s: workspace.layer(s) for s in LAYERS}}
    if not all((f / MANIFEST).is_file() for f in folders.values()):
        return None
    return {name: workspace.digests.of(folder / MANIFEST) for name, folder in folders.items()}


def _key(context: Context, inputs: dict[str, Any]) -> str:
    return release_key(inputs, recipe_digest(context.recipe), context.code(LIBRARIES))


def run(context: Context) -> Report:
    """Render, check and publish; raises GateError when a critical expectation on the candidate fails."""
    started = time.perf_counter()
    workspace = context.workspace
    inputs = _inputs(context)
    if inputs is None:
        raise StageError(
            "a layer that release reads is missing",
            expected="every stage before it",
            do="run `aigc-data run`",
        )
    key = _key(context, inputs)
    current = current_release(workspace, key) or take_up(workspace, key)
    if current is not None:
        clean(workspace)
        return barrier_report(STAGE, started, 0, len(current["files"]), current["rows"], {})
    folder = candidate_folder(workspace, key)
    jobs = _plan(context, folder, key)
    done: dict[str, dict[str, Any]] = {}
    todo = []
    for job in jobs:
        facts = _finished(job)
        if facts is None:
            todo.append(job)
        else:
            done[job.name] = facts
    for job, result in zip(todo, context.track("release", context.each(_render_shard, todo), len(todo)), strict=True):
        done[job.name] = result
    shards = {job.name: done[job.name] for job in jobs}
    manifest = candidate_manifest(
        workspace,
        context.recipe,
        shards,
        sorted_digests=sort_digests(b"".join(job.digests_file.read_bytes() for job in jobs)),
        inputs=inputs,
        code=context.code(LIBRARIES),
    )
    publish(workspace, manifest, key)
    record_timing(workspace, "release", time.perf_counter() - started)
    return barrier_report(STAGE, started, len(todo), len(jobs) - len(todo), manifest["rows"], manifest["born_dropped"])


def _plan(context: Context, folder: Path, key: str) -> list[_Job]:
    workspace, recipe = context.workspace, context.recipe
    gate, born = workspace.manifest(workspace.layer("gate")) or {}, workspace.manifest(workspace.born) or {}
    shards = workspace.shards()
    plan = [
        (split, group, False) for split, group in plan_shards(gate["living"], shards, recipe.release.shard_text_bytes)
    ]
    with_born = tuple(s for s in shards if born["files"].get(f"{s.name}.parquet", {}).get("rows"))
    if with_born:
        plan.append(("train", with_born, True))
    numbers: Counter[str] = Counter()
    jobs = []
    for split, group, is_born in plan:
        name = f"{split}/{numbers[split]:05d}.parquet"
        numbers[split] += 1
        shard_key = digest_of({"key": key, "name": name})
        jobs.append(
            _Job(
                workspace,
                folder,
                name,
                split,
                group,
                is_born,
                shard_key,
                recipe.pii.measure,
                recipe.quality.rules,
                recipe.release,
            )
        )
    return jobs


def _finished(job: _Job) -> dict[str, Any] | None:
    """What is known of a shard that an earlier run rendered; None unless it and its digests are whole."""
    if not job.facts_file.is_file():
        return None
    try:
        facts: dict[str, Any] = read_json(job.facts_file)
    except IntegrityError:
        return None
    digests = job.workspace.digests
    whole = digests.matches(job.folder / job.name, facts["sha256"])
    whole = whole and digests.matches(job.digests_file, facts["row_digests"])
    return facts if whole and facts["key"] == job.key else None


def is_fresh(context: Context) -> bool:
    """Whether the latest release was made from the layers as they are, and nothing half-made lies beside it."""
    inputs = _inputs(context)
    if inputs is None or leftovers(context.workspace):
        return False
    return current_release(context.workspace, _key(context, inputs)) is not None


STAGE = Barrier(name="release", run=run, fresh=is_fresh, libraries=LIBRARIES)
