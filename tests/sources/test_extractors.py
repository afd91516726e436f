from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.errors import SourceError
from aigc_data.sources import extractors
from aigc_data.sources.chunks import Facts, UnusableError
from aigc_data.sources.encodings import decode
from aigc_data.sources.pages import page

EXTRACTORS = ["resiliparse", "trafilatura"]
#: trafilatura takes what is shorter for no article.
TEXT = "这是正文的第一段，说明数据从哪里来，怎样得到，还有什么问题。" * 5
PAGE = f"""<html><head><title>题</title><meta name="robots" content="noai"><link rel="license" href="https://x.example/l">
</head><body><nav><a href="/">首页</a> <a href="/b">栏目</a></nav><article><h1>题</h1><p>{TEXT}</p>
<p>The second paragraph is in English, long enough to be taken for a part of the article itself.</p></article>
<footer>Share | Print</footer></body></html>"""


@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_read_html__either_extractor_gives_the_main_text_and_the_same_facts(read: Any, extractor: str) -> None:
    rows, lost = read("a.html", PAGE.encode("gb18030"), extractor=extractor)
    assert lost == []
    row = rows[0]
    assert TEXT in row["text"]
    assert "The second paragraph is in English" in row["text"]
    assert "Share" not in row["text"]
    assert row["sha256"] == hashlib.sha256(PAGE.encode("gb18030")).hexdigest()
    assert (row["license_declared"], row["meta"]) == ("https://x.example/l", '{"title":"题"}')
    assert row["rights"] is not None


@pytest.mark.parametrize("extractor", EXTRACTORS)
@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"<script>x()</script>", "no-content"), (b"<div>" * 3000 + b"x", "too-complex"), (b"\0\0\0", "no-content")],
)
def test_read_html__either_extractor_loses_by_the_same_reasons(
    read: Any, extractor: str, data: bytes, reason: str
) -> None:
    rows, lost = read("a.html", data, extractor=extractor)
    assert (rows, [x.reason for x in lost]) == ([], [reason])


@pytest.mark.parametrize(
    "data",
    [("<p>" + "a " * 2_100_000).encode(), b"<p>One more short line.<br>" * 60_000],
)
def test_read_html__trafilatura_is_not_given_what_would_take_it_minutes(read: Any, data: bytes) -> None:
    rows, lost = read("a.html", data, extractor="trafilatura", max_record_bytes=16 << 20)
    assert (rows, [x.reason for x in lost]) == ([], ["too-complex"])
    assert "trafilatura is given up to" in lost[0].detail
    assert read("a.html", data, max_record_bytes=16 << 20)[1] == []


def test_main_text__trafilatura_opens_no_connection() -> None:
    """In a process of its own, in which opening a socket is an error."""
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('a connection was opened')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from aigc_data.sources.extractors import main_text, parse\n"
        "html = sys.stdin.read()\n"
        "sys.stdout.write(main_text(html, parse(html), 10, 'trafilatura'))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=PAGE, capture_output=True, text=True, check=True)
    assert TEXT in done.stdout


def test_require__names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extractors, "_NEEDED", {"no_such_module": "no-such-package"})
    with pytest.raises(SourceError, match="needs no-such-package") as error:
        extractors.require("trafilatura", "s")
    assert "pip install 'aigc-data[web]'" in str(error.value)
    extractors.require("resiliparse", "s")


def jsonl(values: list[Any]) -> bytes:
    return b"\n".join(
        json.dumps({"id": n, "html": v, "l": "MIT" if n else None}).encode() for n, v in enumerate(values)
    )


def table(values: list[Any]) -> bytes:
    lines = [f'{n},"{(v or "").replace(chr(34), chr(34) * 2)}",{"MIT" if n else ""}\n' for n, v in enumerate(values)]
    return ("id,html,l\n" + "".join(lines)).encode()


def parquet(values: list[Any]) -> bytes:
    out = io.BytesIO()
    licences = [None, *["MIT"] * (len(values) - 1)]
    pq.write_table(pa.table({"id": list(range(len(values))), "html": values, "l": licences}), out)
    return out.getvalue()


