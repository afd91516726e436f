from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_data.sources.encodings import codec, decode, encoding_of

ZH = "我们的目的是把原始的数据整理成可以使用的文本，并且说明它从哪里来，怎样得到，还有什么问题。"
HANT = "我們的目的是把原始的資料整理成可以使用的文字，並且說明它從哪裡來，怎樣得到，還有什麼問題。"
JA = "この文書では、データがどこから来たのか、またどのように使うことができるのかを説明しています。"
KO = "이 문서는 데이터가 어디에서 왔는지, 그리고 어떻게 사용할 수 있는지를 설명하고 있습니다."
RU = "Этот документ объясняет, откуда взяты данные и как их можно использовать в дальнейшей работе."
FR = "Les données, après avoir été nettoyées, sont publiées à côté de leurs règles d'accès et de leur créateur."
PL = "Każdy człowiek ma prawo do wolności poglądów i wypowiedzi, które może rozpowszechniać wszelkimi środkami."
TEXTS = {
    "gb18030": ZH, "big5hkscs": HANT, "euc_jp": JA, "cp932": JA, "cp949": KO, "cp1251": RU, "koi8-r": RU,
    "cp1252": FR, "iso8859-2": PL,
}  # fmt: skip
LABELS = {
    "gb18030": "gb2312", "big5hkscs": "Big5", "euc_jp": "euc-jp", "cp932": "shift_jis", "cp949": "euc-kr",
    "cp1251": "windows-1251", "koi8-r": "koi8-r", "cp1252": "ISO-8859-1", "iso8859-2": "iso-8859-2", "utf-8": "utf-8",
}  # fmt: skip


def page(text: str, label: str | None) -> str:
    meta = f'<meta charset="{label}">' if label else ""
    return f"<html><head>{meta}</head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("name", "label"),
    # Latin letters alone do not tell Latin-1 from Latin-2: there the declaration stands.
    [(n, d) for n in TEXTS for d in (None, "right", "utf-8", "ascii") if (n, d) != ("iso8859-2", "ascii")],
)
def test_decode__what_a_page_declares_nothing_and_wrong(name: str, label: str | None) -> None:
    html = page(TEXTS[name], LABELS[name] if label == "right" else label)
    assert decode(html.encode(name)) == html


@pytest.mark.parametrize("label", ["gb2312", "big5", "iso-8859-1", "windows-1251", "shift_jis"])
@pytest.mark.parametrize("text", [ZH, RU, FR, "Café", "数据"])
def test_decode__valid_utf8_overrules_any_declaration(text: str, label: str) -> None:
    html = page(text, label)
    assert decode(html.encode()) == html
    assert decode(page(text, None).encode(), label) == page(text, None)


@pytest.mark.parametrize(
    ("text", "name", "label"), [(HANT, "big5hkscs", "gb2312"), (ZH, "gb18030", "big5"), (KO, "cp949", "gbk")]
)
def test_decode__the_wrong_one_of_two_that_take_any_bytes(text: str, name: str, label: str) -> None:
    html = page(text, label)
    assert decode(html.encode(name)) == html


def test_decode__one_damaged_byte_costs_one_character() -> None:
    for name, label in (("gb18030", "gb2312"), ("utf-8", "utf-8"), ("utf-8", None), ("big5hkscs", "big5")):
        text = HANT if name == "big5hkscs" else ZH
        html = page(text, label)
        assert (
            decode(html.encode(name).replace("数据".encode(name), "数".encode(name) + b"\xff", 1)) != ""
            if text is ZH
            else 1
        )
        damaged = decode(html.encode(name) + b"<p>\xff</p>")
        assert damaged.startswith(html)
        assert damaged.count("\ufffd") == 1


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", [ZH, FR])
def test_decode__wide_characters_with_and_without_a_mark(name: str, text: str) -> None:
    html = page(text, "utf-16")
    assert decode(html.encode(name)) == html
    assert encoding_of(html.encode(name)).found == ("bytes" if name.endswith("e") else "bom")


