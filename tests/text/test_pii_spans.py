"""Spans and their redaction: literal rows in both languages, the full scan, idempotence, hostile input."""

import re
import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels.candidates import AT, COLON, NUMBER, SEPARATORS_BEYOND_ASCII
from aigc_data.text.pii import KINDS, RELEASE_CONFIDENCE, find_spans, redact, scrub, scrub_json
from aigc_data.text.pii.cards import check_digit_gb11643, is_luhn, issuer_of
from aigc_data.text.pii.finding import resolve_overlaps
from aigc_data.text.pii.scan import detectors_for, look

ID = "11010519491231002X"  # the specimen of GB 11643-1999


def found(text: str, least: int = RELEASE_CONFIDENCE) -> list[tuple[str, str]]:
    spans, _ = find_spans(pa.array([text], pa.large_string()))
    return [(s["kind"], text[s["start"] : s["end"]]) for s in spans[0].as_py() if s["confidence"] >= least]


def redacted(text: str, **actions: str) -> str:
    return scrub(pa.array([text], pa.large_string()), actions=actions)[0].as_py()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我的手机号是13812345678，邮箱a@b.cn。", [("phone", "13812345678"), ("email", "a@b.cn")]),
        ("😀😀请发到李四zhang.san@例子及li-4@mail.com.cn吧", [("email", "li-4@mail.com.cn")]),
        (
            "手机１３８１２３４５６７８，邮箱ｚｓ＠ｍａｉｌ．ｃｎ",
            [("phone", "１３８１２３４５６７８"), ("email", "ｚｓ＠ｍａｉｌ．ｃｎ")],
        ),
        ("电话：138 1234 5678或者+86-139-8765-4321", [("phone", "138 1234 5678"), ("phone", "+86-139-8765-4321")]),
        (
            "座机（010）6278-1234，或0571-87654321转8001",
            [("phone", "（010）6278-1234"), ("phone", "0571-87654321转8001")],
        ),
        ("联系电话0571 87654321", [("phone", "0571 87654321")]),
        ("隐形1\u200b3\u200b8\u200b12345678字符", [("phone", "1\u200b3\u200b8\u200b12345678")]),
        ("Call (212) 555-0123 or 212-456-7890 x12.", [("phone", "(212) 555-0123"), ("phone", "212-456-7890 x12")]),
        (
            "London +44 20 7946 0958, Paris +33 1 42 68 53 00",
            [("phone", "+44 20 7946 0958"), ("phone", "+33 1 42 68 53 00")],
        ),
        ("Phone: 467 3395", [("phone", "467 3395")]),
        (f"身份证{ID}，已核验", [("cn_resident_id", ID)]),
        ("id 110105 19491231 002x ok", [("cn_resident_id", "110105 19491231 002x")]),
        ("身份证号码为110105194912310021。", [("cn_resident_id", "110105194912310021")]),
        ("老身份证：110105491231002", [("cn_resident_id", "110105491231002")]),
        (
            "Visa 4111 1111 1111 1111, Amex 378282246310005",
            [("bank_card", "4111 1111 1111 1111"), ("bank_card", "378282246310005")],
        ),
        ("银联卡号６２２２０２１２３４５６７８９０１２８。", [("bank_card", "６２２２０２１２３４５６７８９０１２８")]),
        ("服务器114.114.114.114正常", [("ip", "114.114.114.114")]),
        ("from 2606:4700:4700::1111: timeout, 83.12.9.77:8080", [("ip", "2606:4700:4700::1111"), ("ip", "83.12.9.77")]),
    ],
)
def test_find_spans__finds(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "订单号20200101123456，共13812345678901元",
        "流水号110105194912310021",
        "版本1.2.3.4与version 10.20.30.40, v83.12.9.77, lib-83.12.9.77",
        "第1.2.3.4节 192.168.1.1 127.0.0.1 203.0.113.7 10.1.2.3 ::1 fe80::1 2001:db8::1",
        "std::vector a[1::2] 12:30:45 aa:bb:cc:dd:ee:ff abc::def",
        "π 3.14159265358979 and 0.4242424242424242, 1e13812345678",
        "ISBN 978-7-302-51234-7, 2021-01-02 12:30:45.123456, 1609459200000",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
        "logo@2x.png @user a@b @media foo@bar.baz1",
        "xxx@xxx.xxx 000-000-0000 电话：00000000",
        "uuid 123e4567-e89b-12d3-a456-426614174000",
        "commit 13812345678abcdef, id_13812345678, https://host.example/13812345678",
        "call 2020-01-02, 电话会议于20200102举行",
    ],
)
def test_find_spans__leaves_alone(text: str) -> None:
    assert found(text) == []


