from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import lzma
from typing import Any

import pytest
import zstandard

from aigc_data.sources import Lost


def texts(rows: list[dict[str, Any]]) -> list[Any]:
    return [r["text"] for r in rows]


def test_read_jsonl__takes_the_fields_that_the_recipe_names(read: Any) -> None:
    line = {
        "id": 7,
        "body": "数据 data",
        "lic": "MIT",
        "at": "http://a.example/",
        "day": 20240501,
        "n": {"b": 1, "a": [None]},
        "x": 1,
    }
    rows, lost = read(
        "a.jsonl",
        json.dumps(line).encode(),
        text="body",
        id="id",
        license="CC0-1.0",
        license_field="lic",
        url_field="at",
        created_field="day",
        meta=["n", "none"],
    )
    assert lost == []
    assert rows == [
        {
            "key": "7",
            "sha256": hashlib.sha256("数据 data".encode()).hexdigest(),
            "text": "数据 data",
            "locator": "a.jsonl#line=1",
            "url": "http://a.example/",
            "license_declared": "MIT",
            "rights": None,
            "created": "20240501",
            "meta": '{"n":{"a":[null],"b":1}}',
        }
    ]


@pytest.mark.parametrize(
    ("own", "declared"), [('"MIT"', "MIT"), ("null", "CC0-1.0"), ('" "', "CC0-1.0"), ('["MIT","ISC"]', "MIT AND ISC")]
)
def test_read_jsonl__own_licence_wins_over_the_source(read: Any, own: str, declared: str) -> None:
    rows, _ = read("a.jsonl", f'{{"text":"x","l":{own}}}'.encode(), license="CC0-1.0", license_field="l")
    assert rows[0]["license_declared"] == declared


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        (b'{"text": "open}', Lost("line 2", "bad-json", "unexpected end of data at character 15 of the line")),
        (b'{"text": NaN}', None),
        (b'{"text": "\\ud800"}', None),
        (b'["text"]', Lost("line 2", "not-an-object", "the line holds a JSON array")),
        (b"3", Lost("line 2", "not-an-object", "the line holds a JSON number")),
        (b'{"txet": "x"}', Lost("line 2", "no-text-field", "no field 'text' among the object's 1 fields")),
        (b'{"text": 5, "id": 3}', Lost("line 2", "text-not-string", "field 'text' holds a JSON number", "3")),
        (b'{"text": "a\xffb"}', Lost("line 2, byte 31", "bad-utf8", "the line is not UTF-8")),
        (
            b'{"text": "x", "id": 1.5}',
            Lost("line 2", "bad-key", "the key is a float; strings and integers can be keys"),
        ),
        (
            b'{"text": "x", "id": true}',
            Lost("line 2", "bad-key", "the key is a bool; strings and integers can be keys"),
        ),
        (b'{"text":' + b"[" * 100_000, None),
    ],
)
def test_read_jsonl__one_bad_line_costs_one_line(read: Any, line: bytes, lost: Lost | None) -> None:
    good = [b'{"text": "\xe5\x89\x8d"}', b'{"text": "after"}']
    rows, losses = read("a.jsonl", good[0] + b"    \n" + line + b"\n\n \t\r\n" + good[1], id="id")
    assert texts(rows) == ["前", "after"]
    assert rows[1]["locator"] == "a.jsonl#line=5"
    assert len(losses) == 1
    if lost:
        assert losses == [lost]
    else:
        assert (losses[0].position, losses[0].reason) == ("line 2", "bad-json")


def test_read_jsonl__null_text_is_a_row_and_nul_stays(read: Any) -> None:
    rows, lost = read("a.jsonl", b'{"text": null}\n{"text": "a\\u0000b"}\n{"text": ""}')
    assert texts(rows) == [None, "a\0b", ""]
    assert rows[0]["sha256"] == hashlib.sha256(b"").hexdigest()
    assert lost == []


def test_read_jsonl__meta_that_cannot_be_encoded_is_lost(read: Any) -> None:
    rows, lost = read("a.jsonl", b'{"text": "x", "m": ' + b"[" * 900 + b"]" * 900 + b"}", meta=["m"])
    assert (rows, [x.reason for x in lost]) == ([], ["bad-meta"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "gb18030", "big5"])