@pytest.mark.parametrize(("name", "write"), [("a.jsonl", jsonl), ("a.csv", table), ("a.parquet", parquet)])
def test_read_file__field_that_holds_pages_is_extracted(read: Any, name: str, write: Any) -> None:
    values = [PAGE, PAGE.replace(">题<", ">目<"), "<script>secret</script>"]
    rows, lost = read(name, write(values), text="html", id="id", license_field="l", license="Apache-2.0", markup="html")
    assert [(r["key"], r["license_declared"], r["meta"]) for r in rows] == [
        ("0", "https://x.example/l", '{"title":"题"}'),  # the page's own wins over the source's
        ("1", "MIT", '{"title":"目"}'),  # and the record's over the page's
    ]
    assert all(TEXT in r["text"] and "<" not in r["text"] for r in rows)
    assert [r["sha256"] for r in rows] == [hashlib.sha256(v.encode()).hexdigest() for v in values[:2]]
    assert [r["rights"] is not None for r in rows] == [True, True]
    assert [x.reason for x in lost] == ["no-content"]
    assert "secret" not in lost[0].detail
    assert lost[0].record is not None
    assert str(lost[0].record.key) == "2"


def test_read_file__column_of_bytes_is_decoded_as_a_page_is(read: Any) -> None:
    rows, lost = read("a.parquet", parquet([PAGE.encode("gb18030"), None]), text="html", markup="html")
    assert TEXT in rows[0]["text"]
    assert (rows[1]["text"], lost) == (None, [])


def test_read_file__without_markup_a_page_is_text(read: Any) -> None:
    assert read("a.jsonl", jsonl([PAGE]), text="html")[0][0]["text"] == PAGE


def test_read_file__meta_of_the_record_wins_over_the_title(read: Any) -> None:
    data = json.dumps({"text": PAGE, "title": "own", "n": 1}).encode()
    assert read("a.jsonl", data, markup="html", meta=["title", "n"])[0][0]["meta"] == '{"n":1,"title":"own"}'


PIECES = st.sampled_from([
    "<p>", "</p>", "<div class='a", "'>", "<table>", "<td>", "<b", " x=1", ">", "<!--", "-->", "<script type=",
    "</script>", "<meta name=robots content=noai>", "<meta charset=gbk>", "<link rel=license href=", "http://[",
    "&#xD800;", "&amp", "application/ld+json>", '{"license":[[{}]],"@graph":', "text of the page ", "正文在这里。",
    "\0", "\ufffe",
    "<svg/>", "]]>",
])  # fmt: skip
REASONS = {"no-content", "too-complex", "bad-html"}


@pytest.mark.parametrize("extractor", EXTRACTORS)
@settings(max_examples=60, deadline=None)
@given(
    st.lists(PIECES, max_size=30).map("".join), st.sampled_from(["utf-8", "gb18030", "utf-16"]), st.binary(max_size=8)
)
def test_page__any_page_gives_text_that_can_be_stored_or_a_reason(
    extractor: str, markup: str, encoding: str, rest: bytes
) -> None:
    reason = None
    try:
        text, facts = page(decode(markup.encode(encoding) + rest), Facts(), extractor=extractor)
    except UnusableError as error:
        reason = error.reason
    else:
        for value in (text, facts.url, facts.license, facts.rights, facts.created, facts.meta):
            (value or "").encode()
    assert reason is None or reason in REASONS


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>我<b>爱</b>你。</p>", "我爱你。"),
        ("<p>他说<em>不</em>，我说<em>是</em>。</p>", "他说不，我说是。"),
        ("<p>“<b>A</b>” said he, €<b>100</b></p>", "“A” said he, €100"),
        ("<p><span>第</span><span>&#19968;</span><span>章</span></p>", "第一章"),
        ("<p>在 <i>他 </i>和<i> 她</i></p>", "在 他 和 她"),
    ],
)
def test_page__lone_characters_stay(markup: str, text: str) -> None:
    found, _ = page(f"<html><body><article>{markup}<p>{'A long paragraph. ' * 9}</p></article></body></html>", Facts())
    assert found.split("\n")[0] == text
