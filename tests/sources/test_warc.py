from __future__ import annotations

import gzip
import hashlib
import io
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
import zstandard
from fastwarc.warc import ArchiveIterator, WarcRecordType

DATA = Path(__file__).parent / "data"
#: Files of the collection that are sound.
GOOD = [
    "example.warc.gz",
    "example-resource.warc.gz",
    "post-test.warc.gz",
    "example-iana.org-chunked.warc",
    "example-space-in-target-uri.warc.gz",
    "example-wget-bad-target-uri.warc.gz",
]

BODY = """<html><head><title>页</title></head><body><p>正文在这里，足够长的一段话。</p>
<p>And some English text.</p></body></html>"""


def record(kind: str, block: bytes, number: int = 0, mime: str = "application/http") -> bytes:
    """One WARC/1.0 record (ISO 28500:2017, clause 4)."""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{number}>\r\nWARC-Date: 2024-05-18T01:58:10Z\r\n"
        f"WARC-Target-URI: http://a.example/{number}\r\nContent-Type: {mime}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def archive(*pages: tuple[str, dict[str, str], bytes], zipped: bool = False) -> bytes:
    records = [record("warcinfo", b"software: test\r\n", 99, "application/warc-fields")]
    for number, (status, headers, body) in enumerate(pages):
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        records.append(record("request", b"GET / HTTP/1.1\r\n\r\n", 50 + number))
        records.append(record("response", f"HTTP/1.1 {status}\r\n{fields}\r\n".encode() + body, number))
    return b"".join(gzip.compress(r, mtime=0) if zipped else r for r in records)


HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.mark.parametrize("zipped", [False, True])
def test_read_warc__response_becomes_a_row(read: Any, zipped: bool) -> None:
    data = archive(
        ("200 OK", HTML, BODY.encode()), ("200 OK", {"Content-Type": "text/plain"}, "纯文本".encode()), zipped=zipped
    )
    rows, lost = read("a.warc.gz" if zipped else "a.warc", data, license="MIT")
    assert lost == []
    page, plain = rows
    assert page["key"] == "urn:uuid:0"
    assert page["url"] == "http://a.example/0"
    assert page["created"] == "2024-05-18T01:58:10Z"
    assert page["sha256"] == hashlib.sha256(BODY.encode()).hexdigest()
    assert "正文在这里，足够长的一段话。" in page["text"]
    assert page["meta"] == '{"title":"页"}'
    assert page["license_declared"] == "MIT"
    assert plain["text"] == "纯文本"
    raw = gzip.decompress(data) if zipped else data
    at = int(page["locator"].partition("#byte=")[2])
    assert raw[at:].startswith(b"WARC/1.0\r\n")
    assert b"urn:uuid:0" in raw[at : at + 400]


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda d: zlib.compress(d)[2:-4]),
        ("zstd", zstandard.compress),
        ("identity", bytes),
    ],
)
def test_read_warc__digest_is_before_and_text_after_content_decoding(read: Any, coding: str, pack: Any) -> None:
    body = pack(BODY.encode())
    chunked = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(p), p) for p in (body[:20], body[20:])) + b"0\r\n\r\n"
    for stored, extra in (
        (body, {}),
        (chunked, {"Transfer-Encoding": "chunked"}),
        (body, {"Transfer-Encoding": "chunked"}),
    ):
        rows, lost = read("a.warc", archive(("200 OK", {**HTML, "Content-Encoding": coding, **extra}, stored)))
        assert lost == []
        assert "正文在这里" in rows[0]["text"]
        assert rows[0]["sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("status", "headers", "body", "reason"),
    [
        ("404 Not Found", HTML, BODY.encode(), "http-status"),
        ("301 Moved", HTML, BODY.encode(), "http-status"),
        ("200 OK", {"Content-Type": "application/pdf"}, b"%PDF-1.4", "not-text"),
        ("200 OK", HTML, b"<script>1</script>", "no-content"),
        ("200 OK", {**HTML, "Content-Encoding": "gzip"}, b"no gzip", "bad-content-encoding"),
        ("200 OK", {**HTML, "Content-Encoding": "gzip"}, gzip.compress(BODY.encode())[:-9], "truncated"),
        ("200 OK", {**HTML, "Content-Encoding": "snail"}, b"slow", "bad-content-encoding"),
        ("200 OK", {**HTML, "Content-Encoding": "gzip"}, gzip.compress(bytes(5 << 20)), "too-long"),
        ("200 OK", {**HTML, "Transfer-Encoding": "chunked"}, b"5\r\nabcde\r\nzz", "bad-http"),
        ("200 OK", HTML, b"x" * (2 << 20), "too-long"),
    ],
)
def test_read_warc__record_without_a_document_is_one_loss(
    read: Any, status: str, headers: Any, body: bytes, reason: str
) -> None:
    rows, lost = read("a.warc", archive((status, headers, body), ("200 OK", HTML, BODY.encode())))
    assert [r["key"] for r in rows] == ["urn:uuid:1"]
    assert [(x.reason, x.key) for x in lost] == [(reason, "urn:uuid:0")]
    assert lost[0].position.startswith("byte ")


