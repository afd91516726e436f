"""Cleaning: wrong decodings undone, Unicode normalised, what cannot be seen removed, blanks and line breaks
evened out."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.kernels import scrub as k
from aigc_data.kernels.codepoints import DIGIT, TABLES, UNSPACED, WORD
from aigc_data.text.arrow import strings_from, text_buffers
from aigc_data.text.mojibake import clue_table, repair

Form = Literal["NFC", "NFKC", "none"]

#: Names of the rules that can change a text, in the order in which they are listed. The first two are bits 5
#: and 6.
RULES = (
    ("mojibake", 64),
    ("nfc", 32),
    ("control", k.DID_CONTROL),
    ("zero-width", k.DID_ZERO_WIDTH),
    ("bidi", k.DID_BIDI),
    ("whitespace", k.DID_WHITESPACE),
    ("newline", k.DID_NEWLINE),
)
#: One pass may uncover work for another (a combining mark behind a removed character). Two rounds are common,
#: three rare.
MAX_ROUNDS = 8

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


@dataclass(frozen=True)
class Cleaned:
    """Texts (large_string, none null) and, for each, the bits of RULES that changed it (uint8)."""

    texts: pa.LargeStringArray
    masks: np.ndarray


def clean(texts: pa.Array | pa.ChunkedArray, *, form: Form, mojibake: bool) -> Cleaned:
    """Clean n strings; a null becomes the empty text. `clean(clean(x)) == clean(x)`.

    Rows that a fast scan flags are normalised (UAX #15) and repaired in Python; the rest happens in one
    kernel pass.
    """
    data, offsets = text_buffers(texts)
    table = _inspection(form, mojibake)
    current = strings_from(data, offsets)
    masks = np.zeros(len(current), np.uint8)
    pending = np.arange(len(current))
    for _ in range(MAX_ROUNDS):
        part = current if len(pending) == len(current) else current.take(pa.array(pending))
        part, did = _once(part, form, mojibake)
        masks[pending] |= did
        if len(pending) == len(current):
            current = part
        else:
            current = _replace(current, pending, part)
        again = did > (k.DID_WHITESPACE | k.DID_NEWLINE)
        again |= (did & (k.DID_CONTROL | k.DID_ZERO_WIDTH | k.DID_BIDI)) != 0
        # Blanks alone uncover nothing, except where a run that became one now ends a wrongly decoded
        # sequence.
        spaced = np.flatnonzero((did != 0) & ~again)
        again[spaced] = k.inspect(*text_buffers(part.take(pa.array(spaced))), table) != 0
        pending = pending[again]
        if not len(pending):
            break
    return Cleaned(current, masks)


def changed_rules(masks: np.ndarray) -> pa.ListArray:
    """list<string>[n]: the names of the bits in each mask, [] for none."""
    # There are 128 possible lists; each is made once.
    used, which = np.unique(masks, return_inverse=True)
    lists = pa.array([[name for name, bit in RULES if mask & bit] for mask in used.tolist()], pa.list_(pa.string()))
    return lists.take(pa.array(which)) if len(masks) else pa.array([], pa.list_(pa.string()))


def _once(texts: pa.LargeStringArray, form: Form, mojibake: bool) -> tuple[pa.LargeStringArray, np.ndarray]:
    """One round: repair, normalise, scrub; (texts, mask of what it did)."""
    data, offsets = text_buffers(texts)
    flags = k.inspect(data, offsets, _inspection(form, mojibake))
    did = np.zeros(len(flags), np.uint8)
    rows, changed = [], []
    for row in np.flatnonzero(flags):  # the few rows with a combining mark, a compatibility form or a suspicious pair
        before = text = texts[int(row)].as_py()
        if flags[row] & k.SEEN_MOJIBAKE:
            text = repair(text)
            did[row] |= 64 if text != before else 0
        if form != "none":
            normal = unicodedata.normalize(form, text)
            did[row] |= 32 if normal != text else 0
            text = normal
        if did[row]:
            rows.append(row)
            changed.append(text)
    if rows:
        texts = _replace(texts, np.array(rows), pa.array(changed, pa.large_string()))
        data, offsets = text_buffers(texts)
    out, out_offsets, masks = k.scrub(data, offsets, _classes())
    return strings_from(out, out_offsets), did | masks


def _replace(texts: pa.LargeStringArray, rows: np.ndarray, by: pa.LargeStringArray) -> pa.LargeStringArray:
    mask = np.zeros(len(texts), bool)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), by)


@cache
def _inspection(form: Form, mojibake: bool) -> np.ndarray:
    """uint32[0x110000] for kernels.scrub.inspect: clues of mojibake, and what a quick check cannot call
    normalised."""
    table = clue_table().copy() if mojibake else np.zeros(0x110000, np.uint32)
    if form != "none":
        for code_point in range(0x80, 0x110000):
            if 0xD800 <= code_point < 0xE000 or code_point >= 0x30000:
                continue
            character = chr(code_point)
            if unicodedata.combining(character) or unicodedata.normalize(form, character) != character:
                table[code_point] |= k.DENORMAL
            parts = unicodedata.decomposition(character).split()
            if len(parts) == 2 and not parts[0].startswith("<"):
                table[int(parts[1], 16)] |= k.DENORMAL  # may compose with what stands before it
        table[0x1161:0x1176] |= k.DENORMAL  # Hangul vowels and final consonants compose by rule, not by table
        table[0x11A8:0x11C3] |= k.DENORMAL
    table.setflags(write=False)
    return table


@cache
def _classes() -> np.ndarray:
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