def test_read_jsonl__byte_order_mark_or_recipe_names_the_encoding(read: Any, encoding: str) -> None:
    data = '{"text": "中文上下"}\n{"text": "b"}\n'.encode(encoding)
    named = {"encoding": encoding} if encoding in ("gb18030", "big5") else {}
    rows, lost = read("a.jsonl", data, **named)
    assert (texts(rows), lost) == (["中文上下", "b"], [])


def test_read_jsonl__wrong_encoding_is_lost_line_by_line(read: Any) -> None:
    rows, lost = read("a.jsonl", '{"text": "中"}\n'.encode("gb18030") + b'{"text": "\xff\xff"}\n', encoding="gb18030")
    assert texts(rows) == ["中"]
    assert lost == [Lost("line 2, byte 25", "bad-encoding", "the line is not gb18030")]


@pytest.mark.parametrize("cap", [64, 1 << 10])
def test_read_jsonl__line_over_the_cap_is_lost_with_its_bytes(read: Any, cap: int) -> None:
    long = b'{"text": "' + b"x" * (3 << 20) + b'"}'
    rows, lost = read("a.jsonl", b'{"text": "a"}\n' + long + b'\n{"text": "b"}\n' + long, max_record_bytes=cap)
    assert texts(rows) == ["a", "b"]
    size = len(long)
    assert [x.reason for x in lost] == ["too-long", "too-long"]
    assert lost[0].position == f"line 2, byte 14-{13 + size}"
    assert lost[1].position == f"line 4, byte {29 + size}-{28 + 2 * size}"


def test_read_jsonl__chunks_hold_about_chunk_bytes(read: Any, tmp_path: Any) -> None:
    rows, _ = read("a.jsonl", b'{"text": "0123456789"}\n' * 100, chunk_bytes=55)
    assert len(rows) == 100


COMPRESS = {
    "gz": lambda d: gzip.compress(d, mtime=0),
    "zst": zstandard.compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_read_jsonl__several_members_are_one_stream(read: Any, suffix: str) -> None:
    pack = COMPRESS[suffix]
    rows, lost = read(f"a.jsonl.{suffix}", pack(b'{"text": "a"}\n{"te') + pack(b"") + pack(b'xt": "b"}\n') + bytes(512))
    assert (texts(rows), lost) == (["a", "b"], [])


@pytest.mark.parametrize("suffix", COMPRESS)
def test_read_jsonl__truncated_stream_keeps_the_rows_before(read: Any, suffix: str) -> None:
    lines = [json.dumps({"text": hashlib.sha256(str(n).encode()).hexdigest() * 40}) for n in range(3000)]
    packed = COMPRESS[suffix]("\n".join(lines).encode())
    rows, lost = read(f"a.jsonl.{suffix}", packed[: len(packed) // 2])
    assert texts(rows) == [json.loads(line)["text"] for line in lines[: len(rows)]]
    assert suffix == "bz2" or len(rows) > 500
    assert [x.reason for x in lost] == ["truncated"]
    assert lost[0].position.startswith(f"line {len(rows) + 1}, byte {sum(len(x) + 1 for x in lines[: len(rows)])}-")


@pytest.mark.parametrize("suffix", COMPRESS)
def test_read_jsonl__broken_container_is_one_loss(read: Any, suffix: str) -> None:
    rows, lost = read(f"a.jsonl.{suffix}", b"this is no compressed stream at all")
    assert (rows, [(x.position, x.reason) for x in lost]) == ([], [("line 1, byte 0-", "broken-container")])
    rows, lost = read(f"b.jsonl.{suffix}", COMPRESS[suffix](b'{"text": "a"}\n') + b"garbage behind the stream")
    assert (texts(rows), [x.reason for x in lost]) == (["a"], ["trailing-garbage"])


@pytest.mark.parametrize(("data", "reason"), [(b"", "empty-file"), (b"\n \n\n", "no-records")])
def test_read_file__file_without_a_record_is_one_loss(read: Any, data: bytes, reason: str) -> None:
    assert [(x.position, x.reason) for x in read("a.jsonl", data)[1]] == [("file", reason)]


def test_read_file__unknown_suffix_is_one_loss_unless_the_recipe_names_the_format(read: Any) -> None:
    assert [x.reason for x in read("a.xyz", b'{"text": "a"}')[1]] == ["unknown-format"]
    assert texts(read("a.xyz", b'{"text": "a"}', format="jsonl")[0]) == ["a"]
