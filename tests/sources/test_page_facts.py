from __future__ import annotations

import json
from typing import Any

import pytest

CC = "https://creativecommons.org/licenses/by/4.0/"
LD = '<script type="application/ld+json">'
BODY = "<article><p>这是正文的第一段，说明数据从哪里来。</p><p>The second paragraph says why.</p></article>"


def page(head: str = "", body: str = "") -> bytes:
    return f"<!DOCTYPE html><html><head>{head}</head><body>{BODY}{body}</body></html>".encode()


def facts(read: Any, head: str = "", body: str = "", **recipe: Any) -> dict[str, Any]:
    rows, lost = read("a.html", page(head, body), **recipe)
    assert lost == []
    row: dict[str, Any] = rows[0]
    return {**row, "rights": json.loads(row["rights"] or "{}"), "meta": json.loads(row["meta"] or "{}")}


@pytest.mark.parametrize(
    ("markup", "place", "declared"),
    [
        (f'<link rel="license" href="{CC}">', "link[rel]", CC),
        (f'<a rel="nofollow LICENSE" href="{CC}">CC</a>', "a[rel]", CC),
        (f'<a rel="cc:license" href="{CC}">CC</a>', "a[rel]", CC),
        (f'<div property="http://purl.org/dc/terms/license" resource="{CC}">CC</div>', "div[property]", CC),
        (f'<a itemprop="license" href="{CC}">CC</a>', "a[itemprop]", CC),
        ('<meta name="DCTERMS.license" content="CC-BY-4.0">', "meta:dcterms.license", "CC-BY-4.0"),
        ('<meta name="dc.rights" content="版权所有 &amp; 保留">', "meta:dc.rights", "版权所有 & 保留"),
        (LD + f'{{"@type":"Article","license":"{CC}"}}</script>', "json-ld:Article", CC),
        (
            LD + f'{{"@graph":[{{"@type":"WebPage","license":{{"@id":"{CC}"}}}}]}}</script>',
            "json-ld:WebPage",
            CC,
        ),
        # A mark somewhere in the page is a signal; whether it is about the page nobody has said.
        (f'<a href="{CC}">the picture is CC BY</a>', "a[href]", "MIT"),
        (
            LD + f'{{"@type":"ImageObject","license":"{CC}"}}</script>',
            "json-ld:ImageObject",
            "MIT",
        ),
    ],
)
def test_read_html__licence_and_where_it_was_seen(read: Any, markup: str, place: str, declared: str) -> None:
    row = facts(read, body=markup, license="MIT")
    assert row["license_declared"] == declared
    assert [entry["at"] for entry in row["rights"]["license"]] == [place]


@pytest.mark.parametrize(
    ("markup", "kind", "place", "value"),
    [
        ('<meta name="robots" content="noai, noimageai">', "robots", "meta:robots", "noai, noimageai"),
        ('<meta name="GPTBot" content="noindex">', "robots", "meta:gptbot", "noindex"),
        ('<meta name="Baiduspider" content="noarchive">', "robots", "meta:baiduspider", "noarchive"),
        ('<meta name="Google-Extended" content="none">', "robots", "meta:google-extended", "none"),
        ('<meta name="tdm-reservation" content="1">', "tdm-reservation", "meta:tdm-reservation", "1"),
        ('<meta name="tdm-policy" content="/p.json">', "tdm-policy", "meta:tdm-policy", "/p.json"),
        ('<meta name="Content-Usage" content="train-ai=n">', "content-usage", "meta:content-usage", "train-ai=n"),
        ('<meta name="copyright" content="© 2024 甲公司">', "copyright", "meta:copyright", "© 2024 甲公司"),
        ('<meta name="AIGC" content="{&quot;Label&quot;:1}">', "generated", "meta:aigc", '{"Label":1}'),
        (
            '<script type="application/ld+json">[{"@type":"NewsArticle","copyrightHolder":{"name":"乙报"}}]</script>',
            "copyright",
            "json-ld:NewsArticle",
            "乙报",
        ),
    ],
)
def test_read_html__signals_are_kept_raw(read: Any, markup: str, kind: str, place: str, value: str) -> None:
    assert facts(read, markup)["rights"] == {kind: [{"at": place, "value": value}]}


@pytest.mark.parametrize(
    "markup",
    [
        '<meta name="viewport" content="width=device-width">',
        '<meta name="description" content="about a robot that says no">',
        '<!-- <meta name="robots" content="noai"> -->',
        '<script>var x = "<meta name=robots content=noai>"</script>',
        "<textarea><link rel=license href=/l></textarea>",
        "<a href='/licenses'>Our licenses</a>",
    ],
)
def test_read_html__what_says_nothing_leaves_no_trace(read: Any, markup: str) -> None:
    row = facts(read, body=markup, license="MIT")
    assert (row["rights"], row["license_declared"]) == ({}, "MIT")


@pytest.mark.parametrize(
    ("head", "created"),
    [
        ('<meta itemprop="datePublished" content="2024-05-01">', "2024-05-01"),
        ('<script type="application/ld+json">{"datePublished":"2023-02-03"}</script>', "2023-02-03"),
        ('<time>no date</time><time datetime="2022-01-02T03:04Z">x</time>', "2022-01-02T03:04Z"),
        ('<script type="application/ld+json">{"datePublished": broken</script>', None),
        ('<script type="application/ld+json">' + "[" * 5000 + "]" * 5000 + "</script>", None),
    ],
)
def test_read_html__date(read: Any, head: str, created: str | None) -> None:
    assert facts(read, head)["created"] == created