def test_encoding_of__order_of_what_declares() -> None:
    both = page("été", "iso-8859-15").encode("cp1252")
    assert encoding_of(both, "windows-1254") == ("cp1254", "http")
    assert encoding_of(both) == ("iso8859-15", "meta")
    assert encoding_of(both, "no-such-charset") == ("iso8859-15", "meta")
    assert encoding_of(b"\xef\xbb\xbf" + both, "windows-1254") == ("utf-8", "bom")
    xml = b'<?xml version="1.0" encoding="windows-1250"?><p>\xe9t\xe9 \xe9t\xe9</p>'
    assert encoding_of(xml) == ("cp1250", "meta")
    hidden = b"<!-- <meta charset=gbk> --><meta http-equiv=Content-Type content='text/html; charset=windows-1252'>\xe9"
    assert encoding_of(hidden) == ("cp1252", "meta")
    assert encoding_of(b"<meta charset=utf-16><p>\xe9t\xe9 fut").found == "guess"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("GB2312", "gb18030"),
        ("x-gbk", "gb18030"),
        ("big5-hkscs", "big5hkscs"),
        ("latin1", "cp1252"),
        ("us-ascii", "cp1252"),
        ("iso-8859-9", "cp1254"),
        ("tis-620", "cp874"),
        ("ks_c_5601-1987", "cp949"),
        ("UTF8", "utf-8"),
        ("hz-gb-2312", "hz"),
        ("bogus", None),
        ("", None),
    ],
)
def test_codec__labels_mean_what_browsers_take_them_to_mean(label: str, name: str | None) -> None:
    assert codec(label) == name


def test_decode__escapes_of_seven_bit_encodings() -> None:
    html = page(JA, None)
    assert decode(html.encode("iso2022_jp")) == html
    html = page(ZH, "hz-gb-2312")
    assert decode(html.encode("hz")) == html


@given(st.binary(max_size=400), st.sampled_from([None, "gbk", "utf-16", "euc-jp", "hz", "iso-2022-jp", "x"]))
def test_decode__any_bytes_give_text_that_can_be_stored(raw: bytes, label: str | None) -> None:
    text = decode(raw, label)
    assert text.encode().decode() == text


@given(st.text(max_size=200), st.sampled_from([None, "gbk", "big5", "iso-8859-1"]))
def test_decode__long_enough_utf8_is_never_changed(text: str, label: str | None) -> None:
    html = page(text.replace("\0", "") + ZH, label).removeprefix("\ufeff")
    assert decode(html.encode()) == html


@pytest.mark.parametrize("label", ["iso-8859-1", "windows-1252"])
@pytest.mark.parametrize(
    "body",
    [
        "<p>·\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0 Présenté</p>" * 10,
        "<p>Résumé ·········· 12</p>",
        "<p>Résumé ·········· 12</p><p>Méthode ·········· 14</p>" * 5,
        "<h1>ÉÈÀÇÙ ÂÊÎÔÛ ÄËÏÖÜ</h1>" * 4,
        "<h1>FØRSTE ÅR PÅ ØLAND, ÆRØ ÅÅÅ</h1>" * 4,
        "·" * 100 + " café crème",
        "éèàçùâêîôû äëïöü åøæ ñ " * 10,
        "<td>5 £</td><td>±½ °</td>" * 60 + "Température à l'été",
    ],
)
def test_decode__rightly_declared_latin_is_believed(label: str, body: str) -> None:
    html = page(body, label)
    assert decode(html.encode("cp1252")) == html
    assert decode(page(body, None).encode("cp1252"), label) == page(body, None)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (RU, "cp1251"),
        (RU.upper(), "cp1251"),
        (RU, "koi8-r"),
        ("Αυτό το έγγραφο εξηγεί από πού προέρχονται τα δεδομένα", "iso8859-7"),
        ("สวัสดีชาวโลก ยินดีต้อนรับสู่เว็บไซต์ของเรา", "cp874"),
        ("שלום עולם, ברוכים הבאים לאתר שלנו בעברית", "cp1255"),
        ("مرحبا بالعالم، أهلا وسهلا بكم في موقعنا باللغة العربية", "cp1256"),
        (ZH, "gb18030"),
        (HANT, "big5hkscs"),
    ],
)
def test_decode__a_default_of_latin_1_on_another_script_is_overruled(text: str, name: str) -> None:
    html = page(text, "iso-8859-1")
    assert decode(html.encode(name)) == html
