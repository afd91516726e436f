"""`apply`: one stage on one file, one row out for each row in, the text as given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prose import chinese, english

from aigc_data.apply import apply_stage
from aigc_data.errors import SourceError, UsageError

ROWS = [
    {"id": "a", "text": f"  {english(1)}\u200b mail me: ann@example.org "},
    {"id": "b", "text": f"𝒳{chinese(2)}我的手机号是13812345678。", "license": "CC BY-NC 4.0"},
    {"id": "c", "text": english(1), "license": "mit"},
    {"id": "d", "text": ""},
    {"id": "e", "text": None},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def apply(stage: str, tmp_path: Path, rows: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    out = tmp_path / "out.jsonl"
    done = apply_stage(stage, write(tmp_path / "in.jsonl", rows), out, source={})
    assert done.rows == len(rows)
    assert [r["id"] for r in rows_of(out)] == [r["id"] for r in rows]
    return {row["id"]: row for row in rows_of(out)}


def test_apply_pii__offsets_point_into_the_text_as_given(tmp_path: Path) -> None:
    found = apply("pii", tmp_path, ROWS)
    for id_, kind, value in (("a", "email", "ann@example.org"), ("b", "phone", "13812345678")):
        (span,) = found[id_]["spans"]
        text = next(r["text"] for r in ROWS if r["id"] == id_)
        assert (span["kind"], text[span["start"] : span["end"]]) == (kind, value)
    assert found["d"]["spans"] == found["e"]["spans"] == []


def test_apply_clean__gives_text_and_language(tmp_path: Path) -> None:
    found = apply("clean", tmp_path, ROWS)
    assert found["a"]["text"] == f"{english(1)} mail me: ann@example.org"
    assert [found[i]["lang"] for i in "abc"] == ["en", "zh", "en"]
    assert all(0 <= row["lang_score"] <= 1 for row in found.values())
    assert found["d"]["reason"] == found["e"]["reason"] == "clean:empty"


def test_apply_license__reads_the_declared_field(tmp_path: Path) -> None:
    found = apply("license", tmp_path, ROWS)
    assert (found["b"]["license"], found["b"]["reason"]) == ("CC-BY-NC-4.0", "license:non-commercial")
    assert (found["c"]["license"], found["c"]["license_class"], found["c"]["reason"]) == ("MIT", "permissive", None)
    assert found["a"]["license_class"] == "unknown"
    assert "evidence" in found["a"]


def test_apply_quality__measures_the_text_as_given_in_its_language(tmp_path: Path) -> None:
    found = apply("quality", tmp_path, ROWS)
    assert [found[i]["rules"] for i in "abc"] == ["en", "zh", "en"]
    assert found["d"]["reason"] == "quality:min-tokens"
    assert found["a"]["chars"] == len(ROWS[0]["text"] or "")


def test_apply_dedupe__longest_stays_and_empty_texts_are_no_duplicates(tmp_path: Path) -> None:
    rows = [*ROWS, {"id": "longer", "text": english(1) + " And so on."}, {"id": "zh", "text": chinese(2)}]
    found = apply("dedupe", tmp_path, rows)
    assert {i: r["duplicate_of"] for i, r in found.items() if r["duplicate_of"]} == {"c": "a", "longer": "a", "zh": "b"}
    assert found["c"]["cluster"] == found["a"]["cluster"] == "a"
    assert found["c"]["reason"] == "gate:duplicate"
    assert found["c"]["similarity"] >= 0.8


def test_apply_dedupe__whole_numbers_stay_whole_numbers_and_repeated_ids_are_told_apart(tmp_path: Path) -> None:
    rows = [{"id": 7, "text": english(1)}, {"id": 9, "text": english(1)}, {"id": 9, "text": chinese(1)}]
    apply_stage("dedupe", write(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl", source={})
    assert [(r["id"], r["duplicate_of"]) for r in rows_of(tmp_path / "out.jsonl")] == [(7, None), (9, 7), (9, None)]


def test_apply__writes_parquet_and_reads_what_has_no_ids(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text(english(3))
    apply_stage("quality", tmp_path / "in.txt", tmp_path / "out.parquet", source={})
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.num_rows == 1
    assert table["reason"].to_pylist() == [None]
    assert table.schema.field("score").type == pa.int16()


def test_apply__what_cannot_be_read_is_beside_the_output(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"id": 1, "text": "ok"}\n{"id": 2, "text": \n')
    done = apply_stage("clean", path, tmp_path / "out.jsonl", source={})
    assert (done.rows, done.lost) == (1, 1)
    assert done.lost_file is not None
    assert rows_of(done.lost_file)[0]["reason"] == "bad-json"


@pytest.mark.parametrize(
    ("stage", "name", "error"),
    [
        ("gate", "out.jsonl", "cannot be applied"),
        ("pii", "out.csv", "ends in .jsonl or .parquet"),
        ("pii", "in.jsonl", "same file"),
    ],
)
def test_apply__wrong_arguments_are_named(tmp_path: Path, stage: str, name: str, error: str) -> None:
    with pytest.raises(UsageError, match=error):
        apply_stage(stage, write(tmp_path / "in.jsonl", ROWS), tmp_path / name, source={})


def test_apply__nothing_readable_leaves_no_output(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("{\n")
    with pytest.raises(SourceError, match="1 unreadable"):
        apply_stage("pii", tmp_path / "in.jsonl", tmp_path / "out.jsonl", source={})
    assert not (tmp_path / "out.jsonl").exists()
