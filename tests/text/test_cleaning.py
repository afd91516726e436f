import unicodedata
from typing import Any, Literal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.text.cleaning.character_classes import Form
from aigc_data.text.cleaning.clean import RULES, Cleaned, changed_rules, clean
from aigc_data.text.cleaning.lines import KINDS


def one(text: str | None, form: Form = "NFC", mojibake: bool = True) -> tuple[str, list[str]]:
    done = clean(pa.array([text], pa.large_string()), form=form, mojibake=mojibake)
    return done.texts[0].as_py(), changed_rules(done.masks)[0].as_py()


@pytest.mark.parametrize(
    ("text", "expected", "rules"),
    [
        ("Good prose, “quoted” — and…", "Good prose, “quoted” — and…", []),
        ("“你好”，他说：‘全角标点’——不动……（１２３）", "“你好”，他说：‘全角标点’——不动……（１２３）", []),
        ("cafe\u0301", "café", ["nfc"]),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국", ["nfc"]),
        ("か\u3099", "が", ["nfc"]),
        ("a\x00b\x07c\x9dd\x7f", "abcd", ["control"]),
        ("名\x01言", "名言", ["control"]),
        (
            "\x1b[33m-- Debian \x1b[32m《行为准则》\x1b[m第三条\x1b[m",
            "-- Debian 《行为准则》第三条",
            ["control"],
        ),
        ("\ufeff开头", "开头", ["zero-width"]),
        ("in\u200bvi\u2060si\u00adble 零\u200b宽", "invisible 零宽", ["zero-width"]),
        ("ab\u200dc 我\u200d们", "abc 我们", ["zero-width"]),
        ("می\u200cخواهم क्\u200dष", "می\u200cخواهم क्\u200dष", []),
        ("👨\u200d👩\u200d👧 ❤️\u200d🔥", "👨\u200d👩\u200d👧 ❤️\u200d🔥", []),
        ("ភាសា\u200bខ្មែរ", "ភាសា\u200bខ្មែរ", []),
        (
            "🏴\U000e0067\U000e0062\U000e007f a\U000e0061\U000e0062",
            "🏴\U000e0067\U000e0062\U000e007f a",
            ["zero-width"],
        ),
        ("user\u202efdp.exe 反\u2067转", "userfdp.exe 反转", ["bidi"]),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd", ["newline"]),
        ("第一段\n\n\n\n第二段", "第一段\n\n第二段", ["newline"]),
        ("a  b\t\nc \n", "a b\nc", ["whitespace"]),
        ("标题　　作者\n　　第一段", "标题　作者\n　　第一段", ["whitespace"]),
        ("def f():\n    return 1", "def f():\n    return 1", []),
        ("a\tb", "a\tb", []),
        ("schÃ¶n and doesnâ€™t", "schön and doesn’t", ["mojibake"]),
        ("voilÃ  le travail", "voilà le travail", ["mojibake"]),
        ("ä½\xa0å¥½ï¼Œä¸–ç•Œ", "你好，世界", ["mojibake"]),
        ("模型的上限，".encode().decode("gb18030"), "模型的上限，", ["mojibake"]),
        ("数据。".encode().decode("gb18030", "ignore"), "数据。".encode().decode("gb18030", "ignore"), []),
        ("「锛」是一个汉字。", "「锛」是一个汉字。", []),
        ("┌──┐\n│　│\n├──┤", "┌──┐\n│　│\n├──┤", []),
        (" \n\t\u200b", "", ["zero-width", "whitespace"]),
        (None, "", []),
    ],
)
def test_clean__literal(text: str | None, expected: str, rules: list[str]) -> None:
    assert one(text) == (expected, rules)


def test_clean__forms() -> None:
    assert one("ＡＢＣ，１", form="NFKC") == ("ABC,1", ["nfc"])
    assert one("cafe\u0301", form="none") == ("cafe\u0301", [])
    assert one("schÃ¶n", mojibake=False) == ("schÃ¶n", [])


