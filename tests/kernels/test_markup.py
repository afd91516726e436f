from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from aigc_data.kernels.markup import scan_markup
from aigc_data.kernels.open_elements import ATTRIBUTES, DEPTH, ELEMENTS, PAIRS
from aigc_data.kernels.open_elements import NAMES as COUNTED

NAMES = [
    "div", "span", "b", "i", "a", "p", "li", "ul", "dd", "dl", "table", "tr", "td", "svg", "path", "title",
    "style", "math", "mi", "select", "option", "textarea", "xmp", "object", "h1", "template", "form", "font",
    "g", "desc", "iframe", "ruby", "rt", "body", "script", "noscript", "button", "foreignObject",
]  # fmt: skip


def scan(page: str, limit: int = 512) -> tuple[list[int], list[str]]:
    data = page.encode()
    counts, tags = scan_markup(np.frombuffer(data, np.uint8), limit)
    return counts.tolist(), [data[start:end].decode() for start, end, _, _ in tags.tolist()]


def depth_of(page: str) -> int:
    """The depth of the tree that the parser builds, below its body."""
    deepest, waiting = 0, [(HTMLTree.parse(page).document, 0)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        child = node.first_child
        while child is not None:
            waiting.append((child, depth + 1))
            child = child.next
    return deepest


@pytest.mark.parametrize(
    ("unit", "depth"),
    [
        ("<div>", 600),  # nothing is closed
        ("<div></i>", 600),  # the end tag of something else closes nothing
        ("<span><div></span>", 600),  # and none reaches across a block
        ("<p><b id=%d></i>x", 600),  # opened again in each paragraph
        ("<font><i>", 600),
        ("<a><b>", 600),  # three that are alike come back, each time
        ("<svg><foreignObject><path/>", 600),
        ("<select><xmp></select><div>", 600),
        ("<form><h1></form>", 600),
        ("<div><table><td></div>", 600),
        ("<p>x", 1),
        ("<p><i>x</p>", 5),  # three that are alike are opened again, beside the paragraph and its own
        ("<div><span></div>", 2),  # sloppy, but flat
        ("<ul><li><div>x<li><div>x</ul>", 3),
        ("<p><span>x", 2),
        ("<svg><path d='m'/><path d='l'/></svg>", 1),
        ("<dl><dt>x<dd>y</dl>", 2),
        ("<select><option>x<option>y</select>", 2),
        ("<script>'<div><div>'</script>", 0),
        ("<!-- <div><div> -->", 0),
        ("<br><img src=x><hr>", 0),
    ],
)
def test_scan_markup__depth(unit: str, depth: int) -> None:
    found = scan("".join(unit.replace("%d", str(n)) for n in range(600)))[0][DEPTH]
    assert found >= 500 if depth == 600 else abs(found - depth) <= 1


TAGS = st.tuples(st.sampled_from(["<{}>", "<{} id={n}>", "</{}>", "<{}/>"]), st.sampled_from(NAMES))


@settings(max_examples=100, deadline=None)
@given(st.lists(TAGS, min_size=1, max_size=4), st.lists(st.sampled_from(NAMES), max_size=2))
def test_scan_markup__no_soup_of_tags_is_much_deeper_than_it_says(
    soup: list[tuple[str, str]], before: list[str]
) -> None:
    page = "".join(f"<{name}>" for name in before)
    page += "".join(tag.format(name, n=n) + "x" for n in range(40) for tag, name in soup)
    assert depth_of(page) <= 3 * scan(page)[0][DEPTH] + 20


VALUES = st.sampled_from(['="v"', "='v>w'", "=v", "", ' = "a b"', '="/"', '="日<本"'])
ATTRIBUTE_LISTS = st.lists(VALUES, max_size=6).map(lambda v: "".join(f" n{i}{x}" for i, x in enumerate(v)))


class Reference(HTMLParser):
    """Start tags as Python's parser sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes, self.elements = 0, 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes, self.elements = max(self.attributes, len(attrs)), self.elements + 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["p", "div", "img", "td", "x-y"]), ATTRIBUTE_LISTS), max_size=6))
def test_scan_markup__counts_tags_and_attributes_as_a_parser_does(tags: list[tuple[str, str]]) -> None:
    page = "<!-- <p a b c d e f g h> -->".join(f"<{name}{attributes}>text 1 < 2" for name, attributes in tags)
    reference = Reference()
    reference.feed(page)
    counts, _ = scan(page)
    assert (counts[ELEMENTS], counts[ATTRIBUTES]) == (reference.elements, reference.attributes)


def test_scan_markup__notes_the_tags_that_speak_of_the_page() -> None:
    noted = [
        "<META name=a content='>'>",
        "<link rel=Canonical href=/x>",
        "<base href=/>",
        '<a class=x rel="nofollow LICENSE" href="/l">',
        "<div resource=u property='dct:license'>",
        "<a href=https://CreativeCommons.org/publicdomain/zero/1.0/>",
        "<time datetime=2024>",
        '<script type="application/ld+json">',
    ]
    left = [
        "<p>",
        "<link rel=stylesheet href=x.css>",
        "<a href=/about>",
        "<script src=x.js></script>",
        "<!-- <meta name=b> -->",
    ]
    page = "".join(f"{a}text{b}" for a, b in zip(noted, [*left, "", "", ""], strict=True))
    assert scan(page + "{}</script>")[1] == noted[:3] + noted[3:]


def test_scan_markup__is_linear_on_hostile_bytes() -> None:
    for data in (
        b"",
        b"<",
        b"<a",
        b"</",
        b"<!--",
        b"<" * 300_000,
        b"<a " * 100_000,
        b'<a b="' * 100_000,
        b"<title>" * 50_000,
    ):
        counts, tags = scan_markup(np.frombuffer(data, np.uint8), 512)
        assert counts[ELEMENTS] <= 100_000
        assert len(tags) <= 1024


def test_scan_markup__elements_that_are_opened_again_count_each_time() -> None:
    page = "".join(f"<b id={n}>" for n in range(400)) + "<p>x</p>" * 1000
    assert scan(page)[0][ELEMENTS] >= 1400
    # Closed by the block, the list comes back in each.
    page = "<div>" + "".join(f"<b id={n}>" for n in range(400)) + "</div>" + "<div>x</div>" * 1000
    assert scan(page)[0][ELEMENTS] >= 400 * 1000
    # And with all of their attributes.
    page = "<div>" + f"<b{' x' * 50}>" * 3 + "</div>" + "<div>x</div>" * 1000
    assert scan(page)[0][ELEMENTS] >= 3 * 50 * 1000


@pytest.mark.parametrize(
    ("page", "pairs"),
    [
        ("<select>" + "<option>x</option>" * 100 + "</select>", 4950),
        ("<select>" + "<optgroup label=x><option>中" * 50 + "</select>", 4950),
        ("<div><select>" + "<option>x</div>" * 100, 4950),  # the end tag of the block does not end the list
        ("<div><select></div><style></select><select>" + "<option>x" * 100, 4950),  # nor is style raw in it
        ("<select><template></select>" + "<option>x" * 100, 4950),
        (("<select>" + "<option>x" * 10 + "</select>") * 10, 450),
        ("<datalist>" + "<option>x</option>" * 100 + "</datalist>", 0),
        ("<p " + " ".join(f"a{n}" for n in range(100)) + ">", 4950),
        ("<p a b c>" * 10, 30),
    ],
)
def test_scan_markup__pairs_that_the_parser_compares(page: str, pairs: int) -> None:
    assert scan(page)[0][PAIRS] == pairs


def test_scan_markup__attributes_of_all_tags_of_the_body_count_together() -> None:
    for name in ("html", "BODY"):
        assert scan("".join(f"<{name} a{n}=1>" for n in range(500)))[0][ATTRIBUTES] == 500


@pytest.mark.parametrize("unit", ["<p a{}>y", "<p data-abc-{}='1' DATA-ABC-{}>", "<x{}>y</X{}>", "</x{}>"])
@pytest.mark.parametrize("names", [10, 1000, 10_000])
def test_scan_markup__names_are_counted_roughly(unit: str, names: int) -> None:
    found = scan("".join(unit.replace("{}", str(n)) for n in range(names)) * 2)[0][COUNTED]
    assert 0.85 * names <= found <= names + 1


def test_scan_markup__tags_within_a_figure_are_marked() -> None:
    data = b"<a rel=license href=1></a><figure><p><a rel=license href=2></a></figure><a rel=license href=3></a>"
    assert scan_markup(np.frombuffer(data, np.uint8), 512)[1][:, 3].tolist() == [0, 1, 0]
