"""Runs one stage over the shards: key → read → measure → judge → check → write → manifest. Knows no stage by name.

The runner alone decides what is fresh. A shard's measures are fresh when its key (code, measure parameters,
digests of the
base shard and of the measures that it reads) stands in the manifest, or, after a crash, in the file's own footer.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.codedigest import code_digest
from aigc_data.columns import REASON, TEXT, on_disk
from aigc_data.errors import IntegrityError, StageError
from aigc_data.hashing import digest_of
from aigc_data.pool import Each
from aigc_data.stage import Barrier, Map
from aigc_data.store import parquet, stack
from aigc_data.store.files import remove_unlisted, write_json
from aigc_data.store.workspace import MANIFEST, Shard, Workspace

Progress = Callable[[str, int, int], None]


def silent(_what: str, _done: int, _total: int) -> None:
    """The progress of a run that nobody watches."""


@dataclass(frozen=True)
class Context:
    """What a run of a stage is given."""

    workspace: Workspace
    params: Any  # the stage's part of the recipe
    recipe: Any
    module: str  # where the stage is defined
    each: Each = map
    progress: Progress = silent

    def code(self, libraries: tuple[str, ...]) -> str:
        """The code digest of this stage."""
        return code_digest(self.module, libraries)

    def track(self, what: str, results: Iterable[Any], total: int) -> Iterator[Any]:
        """Pass results through and report how many have come."""
        self.progress(what, 0, total)
        for done, result in enumerate(results, 1):
            self.progress(what, done, total)
            yield result


@dataclass(frozen=True)
class Report:
    """What a stage did: how many shards it wrote and how many were fresh."""

    stage: str
    written: int
    fresh: int
    rows: int
    seconds: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _MapJob:
    module: str
    workspace: Workspace
    shard: Shard
    params: Any
    rules: Any
    measure_key: str | None  # None: the measures are fresh
    reason_key: str
    parents: tuple[tuple[str, str], ...]


def run_map(stage: Map, context: Context) -> Report:
    """Bring a Map stage's layer up to date; raises StageError or IntegrityError, leaving finished shards in place."""
    started = time.perf_counter()
    workspace, folder = context.workspace, context.workspace.layer(stage.name)
    old = (workspace.manifest(folder) or {}).get("files", {})
    files: dict[str, dict[str, Any]] = {}
    jobs: list[_MapJob] = []
    located = located_params(stage, context.params.measure, workspace.root)
    for shard, measure_key, parents in _measure_keys(stage, context):
        measure, reason = f"measure/{shard.name}.parquet", f"reason/{shard.name}.parquet"
        entry = fresh_entry(workspace, folder, measure, measure_key, old)
        # Reasons hang on the measures' bytes being those of the key, and on the rules.
        reason_key = digest_of({"measure": measure_key, "rules": dump(rules_of(context.params))})
        judged = fresh_entry(workspace, folder, reason, reason_key, old) if entry else None
        if entry and judged:
            files[measure], files[reason] = entry, judged
            continue
        if entry:
            files[measure] = entry
        jobs.append(
            _MapJob(
                context.module,
                workspace,
                shard,
                located,
                rules_of(context.params),
                None if entry else measure_key,
                reason_key,
                parents,
            )
        )
    for done in context.track(stage.name, context.each(_map_shard, jobs), len(jobs)):
        files.update(done)
    manifest = layer_manifest(stage.name, context.params, files, context.code(_libraries(stage, context)))
    if models := {name: given for name, given in _contents_of(stage, context).items() if given}:
        manifest["models"] = models
    seconds = time.perf_counter() - started
    finish_layer(workspace, folder, manifest, seconds=seconds if jobs else None)
    shards = len(files) // 2
    return Report(stage.name, len(jobs), shards - len(jobs), manifest["rows"], seconds, manifest["reasons"])


def map_is_fresh(stage: Map, context: Context) -> bool:
    """Whether the layer's manifest lists exactly the files that a run would leave, and they are whole."""
    workspace, folder = context.workspace, context.workspace.layer(stage.name)
    manifest = workspace.manifest(folder)
    if manifest is None or workspace.manifest(workspace.base) is None or not _parents_exist(stage, workspace):
        return False
    wanted: dict[str, str] = {}
    for shard, measure_key, _ in _measure_keys(stage, context):
        wanted[f"measure/{shard.name}.parquet"] = measure_key
        wanted[f"reason/{shard.name}.parquet"] = digest_of(
            {"measure": measure_key, "rules": dump(rules_of(context.params))}
        )
    return files_are(workspace, folder, manifest["files"], wanted)


def files_are(workspace: Workspace, folder: Any, files: dict[str, Any], wanted: dict[str, str]) -> bool:
    """Whether `files` has exactly the wanted names and keys, and each lies there with its digest."""
    if set(files) != set(wanted):
        return False
    return all(
        files[name]["key"] == key and workspace.digests.matches(folder / name, files[name]["sha256"])
        for name, key in wanted.items()
    )