def test_clean__chunks_slices_and_no_rows() -> None:
    table = pa.chunked_array([pa.array(["drop", " a"], pa.string()), pa.array(["数\x00", None], pa.string())]).slice(1)
    done = clean(table, form="NFC", mojibake=True)
    assert done.texts.to_pylist() == ["a", "数", ""]
    assert changed_rules(done.masks).to_pylist() == [["whitespace"], ["control"], []]
    nothing = clean(pa.array([], pa.large_string()), form="NFC", mojibake=True)
    assert (len(nothing.texts), changed_rules(nothing.masks).to_pylist()) == (0, [])


PIECES = [
    "a",
    "数",
    "é",
    "e",
    "\u0301",
    "\u200b",
    "\u200d",
    "Ã",
    "©",
    "â",
    "€",
    "™",
    " ",
    "\u00a0",
    "\u3000",
    "\n",
    "\r",
    "\x1b",
    "[0m",
]
PIECES += ["锛", "屼", "ï¿½", "\x92", "?", "\ufffd", "ᄒ", "ᅡ", "K", "😀", "\u202e", "\t"]


@settings(deadline=None)  # the first example may compile
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.characters(exclude_categories=["Cs"])), max_size=30).map("".join))
def test_clean__is_idempotent_and_normalised(text: str) -> None:
    once, rules = one(text)
    assert one(once) == (once, [])
    assert unicodedata.is_normalized("NFC", once)
    assert (rules == []) == (once == text)


@settings(deadline=None)  # the first example may compile
@given(st.text(max_size=40), st.sampled_from(["NFC", "NFKC"]))
def test_clean__inspection_misses_no_denormal_text(text: str, form: Form) -> None:
    once, _ = one(text, form=form, mojibake=False)
    assert unicodedata.is_normalized(form, once)


PARTS = [
    *PIECES,
    *(
        "\n\n",
        "\r\n",
        "\x85",
        "\u2028",
        "<br>",
        "</p>",
        "<b>",
        "</b>",
        "&amp;",
        "amp;",
        "&nbsp;",
        "&lt;",
        "&#38;",
        "gt;",
        "<",
    ),
    *("Read more", "\nBack to top\n", "分享到：", "\n返回頂部\n", "隐私政策", "cookies", "We use ", "© 2012 A"),
    *("The data were all that the model had to learn from in the end.", "每一个步骤都必须经过仔细的检查。", "  ", "#"),
    *("\n這裡的數據決定了模型的上限。\n", "HTML", "`"),
]


def everything(texts: list[str], fold: Literal["keep", "simplified"] = "keep") -> Cleaned:
    rules: dict[str, Any] = {"html": True, "cut_lines": KINDS, "repeated_tokens": 5, "fold_han": fold}
    return clean(pa.array(texts, pa.large_string()), form="NFC", mojibake=True, **rules)


@settings(deadline=None, max_examples=300)  # the first example may compile
@given(st.lists(st.sampled_from(PARTS), max_size=16).map("".join))
def test_clean__twice_is_once_with_every_rule(text: str) -> None:
    once = everything([text])
    twice = everything(once.texts.to_pylist())
    assert twice.texts.to_pylist() == once.texts.to_pylist()
    assert (changed_rules(twice.masks).to_pylist(), twice.cuts.to_pylist()) == ([[]], [[]])
    assert (once.masks[0] == 0) == (once.texts[0].as_py() == text)
    end = 0
    for cut in once.cuts[0].as_py():
        assert cut["kind"] in changed_rules(once.masks)[0].as_py()
        assert end <= cut["start"] < cut["end"] <= len(text)
        end = cut["end"]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from([part for part in PARTS if not set(part) & set("`<>&;\x85\x92ÃâH")])).map("".join))
def test_clean__cuts_are_what_is_gone(text: str) -> None:
    """The base text without its cuts, cleaned without cutting, has the lines of the cleaned text."""
    done = everything([text])
    rest, at = "", 0
    for cut in done.cuts[0].as_py():
        rest, at = rest + text[at : cut["start"]], cut["end"]
    without = clean(pa.array([rest + text[at:]]), form="NFC", mojibake=True, html=True).texts[0].as_py()
    lines = [[line.strip() for line in one.split("\n") if line.strip()] for one in (without, done.texts[0].as_py())]
    assert lines[0] == lines[1]


