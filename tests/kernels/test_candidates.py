"""The candidate scan against plain regular expressions over whole texts."""

import re

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels import candidates as kernel
from aigc_data.kernels.candidates import AT, COLON, NUMBER, SEPARATORS_BEYOND_ASCII, find_candidates
from aigc_data.kernels.codepoints import TABLES, UNSPACED, WORD, flags_of
from aigc_data.text.arrow import text_buffers

SEPARATORS = "".join(map(chr, SEPARATORS_BEYOND_ASCII)) + kernel.SEPARATORS_IN_ASCII
RUN = re.compile(f"[0-9０-９](?:[{re.escape(SEPARATORS)}]{{0,3}}[0-9０-９])*")
COLONS = re.compile(r"[0-9A-Fa-f:.]+")
LOCAL = r"(?:[A-Za-z0-9._%+'\-]|[Ａ-Ｚａ-ｚ０-９．＿％＋＇－])"
HOST = r"(?:[A-Za-z0-9\-]|[Ａ-Ｚａ-ｚ０-９－])"
ADDRESS = re.compile(f"(?<={LOCAL})[@＠](?={HOST}{{1,200}}[.．](?:{HOST}{{2}}|{HOST}?[.．]))")


def plain(text: str) -> set[tuple[int, str, int]]:
    """(kind, candidate, code point) by regular expressions over the whole text."""
    found = set()
    for m in RUN.finditer(text):
        digits, dots = len(re.findall("[0-9０-９]", m[0])), len(re.findall("[.．]", m[0]))
        if digits >= 7 or (digits >= 4 and dots >= 3):
            found.add((NUMBER, m[0], m.start()))
    found |= {(AT, m[0], m.start()) for m in ADDRESS.finditer(text)}
    for m in COLONS.finditer(text):
        if ("::" in m[0] or m[0].count(":") >= 6) and re.search("[0-9]", m[0]):
            found.add((COLON, m[0], m.start()))
    return found


def scanned(texts: list[str]) -> tuple[list[set[tuple[int, str, int]]], np.ndarray]:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    found, tokens = find_candidates(data, offsets)
    rows: list[set[tuple[int, str, int]]] = [set() for _ in texts]
    raw = data.tobytes()
    for kind, row, first, last, point, _ in found.tolist():
        rows[row].add((kind, raw[first:last].decode(), point))
    return rows, tokens


PIECES = st.sampled_from(
    [
        *"0123456789",
        *"abcfxzAF@.:-+_ ()",
        "：",
        "＠",
        "．",
        "３",
        "８",
        "汉",
        "。",
        "😀",
        "é",
        "\n",
        "\u200b",
        "\u3000",
        "－",
        "ａ",
        "13812345678",
        "::",
        "a@b.cn",
        "1.2.3.4",
        "我的",
        " phone ",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=30).map("".join), max_size=5))
def test_find_candidates__equals_regular_expressions(texts: list[str]) -> None:
    rows, _ = scanned(texts)
    assert rows == [plain(text) for text in texts]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=4))
def test_find_candidates__equals_regular_expressions_on_any_text(texts: list[str]) -> None:
    rows, tokens = scanned(texts)
    assert rows == [plain(text) for text in texts]
    for text, count in zip(texts, tokens, strict=True):
        flags = [int(flags_of.py_func(ord(char), TABLES)) for char in text]
        before = [0, *flags]
        assert count == sum(
            bool(f & UNSPACED) or (bool(f & WORD) and not b & WORD) for f, b in zip(flags, before, strict=False)
        )


def test_find_candidates__slices_and_empty() -> None:
    whole = pa.array(["x", "电话13812345678", "", "😀a@b.cn"], pa.large_string())
    data, offsets = text_buffers(whole.slice(1))
    found, tokens = find_candidates(data, offsets)
    assert found[:, [0, 1, 4]].tolist() == [[NUMBER, 0, 2], [AT, 2, 2]]
    assert tokens.tolist() == [3, 0, 3]
    found, tokens = find_candidates(*text_buffers(pa.array([], pa.large_string())))
    assert found.shape == (0, kernel.WIDTH)
    assert tokens.shape == (0,)


def test_is_wide_separator__is_the_table() -> None:
    beyond = {c for c in range(0x80, 0x11000) if kernel._is_wide_separator.py_func(c)}
    assert beyond == set(SEPARATORS_BEYOND_ASCII)
