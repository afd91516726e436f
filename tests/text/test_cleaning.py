import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.text.cleaning import Form, changed_rules, clean


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
