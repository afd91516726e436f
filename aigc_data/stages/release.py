"""release: living and born rows → rendered, verified, versioned shards in `data/releases/<id>/`.

Everything is written into a temporary folder whose name comes from the stage's key, so that a killed run finds its
finished
shards; the detectors and the candidate's expectations run over what was rendered; only then the folder gets its
final name.
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
from aigc_data.columns import RELEASE, SPLITS
from aigc_data.errors import IntegrityError, StageError
from aigc_data.expectations import as_json, judge, refuse_on_failure
from aigc_data.hashing import digest_of, release_digest, row_digests
from aigc_data.recipe import PiiMeasure, QualityRules, Recipe, ReleaseParams
from aigc_data.runner import Context, Report, barrier_report, dump, record_timing
from aigc_data.stage import Barrier
from aigc_data.store import parquet, stack
from aigc_data.store.files import remove_tree, write_json
from aigc_data.store.funnel import funnel
from aigc_data.store.shards import text_sizes
from aigc_data.store.workspace import MANIFEST, Shard, Workspace
from aigc_data.text.pii import find_spans
from aigc_data.text.quality_rules import first_failure, measured

LIBRARIES = ("orjson", "pyarrow")
LAYERS = ("clean", "dedupe", "pii", "license", "quality", "gate")
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
)
_COUNTED = ("lang", "source", "license", "license_class")
_DIGEST_BYTES = 32
_DIGEST_ROWS = 2048


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


def _render_shard(job: _Job) -> dict[str, Any]:
    """One release shard in a worker; returns its footer. Its row digests lie beside it until the release is
    published."""
    parts, dropped, acted = [], Counter[str](), Counter[str]()
    for shard in job.shards:
        rows, gone, spans = _born_rows(job, shard) if job.born else _living_rows(job, shard)
        parts.append(rows)
        dropped.update(gone)
        acted.update(spans)
    table = pa.concat_tables(parts) if parts else RELEASE.empty_table()
    # A slice at a time: rows as Python values take several times the memory of the table.
    slices = [table.slice(at, _DIGEST_ROWS) for at in range(0, table.num_rows, _DIGEST_ROWS)]
    digests = b"".join(digest for part in slices for digest in row_digests([c.to_pylist() for c in part.columns]))
    # The digests go first: a shard that lies there whole must have them.
    rows_file = job.folder / ".rows" / f"{job.name.replace('/', '-')}.bin"
    rows_file.parent.mkdir(parents=True, exist_ok=True)
    rows_file.write_bytes(digests)
    footer = {
        "key": job.key,
        "split": job.split,
        "born": job.born,
        "counts": _counts(table),
        "text_bytes": int(text_sizes(table["text"]).sum()),
        "tokens": pc.sum(table["tokens"]).as_py() or 0,
        "residual": _residual(table, job.pii, job.params),
        "empty_texts": pc.sum(pc.equal(pc.utf8_length(table["text"]), 0)).as_py() or 0,
        "dropped": dict(sorted(dropped.items())),
        "acted_on": dict(sorted(acted.items())),
    }
    written = parquet.write(job.folder / job.name, table, footer=footer, level=parquet.RELEASE_LEVEL)
    return {**footer, "sha256": written.sha256, "rows": written.rows, "bytes": written.bytes}


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
        "created": rows["created"],
        "group": rows["dedupe.group"],
        "split": rows["gate.split"],
        "parent": pa.nulls(rows.num_rows, pa.string()),
        "quality": rows["quality.score"],
        "tokens": rows["quality.tokens"],
        "meta": render.render_meta(rows["meta"], job.pii, job.params),
    }
    table = pa.table([columns[n] for n in RELEASE.names], schema=RELEASE)
    return table, {}, _sure_spans(rows["pii.spans"].combine_chunks(), job.params)


def _born_rows(job: _Job, shard: Shard) -> _Rendered:
    """Born rows are measured here as every other row was measured before, and fail by the same rules."""
    born = parquet.read(job.workspace.born / f"{shard.name}.parquet")
    quality = measured(born["text"], born["lang"])
    reason = first_failure(quality, job.quality)
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


def _residual(table: pa.Table, pii: PiiMeasure, params: ReleaseParams) -> dict[str, int]:
    """What the detectors still find, by kind, among kinds that the recipe does not keep."""
    found: Counter[str] = Counter()
    for name in ("text", "url", "meta"):
        for chunk in table[name].cast(pa.large_string()).drop_null().chunks:
            found.update(_sure_spans(find_spans(chunk, kinds=pii.kinds, regions=pii.regions)[0], params))
    return dict(sorted(found.items()))


def _sure_spans(spans: pa.ListArray, params: ReleaseParams) -> dict[str, int]:
    """How many spans of each kind are sure enough to be acted on, kinds that the recipe keeps left out."""
    flat = pc.list_flatten(spans)
    sure = flat.filter(pc.greater_equal(pc.struct_field(flat, "confidence"), params.min_pii_confidence))
    counts = {c["values"]: c["counts"] for c in pc.value_counts(pc.struct_field(sure, "kind")).to_pylist()}
    return {kind: count for kind, count in counts.items() if params.actions.get(kind) != "keep"}


def _counts(table: pa.Table) -> dict[str, dict[str, dict[str, int]]]:
    """Rows, tokens and text bytes by each of the columns that the card tells of."""
    sized = table.select([*_COUNTED, "tokens"]).append_column("bytes", pa.array(text_sizes(table["text"])))
    counts = {}
    for name in _COUNTED:
        grouped = sized.group_by(name, use_threads=False).aggregate(
            [("tokens", "count"), ("tokens", "sum"), ("bytes", "sum")]
        )
        rows = sorted(grouped.to_pylist(), key=lambda row: row[name])
        counts[name] = {
            r[name]: {"rows": r["tokens_count"], "tokens": r["tokens_sum"], "bytes": r["bytes_sum"]} for r in rows
        }
    return counts


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


def recipe_digest(recipe: Recipe) -> str:
    """The digest of what the recipe says about the data: not where sources lie, not who runs it, not the training."""
    plain = dump(recipe)
    for name in ("workers", "schedule", "train"):
        del plain[name]
    for source in plain["sources"]:
        del source["path"]
    return digest_of(plain)


def _key(context: Context, inputs: dict[str, Any]) -> str:
    return digest_of({"inputs": inputs, "recipe": recipe_digest(context.recipe), "code": context.code(LIBRARIES)})


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
    current = workspace.manifest(workspace.releases)
    if current and current["key"] == key and _whole(workspace, current["latest"]):
        return barrier_report(STAGE, started, 0, len(current["files"]), current["rows"], {})
    folder = workspace.releases / f".tmp-{key[:16]}"
    jobs = _plan(context, folder, key)
    done: dict[str, dict[str, Any]] = {}
    todo = []
    for job in jobs:
        footer = _finished(job)
        if footer is None:
            todo.append(job)
        else:
            done[job.name] = footer
    for job, result in zip(todo, context.track("release", context.each(_render_shard, todo), len(todo)), strict=True):
        done[job.name] = result
    manifest = _candidate(context, folder, {job.name: done[job.name] for job in jobs}, inputs)
    _publish(workspace, folder, manifest, key)
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
    path, rows_file = job.folder / job.name, job.folder / ".rows" / f"{job.name.replace('/', '-')}.bin"
    if not path.is_file() or not rows_file.is_file():
        return None
    try:
        footer = parquet.footer(path)
    except IntegrityError:
        return None
    if footer.get("key") != job.key or rows_file.stat().st_size != footer["rows"] * _DIGEST_BYTES:
        return None
    return {**footer, "sha256": job.workspace.digests.of(path), "bytes": path.stat().st_size}


def _candidate(
    context: Context, folder: Path, shards: dict[str, dict[str, Any]], inputs: dict[str, Any]
) -> dict[str, Any]:
    """The manifest of the candidate, after its expectations were met."""
    workspace, recipe = context.workspace, context.recipe
    rows = sum(s["rows"] for s in shards.values())
    schema = [(f.name, str(f.type)) for f in RELEASE]
    manifest: dict[str, Any] = {
        "id": release_digest(schema, rows, _sorted_digests(folder, shards, rows)),
        "name": recipe.name,
        "description": recipe.description,
        "schema": schema,
        "rows": rows,
        "tokens": sum(s["tokens"] for s in shards.values()),
        "text_bytes": sum(s["text_bytes"] for s in shards.values()),
        "files": {
            n: {"sha256": s["sha256"], "rows": s["rows"], "bytes": s["bytes"], "split": s["split"]}
            for n, s in shards.items()
        },
        "splits": {split: _sum_of(s for s in shards.values() if s["split"] == split) for split in SPLITS},
        "counts": _merged(s["counts"] for s in shards.values()),
        "born": _sum_of(s for s in shards.values() if s["born"]),
        "born_dropped": _total(s["dropped"] for s in shards.values()),
        "pii_acted_on": _total(s["acted_on"] for s in shards.values()),
        "residual_pii": _total(s["residual"] for s in shards.values()),
        "recipe": {"digest": recipe_digest(recipe)},
        "code": context.code(LIBRARIES),
        "parents": {**inputs, "release": _parent_id(context)},
    }
    manifest["funnel"] = funnel(workspace, manifest)
    _check_conservation(workspace, manifest)
    metrics = {
        "rows": rows,
        "train_rows": manifest["splits"]["train"]["rows"],
        "validation_rows": manifest["splits"]["validation"]["rows"],
        "test_rows": manifest["splits"]["test"]["rows"],
        "born_rows": manifest["born"]["rows"],
        "tokens": manifest["tokens"],
        "residual_pii_spans": sum(manifest["residual_pii"].values()),
        "empty_texts": sum(s["empty_texts"] for s in shards.values()),
    }
    verdicts = judge(metrics, recipe.release.expectations, [])
    manifest["metrics"], manifest["expectations"] = metrics, as_json(verdicts)
    write_json(workspace.private / "release-expectations.json", manifest["expectations"])
    refuse_on_failure("release", verdicts)
    return manifest


def _sorted_digests(folder: Path, shards: Iterable[str], rows: int) -> list[bytes]:
    """All row digests in ascending order; 32 bytes a row in memory."""
    raw = b"".join((folder / ".rows" / f"{name.replace('/', '-')}.bin").read_bytes() for name in shards)
    if len(raw) != rows * _DIGEST_BYTES:
        raise IntegrityError(
            f"{folder} holds {len(raw)} bytes of row digests",
            expected=f"{rows * _DIGEST_BYTES}",
            do="run release again",
        )
    words = np.frombuffer(raw, ">u8").reshape(-1, 4)
    ordered = words[np.lexsort(words.T[::-1])]
    return [ordered.tobytes()]


def _check_conservation(workspace: Workspace, manifest: dict[str, Any]) -> None:
    gate, born = workspace.manifest(workspace.layer("gate")) or {}, workspace.manifest(workspace.born) or {}
    dropped = sum(manifest["born_dropped"].values())
    if manifest["rows"] != gate["kept"] + born["rows"] - dropped:
        raise StageError(
            f"the release has {manifest['rows']} rows",
            expected=f"{gate['kept']} living + {born['rows']} born - {dropped} born and dropped",
        )


def _parent_id(context: Context) -> str | None:
    folder = context.recipe.gate.parent_splits
    manifest = context.workspace.manifest(context.workspace.root / folder) if folder else None
    return manifest["id"] if manifest else None


def _sum_of(shards: Iterable[dict[str, Any]]) -> dict[str, int]:
    found = list(shards)
    return {name: sum(s[name] for s in found) for name in ("rows", "tokens", "text_bytes")}


def _total(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


def _merged(counts: Iterable[dict[str, dict[str, dict[str, int]]]]) -> dict[str, dict[str, dict[str, int]]]:
    merged: dict[str, dict[str, dict[str, int]]] = {name: {} for name in _COUNTED}
    for count in counts:
        for name, values in count.items():
            for value, numbers in values.items():
                kept = merged[name].setdefault(value, dict.fromkeys(numbers, 0))
                for key, number in numbers.items():
                    kept[key] += number
    return {name: dict(sorted(values.items())) for name, values in merged.items()}


def _publish(workspace: Workspace, folder: Path, manifest: dict[str, Any], key: str) -> None:
    """Give the candidate its name, then point `data/releases/manifest.json` at it."""
    remove_tree(folder / ".rows")
    digest = write_json(folder / MANIFEST, manifest)
    final = workspace.releases / manifest["id"]
    if final.exists():  # the same rows, perhaps laid out in other shards: the newest layout stays
        remove_tree(final)
    folder.rename(final)
    for name, entry in manifest["files"].items():
        workspace.digests.learn(final / name, entry["sha256"])
    for left in workspace.releases.glob(".tmp-*"):
        remove_tree(left)
    pointer = {
        "stage": "release",
        "key": key,
        "latest": manifest["id"],
        "manifest": digest,
        "rows": manifest["rows"],
        "files": {},
    }
    pointer["files"] = {f"{manifest['id']}/{name}": entry["sha256"] for name, entry in manifest["files"].items()}
    workspace.write_manifest(workspace.releases, pointer)


def _whole(workspace: Workspace, release: str) -> bool:
    manifest = workspace.manifest(workspace.releases / release)
    if manifest is None:
        return False
    return all(
        workspace.digests.matches(workspace.releases / release / n, f["sha256"]) for n, f in manifest["files"].items()
    )


def is_fresh(context: Context) -> bool:
    """Whether the latest release was made from the layers as they are."""
    current, inputs = context.workspace.manifest(context.workspace.releases), _inputs(context)
    if current is None or inputs is None:
        return False
    return bool(current["key"] == _key(context, inputs)) and _whole(context.workspace, current["latest"])


STAGE = Barrier(name="release", run=run, fresh=is_fresh, libraries=LIBRARIES)
