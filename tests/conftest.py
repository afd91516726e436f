"""What many tests share: a small workspace of literal rows, and the frame of nasty texts that every stage must
survive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from prose import chinese, english

from aigc_data.recipe import Recipe, load_recipe
from aigc_data.store.workspace import Workspace

MakeWorkspace = Callable[..., tuple[Workspace, Recipe]]


@pytest.fixture
def make_workspace(tmp_path: Path) -> MakeWorkspace:
    """Write rows (mappings) as JSON Lines files of one source and a params.yaml with the given sections."""

    def make(
        files: Mapping[str, Sequence[Mapping[str, Any]]],
        *,
        folder: str = "workspace",
        source: Mapping[str, Any] | None = None,
        **sections: Any,
    ) -> tuple[Workspace, Recipe]:
        root = tmp_path / folder
        for name, rows in files.items():
            path = root / "raw" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))
        recipe = {
            "name": "test",
            "sources": [{"name": "raw", "path": "raw", "id": "id", "license": "CC0-1.0", **(source or {})}],
            "workers": 1,
            **sections,
        }
        (root / "params.yaml").write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
        return Workspace(root), load_recipe(root / "params.yaml")

    return make


@pytest.fixture
def documents() -> list[dict[str, Any]]:
    """Twenty-four documents in two languages with an id of their own."""
    rows = [{"id": f"en-{n}", "text": english(n)} for n in range(12)]
    return rows + [{"id": f"zh-{n}", "text": chinese(n)} for n in range(12)]
