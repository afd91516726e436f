from __future__ import annotations

import datetime
import gzip
import hashlib
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aigc_data.sources import Lost


def write(path: Path, table: pa.Table, **more: Any) -> Path:
    pq.write_table(table, path, write_page_checksum=True, **more)
    return path


def test_read_parquet__takes_texts_of_all_string_types_and_the_named_fields(read: Any, tmp_path: Path) -> None:
    day = datetime.datetime(2024, 5, 1, 12, 30)
    for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int32(), pa.string())):
        table = pa.table(
            {
                "body": pa.array(["数据", None, "数据"], pa.string()).cast(kind),
                "n": pa.array([1, 2, 3]),
                "at": pa.array([day] * 3, pa.timestamp("ns")),
                "x": pa.array([{"b": b"\1", "a": [1.5]}, None, None]),
            }
        )
        path = write(tmp_path / "a.parquet", table)
        rows, lost = read(path, text="body", id="n", created_field="at", meta=["x", "gone"], license="MIT")
        assert lost == []
        assert [r["text"] for r in rows] == ["数据", None, "数据"]
        assert [r["key"] for r in rows] == ["1", "2", "3"]
        assert rows[0]["sha256"] == hashlib.sha256("数据".encode()).hexdigest()
        assert rows[0]["created"].startswith("2024-05-01 12:30:00")
        assert rows[0]["meta"] == '{"x":{"a":[1.5],"b":"01"}}'
        assert [r["locator"] for r in rows] == [f"a.parquet#row={n}" for n in (1, 2, 3)]


def test_read_parquet__flipped_bit_is_found_and_costs_its_row_group(read: Any, tmp_path: Path) -> None:
    table = pa.table({"text": [f"row {n} of the table" for n in range(300)]})
    path = write(tmp_path / "a.parquet", table, row_group_size=100, compression="none", use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[data.index(b"row 150 of")] ^= 1
    rows, lost = read("b.parquet", bytes(data))
    assert [r["text"] for r in rows] == table["text"].to_pylist()[:100] + table["text"].to_pylist()[200:]
    assert [(x.position, x.reason) for x in lost] == [("row 101-200", "bad-parquet")]


def test_read_parquet__text_that_is_not_utf8_or_too_long_costs_its_row(read: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"text": pa.array([b"a", b"\xff", b"x" * 2000], pa.binary())}))
    rows, lost = read(path, max_record_bytes=1024)
    assert [r["text"] for r in rows] == ["a"]
    assert lost == [
        Lost("row 2, byte 0", "bad-utf8", "the text is not UTF-8"),
        Lost("row 3", "too-long", "2000 bytes in one record"),
    ]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"body": ["a"]}, "no-text-field"),
        ({"text": [1]}, "text-not-string"),
        ({"text": [["a"]]}, "text-not-string"),
        ({"text": pa.array([], pa.string())}, "no-records"),
    ],
)
def test_read_parquet__file_without_the_text_is_one_loss(read: Any, tmp_path: Path, table: Any, reason: str) -> None:
    rows, lost = read(write(tmp_path / "a.parquet", pa.table(table)))
    assert (rows, [(x.position, x.reason) for x in lost]) == ([], [("file", reason)])


def test_read_parquet__compressed_and_remote_files_are_read_from_a_copy(read: Any, tmp_path: Path) -> None:
    data = write(tmp_path / "a.parquet", pa.table({"text": ["一"]})).read_bytes()
    assert read("b.parquet.gz", gzip.compress(data))[0][0]["text"] == "一"
    rows, lost = read("c.parquet.gz", gzip.compress(data)[:-20])
    assert (rows, [x.reason for x in lost]) == ([], ["truncated"])
    fsspec.filesystem("memory").pipe("/p/a.parquet", data)
    from aigc_data.recipe import Source
    from aigc_data.sources import list_inputs, read_file

    source = Source(name="s", path="memory://p/a.parquet")
    (file,) = list_inputs(source, tmp_path)
    (chunk,) = read_file(file, source, max_record_bytes=1024, chunk_bytes=1024)
    assert chunk.rows["text"].to_pylist() == ["一"]


@pytest.mark.slow
def test_read_parquet__few_bytes_that_unpack_to_gigabytes_stay_within_the_limit(read: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", pa.table({"text": pa.array(["x" * (8 << 20)] * 250).dictionary_encode()}))
    rows, lost = read(path, max_record_bytes=1 << 10)
    assert rows == []
    assert {x.reason for x in lost} <= {"too-large", "reader-crashed", "too-long"}
    assert lost