@pytest.mark.parametrize(
    ("head", "url", "declared"),
    [
        ('<link rel=canonical href="https://a.example/p/q">', "https://a.example/p/q", "https://a.example/terms"),
        ('<meta property="og:url" content="https://b.example/p">', "https://b.example/p", "https://b.example/terms"),
        (
            '<base href="https://c.example/d/"><link rel=canonical href="e">',
            "https://c.example/d/e",
            "https://c.example/terms",
        ),
        ('<link rel=canonical href="http://[broken">', "http://[broken", "/terms"),
        ("", None, "/terms"),
    ],
)
def test_read_html__address_and_a_licence_relative_to_it(read: Any, head: str, url: str | None, declared: str) -> None:
    row = facts(read, head, '<a rel="license" href="/terms">terms</a>')
    assert (row["url"], row["license_declared"]) == (url, declared)


def test_read_html__title_falls_back_to_what_the_page_calls_itself(read: Any) -> None:
    assert facts(read, '<meta property="og:title" content="题目">')["meta"] == {"title": "题目"}
    assert facts(read, '<title>A &amp; B</title><meta property="og:title" content="C">')["meta"] == {"title": "A & B"}


def test_read_html__signals_are_bounded(read: Any) -> None:
    head = "".join(f'<meta name="robots" content="noai {n} {"x" * 5000}">' for n in range(150))
    found = facts(read, head)["rights"]["robots"]
    assert len(found) == 16
    assert max(len(entry["value"]) for entry in found) == 1024


@pytest.mark.parametrize(
    "target", ["#", "#license", "javascript:void(0)", " JavaScript:;", "data:,x", "mailto:a@b.example"]
)
@pytest.mark.parametrize(
    "markup",
    [
        '<a rel="license" href="{}">版权</a>',
        '<meta name="dcterms.license" content="{}">',
        '<script type="application/ld+json">{{"license":"{}"}}</script>',
    ],
)
def test_read_html__a_link_to_nowhere_declares_nothing(read: Any, markup: str, target: str) -> None:
    row = facts(read, body=markup.format(target), license="MIT")
    assert row["license_declared"] == "MIT"
    row = facts(read, body=markup.format(target) + '<a rel=license href="https://l.example/">l</a>', license="MIT")
    assert row["license_declared"] == "https://l.example/"


@pytest.mark.parametrize(
    ("href", "declared"),
    [
        ("license.html", "https://a.example/d/license.html"),
        ("?lang=zh", "https://a.example/d/p?lang=zh"),
        ("许可", "https://a.example/d/许可"),
        ("//l.example/x", "https://l.example/x"),
        ("http://l.example/x", "http://l.example/x"),
    ],
)
def test_read_html__a_relative_licence_link_is_joined(read: Any, href: str, declared: str) -> None:
    head = '<link rel=canonical href="https://a.example/d/p">'
    assert facts(read, head, f'<a rel="license" href="{href}">l</a>')["license_declared"] == declared
    assert facts(read, "", f'<a rel="license" href="{href}">l</a>')["license_declared"] == href


def test_read_html__a_statement_is_no_link(read: Any) -> None:
    head = '<link rel=canonical href="https://a.example/d/p">'
    for markup in (
        '<meta name="dcterms.license" content="CC-BY-4.0">',
        '<span property="license" content="CC-BY-4.0">',
    ):
        assert facts(read, head, markup)["license_declared"] == "CC-BY-4.0"
    assert facts(read, '<meta name="license" content="Data: CC0">')["license_declared"] == "Data: CC0"


def test_read_html__the_licence_of_a_photo_is_a_signal(read: Any) -> None:
    photo = "https://creativecommons.org/licenses/by-sa/4.0/"
    row = facts(
        read, body=f'<figure><img src=x><figcaption>图 <a rel="license" href="{photo}">CC</a></figure>', license="MIT"
    )
    assert row["license_declared"] == "MIT"
    assert row["rights"] == {"license": [{"at": "figure a[rel]", "value": photo}]}


@pytest.mark.parametrize(
    "media_type", ["application/ld+json; charset=utf-8", "Application/LD+JSON", " application/ld+json "]
)
def test_read_html__linked_data_by_its_media_type(read: Any, media_type: str) -> None:
    head = f'<script type="{media_type}">{{"license":"https://l.example/"}}</script>'
    assert facts(read, head, license="MIT")["license_declared"] == "https://l.example/"


@pytest.mark.parametrize(
    ("written", "title"),
    [
        (r"a\ud800", "a\ufffd"),
        (r"\uDE00\uD83D 中", "\ufffd\ufffd 中"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\ud83d\ude00 \u4e2d", "😀 中"),
        (r"\\ud800", r"\ud800"),
    ],
)
def test_read_html__half_a_character_loses_no_linked_data(read: Any, written: str, title: str) -> None:
    head = '<script type="application/ld+json">{"headline":"' + written + '","license":"https://l.example/"}</script>'
    row = facts(read, head)
    assert (row["license_declared"], row["meta"]) == ("https://l.example/", {"title": title})
