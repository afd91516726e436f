"""A workspace of a few literal rows, run through every stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from pipeline_runs import run_all

from aigc_data.recipe import Recipe, parse_recipe
from aigc_data.store.workspace import Workspace


def small(folder: Path, rows: list[dict[str, Any]], **recipe: Any) -> tuple[Workspace, Recipe]:
    """The workspace made of `rows` (id, text, license) below `folder`, and its recipe."""
    (folder / "raw.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    source = {"name": "raw", "path": "raw.jsonl", "id": "id", "license": "CC0-1.0", "license_field": "license"}
    made = parse_recipe({"name": "small", "workers": 1, "sources": [source], **recipe})
    (folder / "params.yaml").write_text(made.model_dump_json(exclude_unset=True), encoding="utf-8")
    workspace = Workspace(folder)
    run_all(workspace, made)
    return workspace, made
