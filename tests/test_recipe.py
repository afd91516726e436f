from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from aigc_data.errors import RecipeError
from aigc_data.recipe import load_recipe, parse_recipe

MINIMAL: dict[str, Any] = {"name": "x", "sources": [{"name": "a", "path": "raw"}]}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"qualty": {}}, "unknown key `qualty`, did you mean `quality`?"),
        ({"sources": [{"name": "a", "path": "b", "fromat": "csv"}]}, "`sources.0.fromat`, did you mean `format`?"),
        ({"quality": {"rules": {"zh": {"min_tokns": 3}}}}, "`quality.rules.zh.min_tokns`, did you mean `min_tokens`?"),
        ({"clean": {"rules": {"min_lang_score": 1.5}}}, "`clean.rules.min_lang_score`"),
        ({"sources": []}, "`sources`"),
        ({"sources": [{"name": "a", "path": "b"}, {"name": "a", "path": "c"}]}, "seen twice: a"),
        ({"gate": {"expectations": [{"metric": "rows"}]}}, "without a bound"),
        ({"name": "../etc"}, "`name`"),
        ({"clean": {"rules": {"languages": ["english"]}}}, "`clean.rules.languages.0`"),
        ({"pii": {"measure": {"regions": ["Mars"]}}}, "`pii.measure.regions.0`"),
        ({"license": {"rules": {"allow": ["Apache-2.0"]}}}, "`license.rules.allow.0`"),
        ({"gate": {"validation_share": 0.7, "test_share": 0.6}}, "leave nothing for train"),
    ],
)
def test_parse_recipe__names_the_key_and_the_nearest_one(changed: dict[str, Any], expected: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe({**MINIMAL, **changed})
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_load_recipe__says_which_file_and_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no recipe at"):
        load_recipe(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("name: [unclosed")
    with pytest.raises(RecipeError, match="is not YAML"):
        load_recipe(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("- a\n- b\n")
    with pytest.raises(RecipeError, match="holds list"):
        load_recipe(tmp_path / "params.yaml")


def test_parse_recipe__a_bound_of_zero_is_a_bound_and_off_is_spelled_out() -> None:
    en = yaml.safe_load("{max_dup_lines: 0, min_stop_words: off, min_tokens: 'off'}")
    rules = parse_recipe({**MINIMAL, "quality": {"rules": {"en": en}}}).quality.rules
    assert (rules.en.max_dup_lines, rules.en.min_stop_words, rules.en.min_tokens) == (0, "off", "off")


@pytest.mark.parametrize(("written", "words"), [("null", "write `off`"), ("on", "`on` is no value"), ("many", "`off`")])
def test_parse_recipe__what_is_neither_a_bound_nor_off_is_refused(written: str, words: str) -> None:
    rules = {"zh": {"min_tokens": yaml.safe_load(written)}}
    with pytest.raises(RecipeError, match=words) as refused:
        parse_recipe({**MINIMAL, "quality": {"rules": rules}})
    assert "`quality.rules.zh.min_tokens`" in str(refused.value)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"quality": {"rules": {"zh": {"min_model_score": 300}}}}, "quality.measure.classifier is off: name a model"),
        ({"quality": {"rules": {"en": {"max_perplexity": 4.5}}}}, "quality.measure.perplexity is off: name a model"),
        ({"safety": {"rules": {"max_model_score": 500}}}, "safety.measure.classifier is off: name a model"),
        ({"quality": {"rules": {"zh": {"max_dup_5gram": float("nan")}}}}, "finite number"),
        ({"quality": {"rules": {"zh": None}}}, "a mapping of keys to values, saw null"),
        ({"quality": {"rules": {"zh": {"line_rules_from": False}}}}, "saw false"),
    ],
)
def test_parse_recipe__a_bound_that_could_never_judge_is_refused(sections: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        parse_recipe({**MINIMAL, **sections})


def test_load_recipe__a_key_that_stands_twice_is_named(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("name: x\nsources: [{name: a, path: raw}]\nname: y\n")
    with pytest.raises(RecipeError, match="the key `name` stands there twice"):
        load_recipe(tmp_path / "params.yaml")
