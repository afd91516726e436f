"""Models and lists that a recipe names: their content decides what is fresh, not where they lie."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from prose import chinese, english
from small_workspace import small

from aigc_data.errors import StageError
from aigc_data.pipeline import run_stage, stale_stages
from aigc_data.recipe import Recipe, with_value
from aigc_data.store import parquet
from aigc_data.store.workspace import Workspace

ROWS = [{"id": f"en-{n}", "text": english(n)} for n in range(4)] + [{"id": "好", "text": chinese(1)}]
LIST = "harbour\tgambling\t5\ten\n港口\tgambling\t5\tzh\n"


@pytest.fixture
def workspace(tmp_path: Path) -> tuple[Workspace, Recipe]:
    (tmp_path / "mine.tsv").write_text(LIST, encoding="utf-8")
    return small(tmp_path, ROWS, safety={"measure": {"lexicons": ["mine.tsv"], "builtin": False}})


def terms(workspace: Workspace) -> list[int]:
    found: list[int] = []
    for shard in workspace.shards():
        found += parquet.read(workspace.measure_file("safety", shard.name), ["safety.terms"])[
            "safety.terms"
        ].to_pylist()
    return found


def test_files__another_content_is_measured_again(workspace: tuple[Workspace, Recipe]) -> None:
    where, recipe = workspace
    assert all(terms(where))
    assert not stale_stages(where, recipe)
    (where.root / "mine.tsv").write_text(LIST.replace("harbour", "lighthouse"), encoding="utf-8")
    assert stale_stages(where, recipe)[0] == "safety"
    run_stage("safety", where, recipe)
    assert sorted(terms(where)) == [0, 0, 0, 0, 1]


def test_files__a_moved_one_is_the_same(workspace: tuple[Workspace, Recipe]) -> None:
    where, recipe = workspace
    (where.root / "lists").mkdir()
    shutil.move(where.root / "mine.tsv", where.root / "lists" / "mine.tsv")
    moved = with_value(recipe, "safety.measure.lexicons", ["lists/mine.tsv"])
    written = run_stage("safety", where, moved).written
    assert written == 0


def test_files__one_that_is_missing_is_named(workspace: tuple[Workspace, Recipe]) -> None:
    where, recipe = workspace
    other: Any = with_value(recipe, "safety.measure.lexicons", ["mine.tsv", "yours.tsv"])
    with pytest.raises(StageError, match=r"`safety\.measure\.lexicons`: yours\.tsv is no file"):
        run_stage("safety", where, other)