def test_find_spans__low_confidence_is_noted() -> None:
    assert found("127.0.0.1 和 version 4.5.6.7", least=0) == [("ip", "127.0.0.1"), ("ip", "4.5.6.7")]
    assert found("git clone git@host.com:a/b", least=0) == [("email", "git@host.com")]


def test_find_spans__shapes_and_nulls() -> None:
    spans, tokens = find_spans(pa.chunked_array([["a@b.cn", None], ["", "无"]], pa.string()))
    assert [len(s) for s in spans.to_pylist()] == [1, 0, 0, 0]
    assert spans.null_count == 0
    assert tokens.tolist() == [3, 0, 0, 1]
    spans, tokens = find_spans(pa.array([], pa.large_string()))
    assert (len(spans), len(tokens)) == (0, 0)


def test_find_spans__only_the_kinds_and_regions_asked_for() -> None:
    texts = pa.array(["13812345678 a@b.cn (212) 555-0123"], pa.large_string())
    assert [s["kind"] for s in find_spans(texts, kinds=["email"])[0][0].as_py()] == ["email"]
    assert len(find_spans(texts, kinds=["phone"], regions=("US",))[0][0].as_py()) == 1
    with pytest.raises(ValueError, match="unknown kinds"):
        find_spans(texts, kinds=["iris"])


def test_check_digits__standards() -> None:
    assert check_digit_gb11643(ID[:17]) == "X"
    assert [n for n in range(10) if is_luhn(f"7992739871{n}")] == [3]
    numbers = ("6222021234567890128", "4111111111111111", "378282246310005", "2221000000000009", "9" * 16)
    assert [issuer_of(n) for n in numbers] == ["unionpay", "visa", "amex", "mastercard", ""]


# --- the windowed scan finds what a scan of whole texts finds

_SEPARATORS = re.escape(" -.()" + "".join(map(chr, SEPARATORS_BEYOND_ASCII)))
_RUNS = {
    NUMBER: re.compile(f"[0-9０-９](?:[{_SEPARATORS}]{{0,3}}[0-9０-９])*"),
    AT: re.compile("[@＠]"),
    COLON: re.compile("[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"),
}


def full_scan(text: str) -> list[tuple[str, int, int]]:
    """Every run of the whole text goes to every detector; no kernel, no prefilter."""
    detectors = detectors_for(KINDS)
    findings = []
    for kind, pattern in _RUNS.items():
        for m in pattern.finditer(text):
            digits = len(re.findall("[0-9０-９]", m[0]))
            for one in look(kind, text[: m.start()], m[0], text[m.end() :], digits, detectors[kind]):
                findings.append(one._replace(start=one.start + m.start(), end=one.end + m.start()))
    return [(f.kind, f.start, f.end) for f in resolve_overlaps(findings)]


VALUES = st.sampled_from(
    [
        "13812345678",
        "138 1234 5678",
        "a.b@c-d.cn",
        "ｘ＠ｙ．ｃｎ",
        ID,
        "6222021234567890128",
        "4111 1111 1111 1111",
        "83.12.9.77",
        "2606:4700:4700::1111",
        "::ffff:83.12.9.77",
        "(212) 555-0123",
        "+86 139 8765 4321",
        "0571-87654321",
        "１３８１２３４５６７８",
        "467 3395",
        "110105194912310021",
        "10.0.0.1",
        "0494 92 82 32",
        "001-518-640-0854",
    ]
)
FILLER = st.sampled_from(
    [
        "",
        " ",
        "，",
        "我的手机号是",
        "电话：",
        "phone: ",
        "身份证号",
        "卡号",
        "😀",
        "𠮷",
        "\n",
        "x",
        "-",
        ".",
        ":",
        "@",
        "+",
        "(",
        "7",
        "é",
        "version ",
        "card ",
        "\u200b",
        "\u3000",
        "文" * 45,
        "w " * 30,
        "a" * 70,
        "/",
        "_",
    ]
)
TEXTS = st.lists(st.one_of(VALUES, FILLER), max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_find_spans__equals_full_scan(texts: list[str]) -> None:
    spans, _ = find_spans(pa.array(texts, pa.large_string()))
    assert [[(s["kind"], s["start"], s["end"]) for s in row] for row in spans.to_pylist()] == [
        full_scan(t) for t in texts
    ]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(TEXTS, st.none()), max_size=4), st.sampled_from(["redact", "mask"]), st.sampled_from([0, 50]))