def fresh_entry(workspace: Workspace, folder: Any, name: str, key: str, old: dict[str, Any]) -> dict[str, Any] | None:
    """The manifest entry of a file that is already what `key` asks for, else None.

    A file that the manifest does not know yet (a run was killed) is judged by the key in its footer.
    """
    path = folder / name
    entry = old.get(name)
    if entry and entry["key"] == key and workspace.digests.matches(path, entry["sha256"]):
        return dict(entry)
    if not path.is_file():
        return None
    try:
        foot = parquet.footer(path)
    except IntegrityError:
        return None  # not whole: it is written again
    if foot.get("key") != key or (entry and entry["key"] == key):
        return None
    digest = workspace.digests.of(path)
    return {
        "key": key,
        "sha256": digest,
        "rows": foot["rows"],
        "bytes": path.stat().st_size,
        "reasons": foot.get("reasons", {}),
    }


def entry_of(
    workspace: Workspace, path: Any, key: str, written: parquet.Written, reasons: dict[str, int] | None = None
) -> dict[str, Any]:
    """The manifest entry of a file just written."""
    return {
        "key": key,
        "sha256": written.sha256,
        "rows": written.rows,
        "bytes": written.bytes,
        "reasons": reasons or {},
    }


def layer_manifest(stage: str, params: Any, files: dict[str, dict[str, Any]], code: str) -> dict[str, Any]:
    """What a layer promises: its files with their digests, its counts, and what it was made with."""
    judged = [f for name, f in files.items() if name.startswith("reason/")]
    rows = sum(f["rows"] for f in judged)
    reasons: dict[str, int] = {}
    for entry in judged:
        for reason, count in entry["reasons"].items():
            reasons[reason] = reasons.get(reason, 0) + count
    return {
        "stage": stage,
        "code": code,
        "params": dump(params),
        "rows": rows,
        "kept": rows - sum(reasons.values()),
        "reasons": reasons,
        "files": files,
    }


def finish_layer(workspace: Workspace, folder: Any, manifest: dict[str, Any], *, seconds: float | None) -> None:
    """Delete what the manifest does not list, then write the manifest, then the timing outside every digest."""
    remove_unlisted(folder, [*manifest["files"], MANIFEST])
    for name, entry in manifest["files"].items():
        workspace.digests.learn(folder / name, entry["sha256"])
    if workspace.manifest(folder) != manifest:
        workspace.write_manifest(folder, manifest)
    workspace.digests.save()
    if seconds is not None:
        record_timing(workspace, manifest["stage"], seconds)


def record_timing(workspace: Workspace, stage: str, seconds: float) -> None:
    """Seconds and text bytes of the last run that wrote something; for `status`, never for a digest."""
    base = workspace.manifest(workspace.base) or {}
    write_json(
        workspace.private / "timings" / f"{stage}.json",
        {"seconds": seconds, "text_bytes": base.get("text_bytes", 0)},
    )


def rules_of(params: Any) -> Any:
    """The rule parameters of a stage, None when it has none."""
    return getattr(params, "rules", None)


def dump(params: Any) -> Any:
    """Parameters as plain JSON values."""
    return None if params is None else params.model_dump(mode="json")


def parent_stages(reads: Sequence[str]) -> list[str]:
    """The stages whose measures are read."""
    return sorted({name.split(".", 1)[0] for name in reads if "." in name})


def parent_digests(workspace: Workspace, stages: Sequence[str]) -> dict[str, dict[str, str]]:
    """For each parent stage the digest of each shard's measure file; raises StageError when a parent has not run."""
    found = {}
    for stage in stages:
        manifest = workspace.manifest(workspace.layer(stage))
        if manifest is None:
            raise StageError(
                f"the layer of `{stage}` is missing",
                expected="it before this stage",
                do=f"run `aigc-data stage {stage}`",
            )
        found[stage] = {
            name.removeprefix("measure/").removesuffix(".parquet"): entry["sha256"]
            for name, entry in manifest["files"].items()
            if name.startswith("measure/")
        }
    return found


def _parents_exist(stage: Any, workspace: Workspace) -> bool:
    return all(workspace.manifest(workspace.layer(s)) is not None for s in parent_stages(stage.reads))


def _measure_keys(stage: Map, context: Context) -> Iterator[tuple[Shard, str, tuple[tuple[str, str], ...]]]:
    parents = parent_digests(context.workspace, parent_stages(stage.reads))
    code, params = context.code(_libraries(stage, context)), dump(context.params.measure)
    params |= _contents_of(stage, context)
    for shard in context.workspace.shards():
        try:
            read = tuple((name, digests[shard.name]) for name, digests in parents.items())
        except KeyError as error:
            raise StageError(
                f"a layer has no file for shard {shard.name}",
                expected="one row of judgement a base row",
                do="run the earlier stages again",
            ) from error
        key = digest_of(
            {"stage": stage.name, "code": code, "params": params, "base": shard.sha256, "reads": dict(read)}
        )
        yield shard, key, read


def _libraries(stage: Map, context: Context) -> tuple[str, ...]:
    return (*stage.libraries, *stage.also(context.params.measure))


