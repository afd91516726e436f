from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pipeline_runs import run_all
from prose import chinese, english
from small_workspace import small

from aigc_data.columns import TEXT
from aigc_data.errors import RecipeError, UsageError
from aigc_data.recipe import with_value
from aigc_data.rules.broken import measures
from aigc_data.rules.tune import Change, tune
from aigc_data.store import parquet
from aigc_data.store.workspace import Workspace

ROWS = [
    {"id": "a", "text": "One two three four five."},
    {"id": "b", "text": "One two three four five six seven eight."},
    {"id": "c", "text": english(3)},
    {"id": "d", "text": "春眠不觉晓，处处闻啼鸟。"},
    {"id": "e", "text": chinese(3)},
    {"id": "nc", "text": "Not for sale is this one, five.", "license": "CC-BY-NC-4.0"},
]
OFF = {"min_stop_words": "off", "min_terminal_lines": "off"}


@pytest.fixture
def workspace(tmp_path: Path) -> tuple[Workspace, Any]:
    rules = {"en": {"min_tokens": 7, **OFF}, "zh": {"min_tokens": 7, **OFF}}
    languages = {"languages": ["en", "zh"], "min_lang_score": 0.0}
    return small(tmp_path, ROWS, quality={"rules": rules}, clean={"rules": languages})


def kept(workspace: Workspace) -> int:
    """Rows without a reason before the gate."""
    names = ("clean", "dedupe", "pii", "license", "quality")
    rows = 0
    for shard in workspace.shards():
        reasons = [parquet.read(workspace.reason_file(n, shard.name))[f"{n}.reason"].to_pylist() for n in names]
        rows += sum(all(r is None for r in row) for row in zip(*reasons, strict=True))
    return rows


def test_tune__says_what_comes_and_goes(workspace: tuple[Workspace, Any]) -> None:
    where, recipe = workspace
    assert tune(where, recipe, "quality", "en.min_tokens", [False]).outcomes[0].value == "off"  # as YAML reads it
    tuning = tune(where, recipe, "quality", "en.min_tokens", [3, 7, 9])
    assert (tuning.value, tuning.rows, tuning.kept) == (7, 6, 4)
    assert [o.kept for o in tuning.outcomes] == [5, 4, 3]
    assert tuning.outcomes[0].total == Change(come=1, go=0, come_tokens=5, go_tokens=0)
    assert tuning.outcomes[1].total == Change()
    assert tuning.outcomes[2].languages == {"en": Change(come=0, go=1, come_tokens=0, go_tokens=8)}


def test_tune__keeps_its_word(workspace: tuple[Workspace, Any]) -> None:
    where, recipe = workspace
    for path, value in (("en.min_tokens", 3), ("en.min_tokens", "off"), ("zh.min_tokens", 30)):
        promised = tune(where, recipe, "quality", path, [value]).outcomes[0].kept
        other = with_value(recipe, f"quality.rules.{path}", value)
        run_all(where, other)
        assert kept(where) == promised, (path, value)
        run_all(where, recipe)


def test_tune__reads_no_text(workspace: tuple[Workspace, Any]) -> None:
    where, recipe = workspace
    for shard in where.shards():
        where.base_file(shard.name).unlink()
        for stage in ("clean", "quality"):
            assert not any(f.type == TEXT for f in measures(where, shard, stage).schema)
    assert tune(where, recipe, "quality", "en.min_tokens", [3]).outcomes[0].kept == 5


def test_tune__without_values_goes_over_quantiles(workspace: tuple[Workspace, Any]) -> None:
    where, recipe = workspace
    values = [o.value for o in tune(where, recipe, "quality", "zh.min_tokens").outcomes]
    assert values[0] == 10  # the shortest Chinese text
    assert values[-1] == "off"
    # Lines are judged from five on, and no model has scored these rows.
    for key in ("zh.max_dup_lines", "en.max_sentence_tokens"):
        assert [o.value for o in tune(where, recipe, "quality", key).outcomes[-1:]] == ["off"]
    assert [o.value for o in tune(where, recipe, "quality", "zh.max_dup_lines").outcomes] == ["off"]


@pytest.mark.parametrize(
    ("key", "values", "words"),
    [
        ("zh.min_tokns", [3], "did you mean `min_tokens`"),
        ("zz.min_tokens", [3], "`zz` is no section"),
        ("zh.min_tokens", ["many"], "many"),
        ("zh.min_tokens", [None], "write `off`"),
    ],
)
def test_tune__a_wrong_key_or_value_is_refused(
    workspace: tuple[Workspace, Any], key: str, values: list[Any], words: str
) -> None:
    where, recipe = workspace
    with pytest.raises((RecipeError, UsageError), match=words):
        tune(where, recipe, "quality", key, values)
