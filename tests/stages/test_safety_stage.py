from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from aigc_data import columns
from aigc_data.errors import RecipeError, StageError, UsageError
from aigc_data.recipe import SafetyMeasure, SafetyRules, parse_recipe
from aigc_data.safety.sets import LabelledSet
from aigc_data.safety.training import train_on
from aigc_data.stages.safety import STAGE, checks, measure
from aigc_data.text.models import classifier

ABUSE = "你这个傻逼去死吧，操你妈的"


def rows(*given: tuple[str | None, str, str | None]) -> pa.Table:
    texts, langs, addresses = zip(*given, strict=True) if given else ((), (), ())
    return pa.table(
        {
            "clean.text": pa.array(texts, pa.large_string()),
            "clean.lang": pa.array(langs, pa.string()),
            "url": pa.array(addresses, pa.string()),
        }
    )


def judged(table: pa.Table, **rules: Any) -> list[str | None]:
    return STAGE.judge(table, SafetyRules(**rules)).to_pylist()


@pytest.fixture
def lists(tmp_path: Path) -> SafetyMeasure:
    (tmp_path / "bad.txt").write_text("evil.com\n", encoding="utf-8")
    (tmp_path / "own.tsv").write_text("违禁词\tA.1.h\t10\nforbidden\tA.3.c\t10\n傻逼\tallow\n", encoding="utf-8")
    return SafetyMeasure(lexicons=(str(tmp_path / "own.tsv"),), urls=(str(tmp_path / "bad.txt"),))


def test_measure__has_the_schema() -> None:
    table = measure(rows((ABUSE, "zh", None), ("fine", "en", ""), ("", "und", None)), SafetyMeasure())
    assert table.schema == columns.SAFETY == STAGE.schema
    table.validate(full=True)
    row = table.to_pylist()[0]
    assert [(s["category"], s["start"], s["end"]) for s in row["spans"]] == [
        ("insult", 3, 5),
        ("self-harm", 5, 8),
        ("insult", 9, 12),
    ]
    assert (row["terms"], row["weight"], row["tokens"], row["model_score"], row["blocked"]) == (3, 17, 12, -1, "")
    assert row["density"] == pytest.approx(17000 / 12)
    assert table["terms"].to_pylist() == [3, 0, 0]
    assert measure(rows(), SafetyMeasure()).num_rows == 0
    assert measure(rows((ABUSE, "zh", None)), SafetyMeasure(builtin=False))["terms"].to_pylist() == [0]


def test_measure__holds_no_words_of_a_text(lists: SafetyMeasure) -> None:
    table = measure(rows((f"{ABUSE} forbidden http://evil.com/秘密", "zh", "http://evil.com/秘密")), lists)
    assert not [w for w in ("操你妈", "forbidden", "evil", "秘密") if w in str(table.to_pylist())]


def test_measure__order_and_batches_change_nothing(lists: SafetyMeasure) -> None:
    table = rows(
        (ABUSE, "zh", "http://evil.com"), (None, "zh", None), ("违禁词 evil.com", "zh", ""), ("forbidden", "en", None)
    )
    whole = measure(table, lists)
    turned = pa.concat_tables([measure(table.slice(i, 1), lists) for i in reversed(range(4))])
    assert turned.take([3, 2, 1, 0]).equals(whole)
    assert measure(pa.concat_tables([table.slice(2), table.slice(0, 2)]), lists).take([2, 3, 0, 1]).equals(whole)


def test_checks__name_the_rule(lists: SafetyMeasure) -> None:
    table = measure(
        rows(
            (ABUSE, "zh", "http://good.com"),
            ("fine", "en", "https://www.evil.com/x"),
            ("see evil.com", "en", None),
            ("this is forbidden", "en", None),
            ("违禁词", "zh", None),
            ("", "und", None),
        ),
        lists,
    )
    assert judged(table) == ["safety:density", "safety:blocked", None, None, None, None]
    assert judged(table, min_weight=13) == [None, "safety:blocked", None, None, None, None]
    assert judged(table, min_weight=10)[3:5] == ["safety:density"] * 2
    assert judged(table, drop_blocked=False, max_blocked_links=0)[1:3] == [None, "safety:blocked-links"]
    assert judged(table, max_terms={"A.1": 0, "A.3.c": 0, "self-harm": 0}) == [
        "safety:self-harm",
        "safety:blocked",
        None,
        "safety:A.3.c",
        "safety:A.1",
        None,
    ]
    assert judged(table, max_terms={"A.1": 1, "hate": 0}, max_density="off")[3:] == [None] * 3
    off = SafetyRules(drop_blocked=False, max_density="off")
    assert checks(table, off).num_columns == 0
    assert STAGE.judge(table, off).to_pylist() == [None] * 6
    assert judged(table.slice(0, 0), max_terms={"hate": 0}) == []


def test_measure__scores_of_a_model(tmp_path: Path) -> None:
    texts = [f"{word} you {i}" for i in range(40) for word in ("hate", "love")]
    labelled = LabelledSet(
        "toy",
        "",
        pa.array(texts, pa.large_string()),
        pa.array([t.startswith("hate") for t in texts]).to_numpy(zero_copy_only=False),
        pa.array(["en"] * len(texts)),
        pa.array([""] * len(texts)),
        0,
    )
    path = tmp_path / "model.safetensors"
    classifier.save(path, train_on([labelled]))
    params = SafetyMeasure(classifier=str(path))
    table = measure(rows(("i hate you", "en", None), ("i love you", "en", None), ("我恨你", "zh", None)), params)
    bad, good, other = table["model_score"].to_pylist()
    assert bad > 500 > good >= 0
    assert other == -1
    assert judged(table, max_model_score=500) == ["safety:model-score", None, None]
    classifier.save(tmp_path / "good.safetensors", replace(classifier.load(path), facts={"purpose": "quality"}))
    with pytest.raises(UsageError, match=r"good\.safetensors is a model of quality; expected a model of safety"):
        measure(rows(("x", "en", None)), SafetyMeasure(classifier=str(tmp_path / "good.safetensors")))
    with pytest.raises(UsageError, match="there is no file"):
        measure(rows(("x", "en", None)), SafetyMeasure(classifier=str(tmp_path / "none.safetensors")))


def test_measure__a_changed_list_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    params = SafetyMeasure(urls=(str(path),))
    with pytest.raises(StageError, match=r"bad\.txt"):
        measure(rows(("x", "en", "http://evil.com")), params)
    for entry, expected in (("other.example", ""), ("evil.com", "bad:domain")):
        path.write_text(f"{entry}\n")
        assert measure(rows(("x", "en", "http://evil.com")), params)["blocked"].to_pylist() == [expected]


def test_recipe__off_and_categories() -> None:
    def rules(**given: Any) -> SafetyRules:
        safety = {"measure": {"classifier": "toxic.safetensors"}, "rules": given}
        return parse_recipe({"name": "x", "sources": [{"name": "a", "path": "b"}], "safety": safety}).safety.rules

    assert rules(max_density=False, max_model_score=700).max_density == "off"
    assert rules(max_terms={"hate": 0, "A.2": 3}).max_terms == {"hate": 0, "A.2": 3}
    with pytest.raises(RecipeError, match=r"no category `hate\.rase`, did you mean `hate\.race`"):
        rules(max_terms={"hate.rase": 0})
    with pytest.raises(RecipeError, match="max_density"):
        rules(max_density=None)
