"""`aigc-data quality train`, `fit` and `evaluate` on real files."""

import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from aigc_data.cli import app
from aigc_data.errors import SourceError, UsageError
from aigc_data.hashing import digest_file
from aigc_data.models.reading import Texts, read_texts
from aigc_data.models.report import render
from aigc_data.models.training import fit_reference, train_quality
from aigc_data.recipe import QualityMeasure
from aigc_data.text.models.classifier import Options, load, save
from aigc_data.text.quality.model_signals import model_signals

WORDS = ["river", "house", "letter", "garden", "question", "morning", "teacher", "winter", "bread", "music", "window"]


def good(number: int) -> str:
    a, b, c = (WORDS[number * step % len(WORDS)] for step in (1, 5, 7))
    return f"The {a} number {number} was near the {b}, and we liked the {c} very much."


def bad(number: int) -> str:
    a, b, c = (WORDS[number * step % len(WORDS)] for step in (1, 5, 7))
    return f"Buy {a} {number} Cheap {b} Free {c} Online {a.upper()} Best {b} Price"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, make in (("good", good), ("bad", bad)):
        (tmp_path / name).mkdir()
        lines = [json.dumps({"content": make(number)}) for number in range(120)]
        (tmp_path / name / "a.jsonl").write_text("\n".join(lines[:70]) + "\n{broken\n")
        (tmp_path / name / "b.jsonl").write_text("\n".join(lines[70:]) + "\n")
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["quality", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_train__writes_a_model_and_its_report(folder: Path) -> None:
    said = run("train", "good", "bad", "--to", "out/m.safetensors", "--field", "content", "--lang", "en")
    assert re.search(r"en: \d\d good, \d\d bad; ROC-AUC 1.000 \(0.\d+ to 1.000\)", said)
    report = json.loads((folder / "out/m.json").read_text())
    assert report["model_sha256"] == digest_file(folder / "out/m.safetensors")
    assert report["files"]["good"]["rows"] == 120
    assert report["files"]["good"]["lost"] == {"bad-json": 1}
    assert {one["sha256"] for one in report["files"]["bad"]["files"]} == {
        digest_file(folder / "bad" / name) for name in ("a.jsonl", "b.jsonl")
    }
    model = load(folder / "out/m.safetensors")
    assert model.facts["report"]["held_out"] == report["held_out"]
    said = run("evaluate", "out/m.safetensors", "good", "bad", "--field", "content", "--lang", "en", "--to", "e.json")
    assert "en: 120 good, 120 bad" in said
    assert json.loads((folder / "e.json").read_text())["unread"] == 0


def test_train__same_files_same_bytes(folder: Path) -> None:
    for name in ("one", "other"):
        run("train", "good", "bad", "--to", f"{name}.safetensors", "--field", "content", "--lang", "en")
    for suffix in (".safetensors", ".json"):
        assert (folder / f"one{suffix}").read_bytes() == (folder / f"other{suffix}").read_bytes()


def test_train__refuses_a_text_that_is_both(folder: Path) -> None:
    one, other = (read_texts(name, field="content", lang="en") for name in ("good", "good"))
    with pytest.raises(UsageError, match="120 texts are among the good and among the bad"):
        train_quality(one, other, folder / "m.safetensors")
    both = Texts(one.texts, pa.chunked_array([["fr"] * len(one.texts)]), [], {})
    with pytest.raises(UsageError, match="120 texts are among the good and among the bad"):
        train_quality(one, both, folder / "m.safetensors")
    with pytest.raises(UsageError, match=r"a name in \.safetensors"):
        train_quality(one, other, folder / "m.bin")


def test_read_texts__identifies_and_names_what_is_wrong(folder: Path) -> None:
    (folder / "zh.txt").write_text("数据的质量决定了模型的上限。")
    assert read_texts("zh.txt").langs.to_pylist() == ["zh"]
    assert set(read_texts("good", field="content").langs.to_pylist()) == {"en"}
    with pytest.raises(SourceError, match=r"good gave no text .*expected records with text in the field 'text'"):
        read_texts("good")


def test_fit__writes_a_model_and_its_report(folder: Path) -> None:
    (folder / "reference.txt").write_text("\n".join(good(number) for number in range(700)))
    (folder / "more").mkdir()
    for number in range(40):
        (folder / "more" / f"{number}.txt").write_text("\n".join(good(number * 50 + line) for line in range(50)))
    said = run("fit", "more", "--to", "lm.safetensors", "--lang", "en")
    assert re.search(r"en: [\d,]+ n-grams of 40 texts; \d+ held-out texts take at most [\d.]+ \(50 %\), ", said)
    assert re.search(r" [\d.]+ \(90 %\), [\d.]+ \(99 %\) bits a character", said)
    report = json.loads((folder / "lm.json").read_text())
    assert list(report) == ["what", "model_sha256", "held_out", "fit", "files"]
    assert report["held_out"]["model"] == "of the other texts, not the one that was written"
    assert list(report["held_out"]["languages"]["en"]["percentiles"]) == ["1", "5", "50", "90", "95", "99"]
    assert report["fit"]["languages"]["en"]["texts"] == 40


@pytest.mark.parametrize("make", [lambda i: f"Version {i}.", lambda i: f"第{i}版。"])
def test_fit__percentiles_are_of_texts_without_twins_in_the_fit(folder: Path, make: Callable[[int], str]) -> None:
    # Pages that differ in one number: one whose twin was learnt is no surprise, one of a topic that was kept is.
    letters = random.Random(3)
    topics = ["".join(letters.choice("abcdefgh我你他们好天地人 ") for _ in range(1500)) for _ in range(30)]
    texts = [f"{topic} {make(number)}" for topic in topics for number in range(8)]
    langs = pa.chunked_array([["en"] * len(texts)])
    _, written = fit_reference(Texts(pa.chunked_array([texts]), langs, [], {}), folder / "lm.safetensors")
    held = json.loads(written[1].read_text())["held_out"]["languages"]["en"]
    assert held["texts"] % 8 == 0
    assert held["percentiles"]["50"] > 3.5


def test_evaluate__refuses_a_model_of_safety(folder: Path) -> None:
    run("train", "good", "bad", "--to", "m.safetensors", "--field", "content", "--lang", "en")
    model = load(folder / "m.safetensors", purpose="quality")
    for facts, said in (({"purpose": "safety"}, "is a model of safety"), ({}, "does not say what it judges")):
        save(folder / "other.safetensors", replace(model, facts=facts))
        with pytest.raises(UsageError, match=f"{said}; expected a model of quality"):
            run("evaluate", "other.safetensors", "good", "bad", "--field", "content", "--lang", "en")
        params = QualityMeasure(classifier=str(folder / "other.safetensors"))
        with pytest.raises(UsageError, match=said):
            model_signals(pa.chunked_array([["x"]]), pa.chunked_array([["en"]]), params)


def test_model_signals__are_columns_of_the_quality_layer(folder: Path) -> None:
    run("train", "good", "bad", "--to", "m.safetensors", "--field", "content", "--lang", "en")
    (folder / "long.txt").write_text("\n".join(good(number) for number in range(500)))
    run("fit", "long.txt", "--to", "lm.safetensors", "--lang", "en")
    params = QualityMeasure(classifier=str(folder / "m.safetensors"), perplexity=str(folder / "lm.safetensors"))
    texts, langs = (
        pa.chunked_array([[good(500), bad(500), "Bonjour", ""]]),
        pa.chunked_array([["en", "en", "fr", "en"]]),
    )
    found = model_signals(texts, langs, params)
    assert found["model_score"].dtype == "int16"
    assert found["model_score"][0] > 800 > 200 > found["model_score"][1] >= 0
    assert found["model_score"][2] == -1
    assert 0 < found["perplexity"][0] < found["perplexity"][1]
    assert found["perplexity"][2:].tolist() == [-1, -1]
    assert model_signals(texts, langs, QualityMeasure()) == {}


class Checked(HTMLParser):
    """Collects tags and what could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.add(tag)
        self.loads += [name for name, _ in attrs if name in ("src", "href", "onload", "onclick", "style")]


def test_render__escapes_and_loads_nothing(folder: Path) -> None:
    one, other = (read_texts(name, field="content", lang="en") for name in ("good", "bad"))
    _, written = train_quality(one, other, folder / "m.safetensors", options=Options(min_examples=10))
    report = json.loads(written[1].read_text())
    report["held_out"]["parts"]["<script>alert(1)</script>"] = report["held_out"]["parts"].pop("en")
    page = render("<img src=x onerror=y>.safetensors", report)
    assert "<script" not in page
    assert "<img" not in page
    checked = Checked()
    checked.feed(page)
    assert checked.loads == []
    assert {"svg", "polyline", "circle", "table"} <= checked.tags
    numbers = [float(n) for n in re.findall(r'(?:x1|x2|y1|y2|cx|cy)="(-?[\d.]+)"', page)]
    assert len(numbers) > 10
    assert all(0 <= n <= 300 for n in numbers)
