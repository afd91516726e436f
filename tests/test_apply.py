"""`apply`: one stage on one file, one row out for each row in, the text as given."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prose import chinese, english

from aigc_data.apply import _columns_for, _Records, apply_stage
from aigc_data.errors import SourceError, UsageError
from aigc_data.hashing import record_id
from aigc_data.pipeline import load_stage
from aigc_data.recipe import Recipe
from aigc_data.stage import Map

ROWS: list[dict[str, Any]] = [
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


def lines(path: Path, *rows: Any) -> Path:
    path.write_bytes(b"".join(r if isinstance(r, bytes) else json.dumps(r).encode() + b"\n" for r in rows))
    return path


def applied(stage: str, path: Path, **source: Any) -> list[dict[str, Any]]:
    apply_stage(stage, path, path.with_name("out.jsonl"), source=source)
    return rows_of(path.with_name("out.jsonl"))


@pytest.mark.parametrize("stage", ["pii", "dedupe"])
@pytest.mark.parametrize("second", ["x", None, 2**63 + 5])
def test_apply__ids_of_several_kinds_come_out_as_they_are(tmp_path: Path, stage: str, second: Any) -> None:
    records = [{"id": 1, "text": english(1)}, {"id": second, "text": english(1)}, {"id": "1", "text": chinese(1)}]
    found = applied(stage, lines(tmp_path / "in.jsonl", *records))
    made = second if second is not None else found[1]["id"]
    assert [r["id"] for r in found] == [1, made, "1"]
    assert isinstance(made, type(second) if second is not None else str)
    if stage == "dedupe":
        assert [r["duplicate_of"] for r in found].count("") == 2
        assert {r["cluster"] for r in found[:2]} <= {1, made}
    apply_stage(stage, tmp_path / "in.jsonl", tmp_path / "out.parquet", source={})
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["id"].to_pylist() == ["1", str(made), "1"]
    if stage == "dedupe":
        assert [table.schema.field(n).type for n in ("cluster", "group", "duplicate_of")] == [pa.string()] * 3
        assert table["duplicate_of"].to_pylist().count("") == 2


def test_apply__parquet_ids_are_int64_when_all_fit_and_strings_when_a_late_one_does_not(tmp_path: Path) -> None:
    filler = [{"id": n, "text": english(1) * 20} for n in range(2_500)]
    for last, kind in ((2**63 - 1, pa.int64()), (2**63, pa.string()), ("x", pa.string())):
        path = lines(tmp_path / "in.jsonl", *filler, {"id": last, "text": "mail ann@example.org"})
        apply_stage("pii", path, tmp_path / "out.parquet", source={})
        table = pq.read_table(tmp_path / "out.parquet")
        assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups > 1
        assert table.schema.field("id").type == kind
        written = table["id"].to_pylist()
        assert written == ([*range(2_500), last] if kind == pa.int64() else [*map(str, range(2_500)), str(last)])
        assert [s["kind"] for s in table["spans"].to_pylist()[-1]] == ["email"]
        assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl", "out.parquet"]


def test_apply_dedupe__whole_numbers_in_parquet_have_null_for_none(tmp_path: Path) -> None:
    path = lines(tmp_path / "in.jsonl", {"id": 10, "text": english(1)}, {"id": 9, "text": english(1)})
    apply_stage("dedupe", path, tmp_path / "out.parquet", source={})
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.schema.field("duplicate_of").type == table.schema.field("cluster").type == pa.int64()
    assert table.select(["id", "cluster", "duplicate_of"]).to_pydict() == {
        "id": [10, 9],
        "cluster": [9, 9],
        "duplicate_of": [9, None],
    }


@pytest.mark.parametrize("first", [b"\n", b"{\n", b"\xef\xbb\xbf", b"[1]\n"])
def test_apply__whole_numbers_stay_so_whatever_the_first_line_is(tmp_path: Path, first: bytes) -> None:
    path = lines(tmp_path / "in.jsonl", first, {"id": 7, "text": "one"}, {"id": 8, "text": "二"})
    assert [r["id"] for r in applied("clean", path)][-2:] == [7, 8]
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert [r["id"] for r in applied("clean", packed)][-2:] == [7, 8]


def test_apply__parquet_ids_keep_their_kind(tmp_path: Path) -> None:
    for ids, kind in (([3, None], pa.int32()), ([2**64 - 1, 1], pa.uint64()), (["3", "x"], pa.string())):
        pq.write_table(pa.table({"id": pa.array(ids, kind), "text": ["a", "b"]}), tmp_path / "in.parquet")
        found = [r["id"] for r in applied("pii", tmp_path / "in.parquet")]
        assert found[0] == ids[0]
        assert found[1] == ids[1] or (ids[1] is None and len(found[1]) == 32)


def test_apply__made_ids_come_from_content_not_from_positions(tmp_path: Path) -> None:
    texts = ["同一句话", "other", "同一句话"]
    found = [r["id"] for r in applied("pii", lines(tmp_path / "in.jsonl", *({"text": t} for t in texts)))]
    digests = [sha256(t.encode()).hexdigest() for t in texts]
    expected = [record_id("content", "input", "in.jsonl", d, k) for d, k in zip(digests, (0, 0, 1), strict=True)]
    assert found == expected
    moved = [{"id": 1, "text": "new"}, *({"text": t} for t in reversed(texts))]
    assert {r["id"] for r in applied("pii", lines(tmp_path / "in.jsonl", *moved))} == {1, *expected}


def test_columns_for__identifies_the_language_with_the_letters_of_the_recipe() -> None:
    german = "Der Hund läuft schnell durch den Wald, und die Katze schläft auf dem warmen Dach. "
    # German where a short sample is taken, English where a long one is.
    mostly_english = german + english(1)[:300] + german + english(1)[:300] + german
    texts = pa.array([mostly_english, chinese(1)], pa.large_string())
    records = _Records(["a", "b"], [None, None], pa.table({"text": texts}))
    stage = load_stage("quality")
    assert isinstance(stage, Map)
    for letters, language in ((80, "de"), (2000, "en")):
        recipe = Recipe.model_validate(
            {
                "name": "r",
                "sources": [{"name": "s", "path": "in.jsonl"}],
                "clean": {"measure": {"language_chars": letters}},
            }
        )
        assert _columns_for(stage, records, recipe)["clean.lang"].to_pylist() == [language, "zh"]


REFUSED: list[tuple[Any, str | None]] = [
    ({"id": 1, "text": "mail ann@example.org"}, None),
    ({"id": 2, "title": "没有正文", "license": "mit"}, "no-text-field"),
    ({"id": "三", "text": 5}, "text-not-string"),
    ({"id": 4, "text": ["列", "表"]}, "text-not-string"),
    ({"id": 1.5, "text": "x"}, "bad-key"),
    ([1, 2], "not-an-object"),
    ({"id": 7, "text": "邮箱 ann@example.org"}, None),
]


@pytest.mark.parametrize("stage", ["clean", "pii", "license", "quality", "safety", "dedupe"])
def test_apply__a_parsed_record_that_cannot_be_taken_has_a_row_in_its_place(tmp_path: Path, stage: str) -> None:
    path = lines(tmp_path / "in.jsonl", *(r for r, _ in REFUSED), b'{"id": 8, "text": \n', {"id": 9, "text": ""})
    done = apply_stage(stage, path, tmp_path / "out.jsonl", source={})
    found = rows_of(tmp_path / "out.jsonl")
    assert done.lost_file is not None
    assert [r["position"] for r in rows_of(done.lost_file)] == ["line 8"]
    assert [r["id"] for r in found if not isinstance(r["id"], str) or len(r["id"]) < 32] == [1, 2, "三", 4, 7, 9]
    assert (done.rows, done.lost, len({r["id"] for r in found})) == (8, 1, 8)
    for row, (_, reason) in zip(found, REFUSED, strict=False):
        if reason:
            assert row["reason"] == f"input:{reason}"
            assert done.reasons[f"input:{reason}"] == [r for _, r in REFUSED].count(reason)
            if stage not in ("dedupe", "license"):  # as for an empty text
                assert {**row, "id": 9, "reason": found[-1]["reason"]} == found[-1]
    if stage == "pii":
        assert [len(r["spans"]) for r in found] == [1, 0, 0, 0, 0, 0, 1, 0]
    if stage == "license":
        assert found[1]["declared"] == "MIT"


def test_apply__rows_of_tables_that_cannot_be_taken_stay_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"id,text\n1,\xe4\xb8\x80\n2\n3,\xff\n4,four\n")
    found = applied("pii", tmp_path / "in.csv")
    assert [r["reason"] for r in found] == [None, "input:wrong-width", "input:bad-utf8", None]
    assert [r["id"] for r in found[:1] + found[2:]] == ["1", "3", "4"]
    column = pa.array([b"\xe4\xb8\x80", b"\xff", b"three"], pa.binary())
    pq.write_table(pa.table({"id": [1, 2, 3], "text": column}), tmp_path / "in.parquet")
    found = applied("pii", tmp_path / "in.parquet")
    assert [(r["id"], r["reason"]) for r in found] == [(1, None), (2, "input:bad-utf8"), (3, None)]


def test_apply__a_record_without_text_in_another_encoding_has_a_row(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(
        '{"id": "甲", "标题": "中文"}\n{"id": "乙", "text": "中文"}\n'.encode("gb18030")
    )
    found = applied("pii", tmp_path / "in.jsonl", encoding="gb18030")
    assert [(r["id"], r["reason"]) for r in found] == [("甲", "input:no-text-field"), ("乙", None)]


def test_apply_dedupe__ids_with_control_characters_are_whole(tmp_path: Path) -> None:
    ids = ["a\x1fb", "a\x1fb", "a", "\x1f"]
    found = applied("dedupe", lines(tmp_path / "in.jsonl", *({"id": i, "text": english(1)} for i in ids)))
    assert [r["id"] for r in found] == ids
    assert {r["cluster"] for r in found} == {"\x1f"}
    assert [r["duplicate_of"] for r in found] == ["\x1f", "\x1f", "\x1f", ""]


@pytest.mark.parametrize("name", ["in.jsonl", "in.csv", "in.parquet"])
def test_apply__a_field_that_no_record_has_is_named_with_those_there_are(tmp_path: Path, name: str) -> None:
    records = [{"nr": 1, "正文": "一"}, {"nr": 2, "正文": "二"}]
    path = tmp_path / name
    if name == "in.jsonl":
        lines(path, *records)
    elif name == "in.csv":
        path.write_text("nr,正文\n1,一\n2,二\n", encoding="utf-8")
    else:
        pq.write_table(pa.Table.from_pylist(records), path)
    for source, what in (({"text": "body"}, "'body' for the text"), ({"text": "正文", "id": "no"}, "'no' for the id")):
        with pytest.raises(UsageError, match=f"{what}; expected one of 'nr', '正文'; .*--"):
            apply_stage("pii", path, tmp_path / "out.jsonl", source=source)
        assert [p.name for p in tmp_path.iterdir()] == [name]
    assert [str(r["id"]) for r in applied("pii", path, text="正文", id="nr")] == ["1", "2"]


def test_apply__an_error_about_a_missing_header_holds_no_value(tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_text("13812345678\tanna.lee@example.org\n13912345678\tx\n")
    with pytest.raises(UsageError, match="a header") as caught:
        apply_stage("pii", tmp_path / "in.tsv", tmp_path / "out.jsonl", source={})
    assert "138" not in str(caught.value)
    assert "anna" not in str(caught.value)


def test_apply__an_unknown_format_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"`format`: .*saw 'jsnl'"):
        apply_stage("pii", write(tmp_path / "in.jsonl", ROWS), tmp_path / "out.jsonl", source={"format": "jsnl"})


def test_apply__explains_dedupe_without_an_input() -> None:
    command = [sys.executable, "-m", "aigc_data.cli", "apply", "dedupe"]
    done = subprocess.run([*command, "--explain"], capture_output=True, text=True, check=True)
    assert "17 bands × 7 rows" in done.stdout
    row = next(line.split() for line in done.stdout.splitlines() if line.startswith("0.80"))
    assert [float(x) for x in row[1:]] == [0.9817, 1.0, pytest.approx(0.9984, abs=0.001), 1.0]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "an INPUT is needed" in done.stderr


def test_apply__paths_of_lists_start_at_the_folder_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "mine.tsv").write_text("harbour\tgambling\t5\ten\n港口\tgambling\t5\tzh\n", encoding="utf-8")
    recipe = Recipe.model_validate(
        {
            "name": "r",
            "sources": [{"name": "s", "path": "in.jsonl"}],
            "safety": {"measure": {"builtin": False, "lexicons": ["lists/mine.tsv"]}},
        }
    )
    (tmp_path / "in.txt").write_text(english(1), encoding="utf-8")
    apply_stage("safety", tmp_path / "in.txt", tmp_path / "out.jsonl", recipe=recipe, root=tmp_path, source={})
    assert json.loads((tmp_path / "out.jsonl").read_bytes())["terms"] == 1


def test_apply__safety_looks_at_the_url_of_a_record(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("evil.com\n", encoding="utf-8")
    rows = [{"id": n, "text": english(1), "url": url} for n, url in enumerate(("http://evil.com/a", "http://good.org"))]
    lines(tmp_path / "in.jsonl", *rows)
    raw = {"name": "r", "sources": [{"name": "s", "path": "x"}], "safety": {"measure": {"urls": ["bad.txt"]}}}
    recipe = Recipe.model_validate(raw)
    apply_stage("safety", tmp_path / "in.jsonl", tmp_path / "out.parquet", recipe=recipe, root=tmp_path, source={})
    assert pq.read_table(tmp_path / "out.parquet")["reason"].to_pylist() == ["safety:blocked", None]
