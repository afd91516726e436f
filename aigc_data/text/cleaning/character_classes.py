"""What cleaning knows of each code point: tables for the kernels that inspect and scrub."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Literal

import numpy as np

from aigc_data.kernels import scrub as k
from aigc_data.kernels.codepoints import DIGIT, TABLES, UNSPACED, WORD
from aigc_data.text.cleaning.mojibake_clues import clue_table

Form = Literal["NFC", "NFKC", "none"]

# Scripts in which a joiner changes the shape of a letter (Unicode 16, 9.2, 12.1 and 23.2).
_JOINING = (
    (0x0600, 0x085F), (0x0860, 0x08FF), (0x0900, 0x0DFF), (0x0F00, 0x109F), (0x1780, 0x18AF),
    (0x1A20, 0x1AAF), (0x1B00, 0x1C4F), (0xA840, 0xA8FF), (0xA980, 0xA9FF), (0xFB50, 0xFDFF),
    (0xFE70, 0xFEFC), (0x10A00, 0x10AFF), (0x11000, 0x1147F), (0x11480, 0x114DF), (0x11580, 0x1173F),
    (0x1E900, 0x1E95F),
)  # fmt: skip
_VIRAMAS = (
    0x094D, 0x09CD, 0x0A4D, 0x0ACD, 0x0B4D, 0x0BCD, 0x0C4D, 0x0CCD, 0x0D4D, 0x0DCA, 0x1039, 0x103A, 0x17D2,
)  # fmt: skip
# Scripts that mark word boundaries with a zero-width space: Thai, Lao, Tibetan, Myanmar, Khmer.
_BREAKING = ((0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF))
_EMOJI = (
    (0xA9, 0xA9), (0xAE, 0xAE), (0x203C, 0x203C), (0x2049, 0x2049), (0x20E3, 0x20E3), (0x2122, 0x2122),
    (0x2139, 0x2139), (0x2190, 0x21FF), (0x2300, 0x23FF), (0x25A0, 0x27BF),
    (0x2900, 0x297F), (0x2B00, 0x2BFF), (0x3030, 0x3030), (0x303D, 0x303D),
    (0xFE0F, 0xFE0F), (0x1F000, 0x1FAFF),
)  # fmt: skip
_BLANKS = (0x09, 0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_LINE_BREAKS = (0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029)
_INVISIBLE = (0xAD, 0x180E, *range(0x2060, 0x2066), *range(0x206A, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC))
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))


def normalised(text: str, form: Form) -> str:
    """`text` in a normalisation form."""
    return text if form == "none" else unicodedata.normalize(form, text)


def with_runs_in_order(text: str) -> str:
    """`text` with the marks of its long runs in canonical order, which is the same text to every form.

    CPython puts marks in order by inserting one after the other: ten seconds for 80,000 of them behind one letter.
    """
    return _long_runs().sub(_in_order, text)


def _in_order(run: re.Match[str]) -> str:
    return "".join(sorted(run[0], key=unicodedata.combining))  # stable, as the canonical order is


@cache
def _long_runs() -> re.Pattern[str]:
    marks = "".join(character for character in map(chr, range(0x110000)) if unicodedata.combining(character))
    return re.compile(f"[{re.escape(marks)}]{{{k.LONGEST_RUN + 1},}}")


@cache
def inspection(form: Form, mojibake: bool) -> np.ndarray:
    """uint64[0x110000] for kernels.scrub.inspect: clues of mojibake, and what a quick check of the form needs."""
    table = clue_table().copy() if mojibake else np.zeros(0x110000, np.uint64)
    if form != "none":
        for code_point in range(0x80, 0x110000):
            if 0xD800 <= code_point < 0xE000 or code_point >= 0x30000:
                continue
            character = chr(code_point)
            table[code_point] |= np.uint64(unicodedata.combining(character) << k.CLASS_SHIFT)
            if unicodedata.normalize(form, character) != character:
                table[code_point] |= np.uint64(k.DENORMAL)
            parts = unicodedata.decomposition(character).split()
            if len(parts) != 2 or parts[0].startswith("<"):
                continue
            # Some pairs are excluded from composition (UAX #15, 5): Bengali and Devanagari are full of them.
            if unicodedata.normalize(form, "".join(chr(int(part, 16)) for part in parts)) == character:
                table[int(parts[0], 16)] |= np.uint64(k.BASE)
                table[int(parts[1], 16)] |= np.uint64(k.COMPOSES)
        # Hangul composes by rule, not by table: lead and vowel, then a final consonant.
        table[0x1100:0x1113] |= np.uint64(k.BASE)
        table[0xAC00:0xD7A4] |= np.uint64(k.BASE)
        table[0x1161:0x1176] |= np.uint64(k.COMPOSES)
        table[0x11A8:0x11C3] |= np.uint64(k.COMPOSES)
    table.setflags(write=False)
    return table


@cache
def classes() -> np.ndarray:
    """uint8[0x110000] for kernels.scrub.scrub."""
    pages, flags, _ = TABLES
    properties = flags[(pages[np.arange(0x110000) >> 8].astype(np.int64) << 8) | (np.arange(0x110000) & 255)]
    in_words = ((properties & (WORD | UNSPACED)) != 0) & ((properties & DIGIT) == 0)
    table = np.zeros(0x110000, np.uint8)
    for ranges, bit in ((_JOINING, k.JOINS), (_BREAKING, k.BREAKS)):
        for first, last in ranges:
            table[first : last + 1] |= np.where(in_words[first : last + 1], np.uint8(bit), np.uint8(0))
    table[list(_VIRAMAS)] |= k.VIRAMA | k.JOINS
    for first, last in _EMOJI:
        table[first : last + 1] |= k.EMOJI
    noncharacters = [plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF)]
    for members, kind in (
        ([*range(0x20), *range(0x7F, 0xA0), *range(0xFDD0, 0xFDF0), *noncharacters], k.CONTROL),
        (_BLANKS, k.BLANK),
        (_LINE_BREAKS, k.LINE_BREAK),
        (_INVISIBLE, k.INVISIBLE),
        (_BIDI, k.BIDI),
        ((0x200C,), k.ZWNJ),
        ((0x200D,), k.ZWJ),
        ((0x200B,), k.ZWSP),
        (range(0xE0000, 0xE0080), k.TAG),
    ):
        table[list(members)] = kind
    table.setflags(write=False)
    return table