LINES = [
    *(
        "Well\x85 yes",
        "no\x85",
        "\x85",
        "Ã\x85ngstrÃ¶m",
        "It wasnâ€™t me",
        "ßª\x85",
        "&#203;",
        "<p>",
        "</b>",
        "<td>",
        "<b>",
    ),
    *(
        "Back to top",
        "Read\u200b more",
        "返回頂部",
        "责任编辑：张三",
        "Back to\xa0top",
        "<br>Loading<br>",
        "Back to <b>top</b>",
    ),
    *("We use cookies on this site.", "The data were all that the model had to learn from in the end.", "這裡的數據。"),
    *("<a\nhref='x'>", "&#8203;", "\u202e\x1b\u202e", "\x1b[1m", "\ufeff", "ä¸\xad", "一行。", "A line.", "\t"),
]
BREAKS = ["\n", "\r\n", "\r", "\n\n", "\u2028", "\v", "<br>", "\n \n"]


@settings(deadline=None, max_examples=250)
@given(
    st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(BREAKS)), max_size=14), st.sampled_from(["NFC", "NFKC"])
)
def test_clean__each_cut_is_the_line_that_went(parts: list[tuple[str, str]], form: Form) -> None:
    text = "".join(line + end for line, end in parts)
    rules: dict[str, Any] = {"form": form, "mojibake": True, "html": True}
    done = clean(pa.array([text]), **rules, cut_lines=KINDS, repeated_tokens=5)
    whole, left = (visible(one.texts[0].as_py()) for one in (clean(pa.array([text]), **rules), done))
    cuts = done.cuts[0].as_py()
    assert {cut["kind"] for cut in cuts} == set(changed_rules(done.masks)[0].as_py()) & set(KINDS)
    assert len(whole) - len(left) == len(cuts)
    # The lines that went, in order: those of `whole` between which the lines that are left stand.
    gone = [visible(_by_itself(text, text[cut["start"] : cut["end"]], rules)) for cut in cuts]
    assert all(len(lines) == 1 for lines in gone)
    assert sorted(left + [line for lines in gone for line in lines]) == sorted(whole)


def _by_itself(text: str, piece: str, rules: dict[str, Any]) -> str:
    """A piece cleaned with what its text says about it: whether HTML goes, and which end tags it has."""
    html = "html" in changed_rules(clean(pa.array([text]), **rules).masks)[0].as_py()
    beside = "</b>" if html and "</b>" in text else ""
    return clean(pa.array([piece + beside]), **{**rules, "html": html}).texts[0].as_py()


def visible(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def test_clean__folds_traditional_chinese_where_asked() -> None:
    pytest.importorskip("opencc")
    texts = [
        "這裡的數據，決定了模型的上限：「全形標點」不動。",
        "头发和发展",
        "日本の資料は國立図書館に。",
        "plain",
        "乾隆皇帝的頭髮很乾燥",
    ]
    done = everything(texts, "simplified")
    assert done.texts.to_pylist() == [
        "这里的数据，决定了模型的上限：「全形标点」不动。", texts[1], texts[2], "plain", "乾隆皇帝的头发很干燥",
    ]  # fmt: skip
    assert changed_rules(done.masks).to_pylist() == [["han"], [], [], [], ["han"]]
    assert everything(done.texts.to_pylist(), "simplified").texts == done.texts
    assert everything(texts).texts.to_pylist() == texts


def test_clean__folding_is_decided_on_what_is_left() -> None:
    pytest.importorskip("opencc")
    notice = "This site uses cookies to improve your experience."
    texts = [
        f"{notice}\n歷史與國家的關係",
        "歷史與國家的關係如何。\n歷史与國家的關係如何。\n這裡的數據決定了模型的上限。\n如果您繼續瀏覽，即表示同意使用cookies。",
        "返回頂部\nThe plain text of an English page.",
    ]
    once = everything(texts, "simplified")
    assert once.texts.to_pylist() == [
        "历史与国家的关系",
        "历史与国家的关系如何。\n这里的数据决定了模型的上限。",
        "The plain text of an English page.",
    ]
    assert changed_rules(once.masks).to_pylist() == [["han", "policy"], ["han", "policy", "repeated"], ["boilerplate"]]
    spans = [
        [text[cut["start"] : cut["end"]] for cut in cuts]
        for text, cuts in zip(texts, once.cuts.to_pylist(), strict=True)
    ]
    assert spans == [[notice], ["歷史与國家的關係如何。", texts[1].split("\n")[3]], ["返回頂部"]]
    assert everything(once.texts.to_pylist(), "simplified").masks.tolist() == [0, 0, 0]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            [
                "We use cookies on this site.",
                "歷史與國家的關係。",
                "历史与国家的关系。",
                "返回頂部",
                "Some English words.",
                "乾隆皇帝",
                "日本の資料",
                "<br>",
            ]
        ),
        max_size=7,
    ).map("\n".join)
)
def test_clean__twice_is_once_with_folding(text: str) -> None:
    pytest.importorskip("opencc")
    once = everything([text], "simplified")
    twice = everything(once.texts.to_pylist(), "simplified")
    assert (twice.texts, twice.masks.tolist()) == (once.texts, [0])