def test_redact__nothing_is_found_afterwards(texts: list[str | None], action: str, least: int) -> None:
    array = pa.array(texts, pa.large_string())
    spans, _ = find_spans(array)
    result = redact(array, spans, actions=dict.fromkeys(KINDS, action), min_confidence=least)
    again, _ = find_spans(result)
    assert [s for row in again.to_pylist() for s in row if s["confidence"] >= least] == []
    assert [t is None for t in result.to_pylist()] == [t is None for t in texts]
    if action == "mask":
        assert [len(t or "") for t in result.to_pylist()] == [len(t or "") for t in texts]


# --- redaction


def test_redact__actions_by_kind() -> None:
    text = f"𠮷手机13812345678，邮箱a.b1@c.cn，IP 83.12.9.77，{ID}"
    assert redacted(text) == "𠮷手机[PHONE]，邮箱[EMAIL]，IP [IP]，[CN_RESIDENT_ID]"
    assert (
        redacted(text, phone="mask", email="keep", ip="mask")
        == "𠮷手机00000000000，邮箱a.b1@c.cn，IP 00.00.0.00，[CN_RESIDENT_ID]"
    )
    assert redacted("x@y.cn a@b.cn@c.de", email="mask").count("0") == 0


def test_redact__adjacent_spans_and_uncertain_ones() -> None:
    assert redacted("13812345678a@b.cn") == "[EMAIL]"
    assert redacted("a@b.cn，13812345678") == "[EMAIL]，[PHONE]"
    assert redacted("127.0.0.1") == "127.0.0.1"
    texts = pa.array(["127.0.0.1"], pa.large_string())
    assert redact(texts, find_spans(texts)[0], actions={}, min_confidence=0).to_pylist() == ["[IP]"]


def test_redact__inputs_unchanged_and_errors() -> None:
    texts = pa.array(["a@b.cn", "keine", None], pa.large_string())
    spans, _ = find_spans(texts)
    assert redact(texts.slice(1), spans.slice(1), actions={}).to_pylist() == ["keine", None]
    assert redact(pa.chunked_array([texts]), pa.chunked_array([spans]), actions={}).to_pylist() == [
        "[EMAIL]",
        "keine",
        None,
    ]
    assert texts.to_pylist() == ["a@b.cn", "keine", None]
    with pytest.raises(ValueError, match="unknown actions"):
        redact(texts, spans, actions={"email": "burn"})
    with pytest.raises(ValueError, match="unknown kinds"):
        redact(texts, spans, actions={"mail": "mask"})


def test_scrub__urls() -> None:
    urls = pa.array(["https://x.org/?mail=a@b.cn&tel=13812345678", None, "https://x.org/"], pa.string())
    assert scrub(urls, actions={}).to_pylist() == ["https://x.org/?mail=[EMAIL]&tel=[PHONE]", None, "https://x.org/"]


def test_scrub_json__stays_json() -> None:
    given = [
        '{"phone":13812345678,"to":["x@y.com"],"n":5}',
        None,
        '{"t":"\\n13812345678"}',
        '{"a": 1}',
        "no json a@b.cn",
    ]
    expected = ['{"phone":"[PHONE]","to":["[EMAIL]"],"n":5}', None, '{"t":"\\n[PHONE]"}', '{"a": 1}', "no json [EMAIL]"]
    assert scrub_json(pa.array(given, pa.string()), actions={}).to_pylist() == expected
    masked = scrub_json(
        pa.array(['{"电话":{"号":"0571-87654321","m":13812345678}}'], pa.string()), actions={"phone": "mask"}
    )
    assert masked.to_pylist() == ['{"电话":{"号":"0000-00000000","m":"00000000000"}}']


@pytest.mark.parametrize(
    "piece",
    [
        "1 ",
        "1.1.",
        "@",
        "a@",
        "a@a.",
        "1-",
        "(1)",
        "::",
        "1:",
        "a:",
        "+1 ",
        "0",
        "aA1.",
        "1\u200b",
        "１　",
        "138 1234 ",
        "x@x.x-",
    ],
)
def test_find_spans__hostile_megabyte(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    texts = pa.array([text], pa.large_string())
    find_spans(texts.slice(0, 0))
    start = time.process_time()
    find_spans(texts)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("piece", ["4242 4242 ", "a@b.cn,", "13812345678 "])
def test_find_spans__values_wall_to_wall(piece: str) -> None:
    texts = pa.array([piece * (100_000 // len(piece))], pa.large_string())
    start = time.process_time()
    spans, _ = find_spans(texts)
    assert len(spans[0]) > 5000 / len(piece)
    assert time.process_time() - start < 5
