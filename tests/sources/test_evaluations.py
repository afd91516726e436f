"""Evaluation sets in any format that sources have."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aigc_data.errors import SourceError
from aigc_data.recipe import Evaluation
from aigc_data.sources.evaluations import ITEMS, read_items


def described(name, path, **more):
    return Evaluation.model_validate({"name": name, "path": path, **more})


ROWS = [
    {"uid": 7, "question": "How many eggs?", "answer": "eighteen"},
    {"uid": "b", "question": "多少颗蛋？", "answer": None},
]


def read(evaluation, root, cap=1 << 20):
    items, lost = read_items(evaluation, root, max_record_bytes=cap)
    assert items.schema == ITEMS
    return [tuple(row.values()) for row in items.to_pylist()], lost


def write(root, kind):
    if kind == "jsonl":
        (root / "q.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    elif kind == "jsonl.gz":
        (root / "q.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, ROWS)).encode()))
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist([{**row, "uid": str(row["uid"])} for row in ROWS]), root / "q.parquet")
    return f"q.{kind}"


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "parquet"])
def test_read_items__takes_each_field_as_an_item(tmp_path, kind):
    evaluation = described("mgsm", write(tmp_path, kind), text=("question", "answer"), id="uid")
    assert read(evaluation, tmp_path) == (
        [
            ("mgsm", "7#question", "How many eggs?"),
            ("mgsm", "b#question", "多少颗蛋？"),
            ("mgsm", "7#answer", "eighteen"),
        ],
        {"null-text": 1},
    )


def test_read_items__of_one_field_are_named_by_the_id_alone(tmp_path):
    evaluation = described("mgsm", write(tmp_path, "jsonl"), text=("question",), id="uid")
    assert [name for _, name, _ in read(evaluation, tmp_path)[0]] == ["7", "b"]


def test_read_items__without_an_id_are_named_by_their_place(tmp_path):
    (tmp_path / "q.tsv").write_text("text\tn\nWho?\t1\n谁？\t2\n", encoding="utf-8")
    assert read(described("s", "q.tsv"), tmp_path) == (
        [("s", "q.tsv#line=2", "Who?"), ("s", "q.tsv#line=3", "谁？")],
        {},
    )


@pytest.mark.parametrize(("text", "encoding"), [("Who is it?", "utf-8"), ("这是谁？", "gb18030")])
def test_read_items__of_a_text_file_is_one_item_however_many_fields_are_named(tmp_path, text, encoding):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.txt").write_bytes(text.encode(encoding))
    evaluation = described("s", "set", text=("question", "answer"), encoding=encoding)
    assert read(evaluation, tmp_path) == ([("s", "a.txt", text)], {})


def test_read_items__counts_what_cannot_be_read(tmp_path):
    lines = [b'{"text": "good"}', b'{"text": 3}', b"{", b'{"text": "\xff"}', b'{"text": null}', b'{"other": "x"}']
    (tmp_path / "q.jsonl").write_bytes(b"\n".join([*lines, b'{"text": "' + b"x" * 300 + b'"}']))
    assert read(described("s", "q.jsonl"), tmp_path, cap=200) == (
        [("s", "q.jsonl#line=1", "good")],
        {"bad-json": 1, "bad-utf8": 1, "no-text-field": 1, "null-text": 1, "text-not-string": 1, "too-long": 1},
    )


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        (described("s", "none.jsonl"), "no file matches"),
        (described("s", "q.jsonl", text=("qestion",)), r"'qestion'.*2 × no-text-field"),
        (described("s", "q.jsonl", text=("question", "anwser")), r"'anwser'.*2 × no-text-field"),
        (described("s", "q.bin"), r"'s' gave no item \(1 × unknown-format\)"),
    ],
)
def test_read_items__refuses_a_set_or_a_field_that_gives_nothing(tmp_path, evaluation, message):
    write(tmp_path, "jsonl")
    (tmp_path / "q.bin").write_bytes(b"x")
    with pytest.raises(SourceError, match=message):
        read_items(evaluation, tmp_path, max_record_bytes=1 << 20)
