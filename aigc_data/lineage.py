"""Trace: all that is known of one record; the runs of a release, and the release of a run or a checkpoint."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aigc_data import render
from aigc_data.columns import CUTS, LAYERS, PII
from aigc_data.errors import IntegrityError, UsageError
from aigc_data.recipe import PiiMeasure, ReleaseParams
from aigc_data.store import parquet, stack
from aigc_data.store.files import TEMPORARY, read_json
from aigc_data.store.workspace import MANIFEST, Shard, Workspace

#: What `show` hides: every span of personal data that was found, whatever a release's own actions are.
HIDE_ALL = ReleaseParams.model_validate({"min_pii_confidence": 0})

_HEX = re.compile(r"[0-9a-f]{1,64}")
_AMBIGUOUS = 5
_HEADER_LIMIT = 100_000_000  # bytes; the format's own limit


def show_record(workspace: Workspace, id_prefix: str, *, raw: bool = False) -> dict[str, Any]:
    """All that is known of the record whose id begins with `id_prefix` (1 to 32 hex digits).

    Keys: id, shard, base, layers (stage → measures and reason), reasons (all), verdict, kept_copy, born and
    releases; for a born row id, born_row and releases. Texts, url, meta and locator are rendered without personal
    data, unless `raw`.
    Raises UsageError for a prefix that is none, unknown, or shared by several records.
    """
    prefix = id_prefix.strip().lower()
    if not _HEX.fullmatch(prefix) or len(prefix) > 32:
        raise UsageError(
            f"`{id_prefix}` is no record id",
            expected="1 to 32 hex digits",
            do="copy it from a report or a release",
        )
    found = [
        (i, shard, row) for shard in workspace.shards() for i, row in _matches(workspace.base_file(shard.name), prefix)
    ]
    born = [] if found else [(i, p, row) for p in _born_files(workspace) for i, row in _matches(p, prefix)]
    ids = sorted({i for i, _, _ in found} | {i for i, _, _ in born})
    if not ids:
        raise UsageError(
            f"no record's id begins with {prefix}",
            expected="an id of this workspace's base",
            do="look for it in data/quarantine, or check out the version that had it",
        )
    if len(ids) > 1:
        some = ", ".join(ids[:_AMBIGUOUS]) + (f" and {len(ids) - _AMBIGUOUS} more" if len(ids) > _AMBIGUOUS else "")
        raise UsageError(f"{len(ids)} ids begin with {prefix}: {some}", expected="one", do="give more digits")
    if born:
        _, path, row = born[0]
        row_values = parquet.read(path).slice(row, 1).to_pylist()[0]
        return {"id": ids[0], "born_row": row_values, "releases": _releases_with(workspace, ids[0])}
    _, shard, row = found[0]
    return _record(workspace, shard, row, ids[0], raw=raw)


def _record(workspace: Workspace, shard: Shard, row: int, id_: str, *, raw: bool) -> dict[str, Any]:
    base = parquet.read(workspace.base_file(shard.name)).slice(row, 1)
    layers = {
        stage: _layer(workspace, shard, stage, row) for stage in LAYERS if workspace.manifest(workspace.layer(stage))
    }
    shown = base if raw else _hidden(workspace, base, layers)
    if not raw and "clean" in layers:
        layers["clean"]["text"] = shown["text"][0].as_py()
    reasons = [str(layer["reason"]) for layer in layers.values() if layer["reason"] is not None]
    verdict = kept = None
    if "gate" in layers:
        verdict = layers["gate"]["reason"] or "lives"
        kept = layers["gate"].get("duplicate_of") or (id_ if verdict == "lives" else None)
    return {
        "id": id_,
        "shard": shard.name,
        "base": shown.to_pylist()[0],
        "layers": layers,
        "reasons": reasons,
        "verdict": verdict,
        "kept_copy": kept,
        "born": _children(workspace, id_),
        "releases": _releases_with(workspace, id_),
    }


def _layer(workspace: Workspace, shard: Shard, stage: str, row: int) -> dict[str, Any]:
    path = workspace.measure_file(stage, shard.name)
    names = [*_columns(path), f"{stage}.reason"]
    values = stack.read_rows(workspace, shard, names).slice(row, 1).to_pylist()[0]
    return {name.split(".", 1)[1]: value for name, value in values.items()}


def _columns(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise IntegrityError(f"{path} cannot be read", do="run `aigc-data verify`") from error


def _hidden(workspace: Workspace, base: pa.Table, layers: dict[str, dict[str, Any]]) -> pa.Table:
    """The base row as it may be seen; its text is the cleaned one, of which the spans speak."""
    pii = pii_measure(workspace)
    if "pii" in layers and "clean" in layers:
        rows = pa.table(
            {
                "clean.text": pa.array([layers["clean"]["text"]], pa.large_string()),
                "dedupe.cuts": pa.array([layers.get("dedupe", {}).get("cuts", [])], CUTS),
                "pii.spans": pa.array([layers["pii"]["spans"]], PII.field("spans").type),
            }
        )
        text = render.render_texts(rows, pii, HIDE_ALL)
    else:
        text = render.render_field(base["text"], pii, HIDE_ALL)
    shown = {"text": text, **{n: render.render_field(base[n], pii, HIDE_ALL) for n in ("url", "created", "locator")}}
    shown |= {n: render.render_meta(base[n], pii, HIDE_ALL) for n in ("meta", "rights")}
    return pa.table({name: shown.get(name, base[name]) for name in base.column_names})


def pii_measure(workspace: Workspace) -> PiiMeasure:
    """The kinds and regions that the pii layer was made with; the defaults before it was."""
    manifest = workspace.manifest(workspace.layer("pii"))
    return PiiMeasure.model_validate(manifest["params"]["measure"] if manifest else {})


def _matches(path: Path, prefix: str) -> Iterator[tuple[str, int]]:
    ids = parquet.read(path, ["id"])["id"]
    for row in pc.indices_nonzero(pc.starts_with(ids, prefix)).to_pylist():
        yield ids[row].as_py(), row


def _born_files(workspace: Workspace) -> list[Path]:
    manifest = workspace.manifest(workspace.born) or {"files": {}}
    return [workspace.born / name for name in sorted(manifest["files"])]


def _children(workspace: Workspace, id_: str) -> list[dict[str, Any]]:
    children = []
    for path in _born_files(workspace):
        table = parquet.read(path, ["id", "parent", "variant", "k"])
        children += table.filter(pc.equal(table["parent"], id_)).select(["id", "variant", "k"]).to_pylist()
    return children


def _releases_with(workspace: Workspace, id_: str) -> list[dict[str, Any]]:
    found = []
    for folder, manifest in releases(workspace):
        for name, entry in sorted(manifest["files"].items()):
            ids = parquet.read(folder / name, ["id"])["id"]
            if pc.any(pc.equal(ids, id_)).as_py():
                found.append({"id": manifest["id"], "file": name, "split": entry["split"]})
    return found


def releases(workspace: Workspace) -> list[tuple[Path, dict[str, Any]]]:
    """Every published release: its folder and its manifest, in the order of ids."""
    folder = workspace.releases
    if not folder.is_dir():
        return []
    published = [p for p in sorted(folder.iterdir()) if (p / MANIFEST).is_file() and not p.name.startswith(TEMPORARY)]
    return [(path, read_json(path / MANIFEST)) for path in published]


def find_release(workspace: Workspace, prefix: str | None = None) -> tuple[Path, dict[str, Any]]:
    """The release whose id begins with `prefix`, else the latest; UsageError unless there is just one."""
    published = releases(workspace)
    if prefix is None or prefix == "latest":
        pointer = workspace.manifest(workspace.releases)
        prefix = pointer["latest"] if pointer else "-"
    found = [(path, manifest) for path, manifest in published if manifest["id"].startswith(prefix)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(manifest["id"][:12] for _, manifest in published) or "none yet"
    seen = f"{len(found)} releases begin with {prefix}" if found else "there is no such release"
    raise UsageError(
        f"{seen} (releases: {known})",
        expected="one",
        do="give more digits, or make a release with `aigc-data run`",
    )


def runs_of(workspace: Workspace, release_id: str) -> list[dict[str, Any]]:
    """The training runs on a release, in the order of their names."""
    return [run for run in _runs(workspace) if run["release"] == release_id]


def _runs(workspace: Workspace) -> list[dict[str, Any]]:
    return [_run(path.parent) for path in sorted(workspace.runs.glob("*/run.json"))]


def _run(folder: Path) -> dict[str, Any]:
    order = read_json(folder / "run.json")
    metrics = read_json(folder / "metrics.json") if (folder / "metrics.json").is_file() else None
    return {
        "name": folder.name,
        "run": order.get("run"),
        "release": order.get("release", {}).get("id"),
        "recipe": order.get("release", {}).get("recipe_digest"),
        "revisions": order.get("revisions"),
        "config": order.get("config"),
        "parameters": order.get("parameters"),
        "done": metrics is not None,
        "metrics": metrics,
        "checkpoints": sorted(p.name for p in folder.glob("*.safetensors")),
    }


def trace(workspace: Workspace, thing: str) -> dict[str, Any]:
    """A release, a run or a checkpoint and what hangs together with it, for `aigc-data lineage`.

    `thing` is a release id or its beginning, `latest`, a run's name or folder, or a checkpoint's file.
    Raises UsageError when it is none of these, IntegrityError when a file cannot be read.
    """
    path = next((p for p in (Path(thing), workspace.root / thing) if p.suffix == ".safetensors" and p.is_file()), None)
    if path is not None:
        metadata = checkpoint_metadata(path)
        return {
            "kind": "checkpoint",
            "checkpoint": metadata,
            "release": _release_facts(workspace, metadata.get("release")),
        }
    folders = (workspace.runs / thing, Path(thing), workspace.root / thing)
    folder = next((f for f in folders if (f / "run.json").is_file()), None)
    latest = next((f for f in folders if (f / "record.json").is_file()), None)
    if folder is None and latest is not None:  # runs/latest is DVC's copy of the newest run's figures
        folder = workspace.runs / str(read_json(latest / "record.json").get("run"))
        folder = folder if (folder / "run.json").is_file() else None
    if folder is not None:
        run = _run(folder)
        return {"kind": "run", "run": run, "release": _release_facts(workspace, run["release"])}
    if thing == "latest" or _HEX.fullmatch(thing.lower()):
        _, manifest = find_release(workspace, thing.lower())
        facts = _release_facts(workspace, manifest["id"])
        return {"kind": "release", "release": facts, "runs": runs_of(workspace, manifest["id"])}
    runs = ", ".join(run["name"] for run in _runs(workspace)) or "none yet"
    raise UsageError(
        f"`{thing}` is no release, run or checkpoint (runs: {runs})",
        expected="a release id, a run's name, or a .safetensors file",
        do="look in data/releases and runs",
    )


def _release_facts(workspace: Workspace, id_: str | None) -> dict[str, Any]:
    manifest = next((m for _, m in releases(workspace) if m["id"] == id_), None)
    if manifest is None:
        return {"id": id_, "here": False}
    names = ("id", "name", "rows", "tokens", "recipe", "code", "parents")
    return {
        "here": True,
        **{name: manifest[name] for name in names},
        "sources": sorted(manifest["counts"]["source"]),
    }


def checkpoint_metadata(path: Path) -> dict[str, str]:
    """The strings in a safetensors file's header, read without torch.

    Format: 8 bytes little-endian length, then that many bytes of JSON, whose `__metadata__` maps strings
    to strings (safetensors, README, "Format"). Raises IntegrityError when the file is not of this form.
    """
    with path.open("rb") as file:
        head = file.read(8)
        size = struct.unpack("<Q", head)[0] if len(head) == 8 else _HEADER_LIMIT + 1
        data = file.read(size) if size <= _HEADER_LIMIT else b""
    try:
        header = json.loads(data) if len(data) == size else None
    except ValueError:
        header = None
    metadata = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict):
        raise IntegrityError(
            f"{path.name} is no safetensors file",
            expected="a checkpoint of a run",
            do="restore it, or train again",
        )
    return {str(key): str(value) for key, value in sorted(metadata.items())}