def test_read_warc__damage_is_lost_by_byte_range_and_the_next_record_is_found(read: Any) -> None:
    one, two = (archive(("200 OK", HTML, BODY.encode())) for _ in range(2))
    junk = b"\r\nthis is no record\r\n"
    rows, lost = read("a.warc", one + junk + two)
    assert len(rows) == 2
    start = len(one) + 2
    assert [(x.position, x.reason) for x in lost] == [(f"byte {start}-{start + len(junk) - 3}", "bad-record")]
    rows, lost = read("a.warc", one + two[:-100])
    assert len(rows) == 1
    assert [x.reason for x in lost] == ["truncated"]
    assert lost[0].position.endswith(f"-{len(one + two) - 101}")
    bad = one.replace(b"Content-Length: ", b"Content-Length: x", 1)
    rows, lost = read("a.warc", bad)
    assert (len(rows), [x.reason for x in lost]) == (1, ["bad-record"])


def test_read_warc__headers_of_the_server_are_signals_beside_those_of_the_page(read: Any) -> None:
    headers = {
        **HTML,
        "X-Robots-Tag": "noai",
        "x-robots-tag": "gptbot: noindex",
        "TDM-Reservation": "1",
        "tdm-policy": "https://a.example/p.json",
        "Content-Usage": "train-ai=n",
        "Link": '<https://a.example/feed>; rel="alternate", <https://x.example/l>; rel="license"',
        "Copyright": "not a header that means anything",
    }
    body = BODY.replace("<head>", '<head><meta name="robots" content="noimageai">').encode()
    plain = {**headers, "Content-Type": "text/plain"}
    rows, lost = read("a.warc", archive(("200 OK", headers, body), ("200 OK", plain, b"text")), license="MIT")
    assert lost == []
    of_server = {
        "content-usage": [{"at": "http:content-usage", "value": "train-ai=n"}],
        "license": [{"at": "http:link", "value": "https://x.example/l"}],
        "robots": [
            {"at": "http:x-robots-tag", "value": "noai"},
            {"at": "http:x-robots-tag", "value": "gptbot: noindex"},
        ],
        "tdm-policy": [{"at": "http:tdm-policy", "value": "https://a.example/p.json"}],
        "tdm-reservation": [{"at": "http:tdm-reservation", "value": "1"}],
    }
    page, text = (json.loads(row["rights"]) for row in rows)
    assert text == of_server
    assert page.pop("robots") == [*of_server.pop("robots"), {"at": "meta:robots", "value": "noimageai"}]
    assert page == of_server
    assert [row["license_declared"] for row in rows] == ["https://x.example/l"] * 2


def test_read_warc__capture_stays_the_date_and_the_pages_own_is_kept(read: Any) -> None:
    body = BODY.replace("<head>", '<head><meta name="date" content="2020-01-02">').encode()
    rows, _ = read("a.warc", archive(("200 OK", HTML, body)))
    assert (rows[0]["created"], rows[0]["meta"]) == ("2024-05-18T01:58:10Z", '{"published":"2020-01-02","title":"页"}')


@pytest.mark.parametrize("name", GOOD)
def test_read_warc__frames_good_files_as_fastwarc_does(read: Any, tmp_path: Path, name: str) -> None:
    path = DATA / "warc" / name
    kinds = WarcRecordType.response | WarcRecordType.resource | WarcRecordType.conversion
    theirs = {}
    for found in ArchiveIterator(io.BytesIO(path.read_bytes()), record_types=kinds, parse_http=False):
        theirs[(found.headers["WARC-Record-ID"] or "").strip("<>")] = found.stream_pos, found.reader.read()
    rows, lost = read(path)
    assert {row["key"] for row in rows} | {x.key for x in lost} == set(theirs)
    plain = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
    for row in rows:
        at = int(row["locator"].partition("#byte=")[2])
        block = theirs[row["key"]][1]
        assert plain[at:].startswith(b"WARC/1.0\r\n")
        assert plain[at:].partition(b"\r\n\r\n")[2].startswith(block)


def test_read_warc__truncated_gzip_keeps_the_records_before(read: Any) -> None:
    data = archive(("200 OK", HTML, BODY.encode()), ("200 OK", HTML, BODY.encode()), zipped=True)
    rows, lost = read("a.warc.gz", data[:-60])
    assert [r["key"] for r in rows] == ["urn:uuid:0"]
    assert [x.reason for x in lost] == ["truncated"]


def test_read_warc__wet_conversion_is_text(read: Any) -> None:
    text = "第一行\nline two\n".encode()
    data = b"".join(gzip.compress(record("conversion", body, mime="text/plain")) for body in (text, b"\xff\xff"))
    rows, lost = read("a.warc.wet.gz", data)
    assert [(r["text"], r["sha256"]) for r in rows] == [(text.decode(), hashlib.sha256(text).hexdigest())]
    assert [x.reason for x in lost] == ["bad-utf8"]
