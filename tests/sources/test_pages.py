from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest

from aigc_data.sources import Lost

PAGE = """<!DOCTYPE html><html><head><title> 标题
 T </title><meta charset="{charset}"><link rel="canonical" href="https://a.example/p">
<meta property="article:published_time" content="2024-05-01T10:00:00Z">
{license}</head><body><nav><a href="/">Home</a></nav><article><h1>标题</h1><p>这是正文的第一段，说明数据从哪里来。</p>
<p>The second paragraph is in English &amp; says why.</p></article><script>var no = 1</script></body></html>"""


def html(charset: str = "utf-8", licence: str = "") -> bytes:
    return PAGE.format(charset=charset, license=licence).encode(charset)


def test_read_html__main_content_and_what_the_page_says_of_itself(read: Any) -> None:
    data = html(licence='<link rel="license" href="https://creativecommons.org/licenses/by/4.0/">')
    rows, lost = read("a.html", data, license="MIT")
    assert lost == []
    row = rows[0]
    assert "这是正文的第一段，说明数据从哪里来。" in row["text"]
    assert "The second paragraph is in English & says why." in row["text"]
    assert "var no" not in row["text"]
    assert row["sha256"] == hashlib.sha256(data).hexdigest()
    assert row["url"] == "https://a.example/p"
    assert row["created"] == "2024-05-01T10:00:00Z"
    assert row["license_declared"] == "https://creativecommons.org/licenses/by/4.0/"
    assert row["meta"] == '{"title":"标题 T"}'


@pytest.mark.parametrize(
    ("markup", "declared"),
    [
        ("", "MIT"),
        ('<a rel="nofollow license" href="https://x.example/l">l</a>', "https://x.example/l"),
        ('<meta name="DCTERMS.license" content="CC-BY-4.0">', "CC-BY-4.0"),
        ('<a rel="license" href="/terms">l</a>', "https://a.example/terms"),
    ],
)
def test_read_html__licence_link_wins_over_the_source(read: Any, markup: str, declared: str) -> None:
    assert read("a.html", html(licence=markup), license="MIT")[0][0]["license_declared"] == declared


@pytest.mark.parametrize("charset", ["gb18030", "utf-8", "utf-16"])
def test_read_html__encoding_comes_from_the_page(read: Any, charset: str) -> None:
    assert "这是正文的第一段" in read("a.html", html(charset))[0][0]["text"]


def test_read_html__big5_page_is_read(read: Any) -> None:
    data = "<meta charset=big5><p>這是正文的第一段，說明資料從哪裡來。</p>".encode("big5")
    assert read("a.html", data)[0][0]["text"] == "這是正文的第一段，說明資料從哪裡來。"


def test_read_html__half_characters_become_replacement_characters(read: Any) -> None:
    rows, _ = read("a.html", b"<title>&#xD800;</title><p>a &#xD800; b \xff c, said the page to its reader.</p>")
    assert "�" in rows[0]["text"] or "?" in rows[0]["text"]


@pytest.mark.parametrize(
    ("data", "lost"),
    [
        (b"<html><body><script>x()</script></body></html>", "no-content"),
        (b"   ", "no-content"),
        (b"", "empty-file"),
        (b"<div>" * 100_000 + b"x", "too-complex"),
        (b"<p " + b" ".join(b"a%d=1" % n for n in range(50_000)) + b">x", "too-complex"),
        (b"<p>" * 1_100_000, "too-complex"),
        (b"<div>" * 600 + b"<option>x", "too-complex"),
        (b"<table>" + b"x<!-- -->" * 100_000, "too-complex"),
        (b"<table><form>" + b" x <!-- -->" * 100_000, "too-complex"),
        (b"<p>x</p><select>" + b"<option value='<'>x" * 20_000, "too-complex"),
        (b"".join(b"<p a%d>y" % n for n in range(40_000)), "too-complex"),
        (b"".join(b"</x%d>y" % n for n in range(40_000)), "too-complex"),
        (b"".join(b"<body a%d>y" % n for n in range(40_000)), "too-complex"),
        ((b"<p " + b" ".join(b"a%d" % n for n in range(1_500)) + b">y") * 500, "too-complex"),
    ],
)
def test_read_html__pages_without_text_or_beyond_bounds_are_lost_quickly(read: Any, data: bytes, lost: str) -> None:
    start = time.process_time()
    rows, losses = read("a.html", data, max_record_bytes=16 << 20)
    assert (rows, [(x.position, x.reason) for x in losses]) == ([], [("file", lost)])
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<p>" + b"word " * 20_000, 20_000),  # one long paragraph is no tag with many attributes
        (b"<p>a few words before</p><svg>" + b"<path d='M0'/>" * 3_000 + b"</svg><p>and a few words after</p>", 9),
        (b"<div><span>three more words</div>" * 1_000, 3_000),
    ],
)
def test_read_html__what_only_looks_complex_is_read(read: Any, data: bytes, words: int) -> None:
    rows, lost = read("a.html", data)
    assert lost == []
    assert len(rows[0]["text"].split()) == words


def test_read_html__formatting_that_comes_back_in_every_paragraph_is_refused(read: Any) -> None:
    """75 kB of it were not extracted in 20 s; the end tags are there to hide the depth."""
    data = "".join(f"<p><b id={n}></i>x" for n in range(4_000)).encode()
    assert [x.reason for x in read("a.html", data)[1]] == ["too-complex"]
    # Not deep, but each of the blocks opens 400 elements again.
    data = ("<div>" + "".join(f"<b id={n}>" for n in range(400)) + "</div>" + "<div>x</div>" * 3_000).encode()
    assert [x.reason for x in read("a.html", data)[1]] == ["too-complex"]


@pytest.mark.parametrize(
    "options",
    [
        b"<option>Town</option>" * 40_000,
        b'<OPTION value="1">\xe6\x9d\x91' * 40_000,
        b"<optgroup label=x><option>x" * 20_000,
    ],
)
def test_read_html__a_list_of_all_places_costs_the_page_nothing(read: Any, options: bytes) -> None:
    """The parser took 10 s for 40,000 options."""
    start = time.process_time()
    rows, lost = read("a.html", html().replace(b"<h1>", b"<form><select>" + options + b"</select></form><h1>"))
    assert lost == []
    assert rows[0]["text"] == read("a.html", html())[0][0]["text"]
    assert rows[0]["url"] == "https://a.example/p"
    assert time.process_time() - start < 2


def test_read_html__unclosed_paragraphs_are_not_depth(read: Any) -> None:
    rows, lost = read("a.html", b"<body>" + b"<p>One more short line of the page.<br><img src=x>" * 2_000)
    assert lost == []
    assert rows[0]["text"].count("One more") == 2_000


def test_read_html__detail_holds_no_content(read: Any) -> None:
    assert read("a.html", b"<script>secret</script>")[1] == [
        Lost("file", "no-content", "no main content in 23 bytes of HTML")
    ]
