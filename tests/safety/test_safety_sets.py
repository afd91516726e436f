"""Labelled sets from files, training on them, and what the commands print and write."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aigc_data.cli import app
from aigc_data.errors import SourceError, UsageError
from aigc_data.safety.sets import SetSpec, parse_spec, read_set
from aigc_data.safety.training import train_on
from aigc_data.text.models.classifier import save


def labelled(tmp_path: Path, name: str = "set.csv.gz", rows: int = 60) -> Path:
    lines = ["tweet,class,kind"]
    for i in range(rows):
        lines += [
            f'"you are {"vile" if i % 2 else "kind"}, number {i}",{(2, 0, 1)[(i % 2) * (1 + i % 4 // 3)]},k{i % 2}'
        ]
        lines += [f"你{'真恶毒' if i % 2 else '真善良'}呀{i},{0 if i % 2 else 2},k{i % 2}"]
    path = tmp_path / name
    path.write_bytes(gzip.compress("\n".join([*lines, ",0,k0", "no label,,k0"]).encode()))
    return path


def test_parse_spec__names_fields() -> None:
    spec = parse_spec("a/b.csv,text=tweet,label=class,positive=0+1,lang=en")
    assert spec == SetSpec("a/b.csv", text="tweet", label="class", positive="0+1", lang="en")
    assert spec.positives == {"0", "1"}
    assert parse_spec("x.jsonl") == SetSpec("x.jsonl")
    for wrong in ("x,txt=a", "x,text", "x,text=", "x,text=a,text=b", ",text=a"):
        with pytest.raises(UsageError):
            parse_spec(wrong)


def test_read_set__labels_types_and_losses(tmp_path: Path) -> None:
    path = labelled(tmp_path)
    one = read_set(parse_spec(f"{path},text=tweet,label=class,positive=0+1,type=kind"))
    assert (one.name, len(one.labels), int(one.labels.sum()), one.lost) == ("set", 120, 60, 2)
    assert set(one.types.to_pylist()) == {"k0", "k1"}
    assert {"zh"} < set(one.langs.to_pylist())
    assert len(one.digest) == 64
    (tmp_path / "set.jsonl").write_text(
        '{"text": "a", "label": 1}\n{"text": "b", "label": 2}\n{"text": null, "label": 0}\n'
    )
    two = read_set(parse_spec(f"{tmp_path / 'set.jsonl'},lang=en"))
    assert (two.labels.tolist(), two.langs.to_pylist(), two.lost) == ([True, False], ["en", "en"], 1)
    with pytest.raises(SourceError, match="labl"):
        read_set(parse_spec(f"{tmp_path / 'set.jsonl'},label=labl"))
    (tmp_path / "plain.txt").write_text("no fields")
    with pytest.raises(SourceError, match="no fields"):
        read_set(parse_spec(str(tmp_path / "plain.txt")))


def test_commands__train_and_evaluate(tmp_path: Path) -> None:
    spec = f"{labelled(tmp_path)},text=tweet,label=class,positive=0+1,type=kind"
    models = [tmp_path / name for name in ("one.safetensors", "two.safetensors")]
    for model in models:
        done = CliRunner().invoke(app, ["safety", "train", spec, "--to", str(model)], catch_exceptions=False)
        assert "zh: 30 positive, 30 negative" in done.output
    assert models[0].read_bytes() == models[1].read_bytes()
    figures = tmp_path / "figures.json"
    done = CliRunner().invoke(
        app,
        ["safety", "evaluate", str(models[0]), spec, "--threshold", "500", "--to", str(figures)],
        catch_exceptions=False,
    )
    assert "| set | 120 (60) | model over 500 | 1.000 [" in done.output
    assert "| k1 | positive |" in done.output
    entry = json.loads(figures.read_text())[0]
    assert entry["filters"]["model over 500"]["recall"]["value"] == 1.0
    assert entry["auc"]["value"] == 1.0
    done = CliRunner().invoke(app, ["safety", "evaluate", "off", spec], catch_exceptions=False)
    assert "any term" in done.output
    assert "model" not in done.output
    with pytest.raises(UsageError, match=r"a name in \.safetensors"):
        CliRunner().invoke(app, ["safety", "train", spec, "--to", "model.bin"], catch_exceptions=False)


@pytest.mark.parametrize("positive", ["true", "True", "1", "1.0"])
@pytest.mark.parametrize(
    ("yes", "no"), [("true", "false"), ("1.0", "0.0"), ("1", "0"), ('"True"', '"False"'), ('"1.0"', '"0"')]
)
def test_read_set__true_and_one_are_one_label(tmp_path: Path, positive: str, yes: str, no: str) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(f'{{"text": "go away", "label": {yes}}}\n{{"text": "你好", "label": {no}}}\n', encoding="utf-8")
    assert read_set(parse_spec(f"{path},lang=en,positive={positive}")).labels.tolist() == [True, False]


@pytest.mark.parametrize(
    ("labels", "positive", "said"),
    [
        ('"hate" "hate" "none"', "hateful", "no positive row; its labels in `label` are `hate` × 2, `none` × 1"),
        ("true true", "1", "no negative row; its labels in `label` are `1` × 2"),
        ("0 0.5", "1", "no positive row; its labels in `label` are `0` × 1, `0.5` × 1"),
    ],
)
def test_read_set__refuses_a_set_of_one_class(tmp_path: Path, labels: str, positive: str, said: str) -> None:
    path = tmp_path / "set.jsonl"
    rows = [f'{{"text": "文本 {i}", "label": {label}}}' for i, label in enumerate(labels.split())]
    path.write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(UsageError) as error:
        read_set(parse_spec(f"{path},lang=zh,positive={positive}"))
    assert said in str(error.value)


def test_evaluate__refuses_a_model_of_quality(tmp_path: Path) -> None:
    path = tmp_path / "good.safetensors"
    model = train_on([read_set(parse_spec(f"{labelled(tmp_path)},text=tweet,label=class,positive=0+1"))])
    save(path, replace(model, facts={"purpose": "quality"}))
    with pytest.raises(UsageError, match=r"good\.safetensors is a model of quality; expected a model of safety"):
        CliRunner().invoke(app, ["safety", "evaluate", str(path), "x.csv"], catch_exceptions=False)


def test_sets__a_format_or_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no format xml"):
        parse_spec("a.csv,format=xml")
    with pytest.raises(SourceError, match=r"there is no file or folder .*nowhere\.csv"):
        read_set(parse_spec(f"{tmp_path}/nowhere.csv,text=t"))
