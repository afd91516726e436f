"""Runs of the whole pipeline for tests: in this process, and the digest of all that it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aigc_data.hashing import digest_file
from aigc_data.pipeline import STAGES, run_stage
from aigc_data.recipe import Recipe
from aigc_data.runner import Report
from aigc_data.store import parquet, stack
from aigc_data.store.workspace import Workspace

VERDICT = (
    "id",
    "clean.reason",
    "pii.reason",
    "license.reason",
    "quality.reason",
    "gate.reason",
    "gate.duplicate_of",
    "gate.split",
    "safety.reason",
)


def run_all(workspace: Workspace, recipe: Recipe, *, each: Any = map) -> dict[str, Report]:
    """Every stage in order; returns the reports by stage."""
    return {name: run_stage(name, workspace, recipe, each=each) for name in STAGES}


def bytes_of(folder: Path) -> dict[str, str]:
    """Relative path → SHA-256 of every file below a folder."""
    return {p.relative_to(folder).as_posix(): digest_file(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def release_id(workspace: Workspace) -> str:
    """The latest release's id."""
    manifest = workspace.manifest(workspace.releases)
    assert manifest is not None
    return str(manifest["latest"])


def release_rows(workspace: Workspace) -> list[dict[str, Any]]:
    """All rows of the latest release."""
    folder = workspace.releases / release_id(workspace)
    manifest = workspace.manifest(folder)
    assert manifest is not None
    return [row for name in manifest["files"] for row in parquet.read(folder / name).to_pylist()]


def verdicts(workspace: Workspace) -> dict[str, tuple[Any, ...]]:
    """id → what every layer says of the record."""
    rows = [row for shard in workspace.shards() for row in stack.read_rows(workspace, shard, VERDICT).to_pylist()]
    return {row["id"]: tuple(row[name] for name in VERDICT[1:]) for row in rows}