def test_clean__cuts_of_folded_texts_are_spans_of_the_base_text() -> None:
    pytest.importorskip("opencc")
    text = "這裡的數據決定了模型的上限。\r\n責任編輯：張三\r\n這裡的數據決定了模型的上限。\r\n\r\n他們說完了。"
    done = everything([text], "simplified")
    assert done.texts.to_pylist() == ["这里的数据决定了模型的上限。\n\n他们说完了。"]
    spans = [(cut["kind"], text[cut["start"] : cut["end"]]) for cut in done.cuts[0].as_py()]
    assert spans == [("boilerplate", "責任編輯：張三"), ("repeated", "這裡的數據決定了模型的上限。")]


def test_clean__html_only_where_evident_and_asked() -> None:
    texts = ["It rained.<br>He stayed.", "In HTML it is <br>, so.<br>", "雨天。<p>他没走。</p>", "R&amp;D"]
    done = everything(texts)
    assert done.texts.to_pylist() == ["It rained.\nHe stayed.", texts[1], "雨天。\n他没走。", "R&D"]
    assert changed_rules(done.masks).to_pylist() == [["html"], [], ["html", "whitespace"], ["html"]]
    assert clean(pa.array(texts), form="NFC", mojibake=True).texts.to_pylist() == texts


def test_clean__does_not_depend_on_what_stands_beside_a_row() -> None:
    texts = ["Good.\nRead more\nEnd.", "schÃ¶n.\r\n分享到：\r\n好。", "a<br>b", "x", "", "雨天。\n\n\n返回頂部\n晴天。"]
    together = everything(texts)
    alone = [everything([text]) for text in texts]
    assert together.texts.to_pylist() == [one.texts[0].as_py() for one in alone]
    assert together.cuts.to_pylist() == [one.cuts[0].as_py() for one in alone]
    assert together.masks.tolist() == [int(one.masks[0]) for one in alone]


def test_rules__have_a_bit_each() -> None:
    assert sum(bit for _, bit in RULES) == 2 ** len(RULES) - 1


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from("\u0301\u0323\u0344\u0327\u0300\u3099"), min_size=31, max_size=90).map("".join),
    st.sampled_from("e数 "),
)
def test_clean__long_runs_of_marks_are_normalised_as_ever(marks: str, before: str) -> None:
    text = f"x{before}{marks}éa"
    assert one(text)[0] == unicodedata.normalize("NFC", text)


def test_clean__cuts_nothing_where_the_rest_would_be_read_otherwise() -> None:
    """The line that would go is the one that speaks of HTML: without it the tag would be a remnant."""
    text = "It rained.<br>He stayed.\nYour browser does not support HTML5 video.\nIt was late."
    done = everything([text, text.replace("<br>", " ")])
    assert done.texts.to_pylist() == [text, "It rained. He stayed.\nIt was late."]
    assert [len(cuts) for cuts in done.cuts.to_pylist()] == [0, 1]
