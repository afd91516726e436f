import pytest

from aigc_data.text.cleaning.html_remnants import are_evident, strip_remnants


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("First.<br>Second.<br />Third.", "First.\nSecond.\nThird."),
        ('<p class="lead">数据是关键。</p><p>质量决定上限。</p>', "\n数据是关键。\n\n质量决定上限。\n"),
        ('See <a href="http://x.org/?a=1">the page</a> now', "See the page now"),
        ("<B>bold</B> and <i>italic</i>", "bold and italic"),
        ("one<!-- ad --> two", "one two"),
        ("<td>1</td><td>2</td>", " 1  2 "),
        ("AT&amp;T &ldquo;said&rdquo;&nbsp;so &#8212; &#x4F60;&#22909;", "AT&T “said”\xa0so — 你好"),
        ("caf&eacute; &amp;amp;nbsp; x", "café \xa0 x"),
        ("a &lt; b and b &gt; c, 3 &lt; 4", "a < b and b > c, 3 < 4"),
        # What stays: placeholders, code, what is no reference, a tag that is shown.
        ("press <Enter>, vector<int>, <stdin>, <unk>", "press <Enter>, vector<int>, <stdin>, <unk>"),
        ("<a> ::= <b>", "<a> ::= <b>"),
        ("the index <i> of list<p>", "the index <i> of list<p>"),
        ("if a <b and c &gt; d", "if a <b and c &gt; d"),
        ("write &lt;b&gt; for bold, and &nbsp; too", "write &lt;b&gt; for bold, and &nbsp; too"),
        ("p = &int; q = &part; R&D; &#0; &#1114112; &#xD800;", "p = &int; q = &part; R&D; &#0; &#1114112; &#xD800;"),
        ("x < y > z, <3, <-, a<b", "x < y > z, <3, <-, a<b"),
    ],
)  # fmt: skip
def test_strip_remnants__literal(text: str, expected: str) -> None:
    assert strip_remnants(text) == expected
    assert strip_remnants(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "In HTML a paragraph is <p>…</p>.",
        "Use `<br>` for a break.",
        "用 <b> 标签把文字加粗：<b>粗</b>",
        "| a<br>b | c |",
        "实体 &nbsp; 表示空格",
        "echo '<html><p>x</p></html>'",
        "[link](<a>) <b>x</b>",
    ],
)
def test_are_evident__not_where_a_text_speaks_of_markup(text: str) -> None:
    assert not are_evident(text)


def test_are_evident__prose() -> None:
    assert are_evident("It was late.<br>He went home.")
    assert are_evident("天色已晚。<br>他回家了。")


def test_strip_remnants__long_and_hostile() -> None:
    for text in (
        "<a " * 100_000,
        "&amp;" * 200_000,
        "<p" + " x" * 200_000,
        "<!--" * 100_000,
        "&#" * 200_000,
        "<b>" * 100_000,
    ):
        assert len(strip_remnants(text)) <= len(text)  # and ends soon