def located_params(stage: Map, measure: Any, root: Path) -> Any:
    """The stage's measure parameters with the paths of `files` absolute, below `root`; raises StageError for a file
    that is missing."""
    changed = {}
    for name in stage.files:
        value = getattr(measure, name)
        paths = _paths(value)
        for path in paths:
            if not (root / path).is_file():
                raise StageError(
                    f"`{stage.name}.measure.{name}`: {path} is {'a folder' if (root / path).is_dir() else 'no file'}",
                    expected="a file; its path starts at the folder of params.yaml",
                )
        found = tuple(str(root / path) for path in paths)
        if paths:
            changed[name] = found[0] if isinstance(value, str) else found
    return measure.model_copy(update=changed)


def _paths(value: Any) -> tuple[str, ...]:
    if value == "off":
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _contents_of(stage: Map, context: Context) -> dict[str, list[list[str]]]:
    """(name, digest) of each file that a parameter names: a file that lies elsewhere is the same file."""
    located = located_params(stage, context.params.measure, context.workspace.root)
    digests = context.workspace.digests
    paths = {name: [Path(path) for path in _paths(getattr(located, name))] for name in stage.files}
    return {name: [[path.name, digests.of(path)] for path in given] for name, given in paths.items()}


def _map_shard(job: _MapJob) -> dict[str, dict[str, Any]]:
    """One shard in a worker: measure if asked, judge, write both files; returns their manifest entries."""
    stage: Map = importlib.import_module(job.module).STAGE
    workspace, shard = job.workspace, job.shard
    disk = on_disk(stage.name, stage.schema)
    done: dict[str, dict[str, Any]] = {}
    measure_file = workspace.measure_file(stage.name, shard.name)
    if job.measure_key is None:
        names = judged_columns(stage.schema)
        measured = parquet.read(measure_file, [f"{stage.name}.{n}" for n in names]).rename_columns(names)
    else:
        measured = stage.measure(stack.read_rows(workspace, shard, stage.reads), job.params)
        measured = checked(measured, stage.schema, shard, stage.name)
        footer = {"key": job.measure_key, "base": shard.sha256, "measures": dict(job.parents)}
        written = parquet.write(measure_file, measured.rename_columns(disk.names), footer=footer)
        done[f"measure/{shard.name}.parquet"] = entry_of(workspace, measure_file, job.measure_key, written)
    reason = stage.judge(measured.select(judged_columns(stage.schema)), job.rules)
    name, entry = write_reasons(workspace, stage.name, shard, reason, job.reason_key)
    done[name] = entry
    return done


def judged_columns(schema: pa.Schema) -> list[str]:
    """What a judge may see: every measure but text, so that a changed threshold never opens text."""
    return [f.name for f in schema if f.type != TEXT]


def write_reasons(
    workspace: Workspace, stage: str, shard: Shard, reason: pa.Array, key: str
) -> tuple[str, dict[str, Any]]:
    """Write the judgement of one shard; raises StageError when it has not one value a row or a foreign prefix."""
    reason = reason.combine_chunks() if isinstance(reason, pa.ChunkedArray) else reason
    if len(reason) != shard.rows:
        raise StageError(
            f"stage {stage} judged {len(reason)} of {shard.rows} rows of shard {shard.name}",
            expected="one judgement a row",
        )
    counts = {str(c["values"]): int(c["counts"]) for c in pc.value_counts(reason.drop_null()).to_pylist()}
    foreign = [r for r in counts if not r.startswith(f"{stage}:")]
    if foreign:
        raise StageError(f"stage {stage} gave the reason {foreign[0]!r}", expected=f"`{stage}:rule`")
    counts = dict(sorted(counts.items()))
    table = pa.table([reason.cast(pa.string())], schema=pa.schema([REASON.with_name(f"{stage}.reason")]))
    footer = {"key": key, "base": shard.sha256, "reasons": counts}
    file = workspace.reason_file(stage, shard.name)
    return f"reason/{shard.name}.parquet", entry_of(
        workspace, file, key, parquet.write(file, table, footer=footer), counts
    )


def checked(table: pa.Table, schema: pa.Schema, shard: Shard, stage: str) -> pa.Table:
    """The table in the declared schema; raises StageError when rows were lost or a column is missing, null or of
    another type."""
    if table.num_rows != shard.rows:
        raise StageError(
            f"stage {stage} returned {table.num_rows} rows for {shard.rows} of shard {shard.name}",
            expected="one row a row",
        )
    if table.column_names != schema.names:
        raise StageError(f"stage {stage} returned columns {table.column_names}", expected=f"{schema.names}")
    for field_ in schema:
        if not field_.nullable and table[field_.name].null_count:
            raise StageError(
                f"stage {stage} left `{field_.name}` null in shard {shard.name}",
                expected="a value in every row",
            )
    return table.cast(schema)


def barrier_report(
    stage: Barrier, started: float, written: int, fresh: int, rows: int, reasons: dict[str, int]
) -> Report:
    """A Barrier stage's report."""
    return Report(stage.name, written, fresh, rows, time.perf_counter() - started, reasons)
