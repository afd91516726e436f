from __future__ import annotations

import gzip
import hashlib
from typing import Any

import pytest

from aigc_data.sources import Lost


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.rst"])
def test_read_document__one_file_is_one_record_as_it_stands(read: Any, name: str) -> None:
    data = "---\ntitle: 题\n---\n\n# A\r\n\0正文\n".encode()
    rows, lost = read(name, data, license="MIT")
    assert lost == []
    assert [(r["text"], r["sha256"], r["locator"], r["license_declared"], r["key"]) for r in rows] == [
        (data.decode(), hashlib.sha256(data).hexdigest(), name, "MIT", None)
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "gb18030", "latin-1"])
def test_read_document__digest_is_of_the_bytes_and_marks_are_no_text(read: Any, encoding: str) -> None:
    text = "café" if encoding == "latin-1" else "数据"
    data = text.encode(encoding)
    rows, _ = read("a.txt", data, encoding=encoding if encoding in ("gb18030", "latin-1") else "utf-8")
    assert (rows[0]["text"], rows[0]["sha256"]) == (text, hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    ("data", "lost"),
    [
        (b"", Lost("file", "empty-file", "0 bytes")),
        (b"ab\xff", Lost("byte 2", "bad-utf8", "not utf-8: invalid start byte")),
        (b"\xef\xbb\xbfa\xed\xa0\x80", Lost("byte 4", "bad-utf8", "not utf-8: invalid continuation byte")),
        (b"\xff\xfea\0b", Lost("byte 4", "bad-encoding", "not utf-16: truncated data")),
        (b"x" * 2000, Lost("file", "too-long", "more than 1024 bytes in one record")),
    ],
)
def test_read_document__bad_file_is_one_loss(read: Any, data: bytes, lost: Lost) -> None:
    assert read("a.txt", data, max_record_bytes=1024) == ([], [lost])


def test_read_document__truncated_file_gives_no_half_record(read: Any) -> None:
    packed = gzip.compress(bytes(range(256)) * 40, mtime=0)
    rows, lost = read("a.txt.gz", packed[:-9])
    assert (rows, [x.reason for x in lost]) == ([], ["truncated"])
