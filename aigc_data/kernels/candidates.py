"""Where personal data may begin: one pass over UTF-8 that finds runs of digits, at signs and colon-hex runs.

The kernel decides nothing about a value. It hands out places; validators look at a few code points around
each. What it promises is that no place is missed: `tests/kernels/test_candidates.py` holds it to plain
regular expressions.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import TABLES, UNSPACED, WORD, flags_of
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.utf8 import decode

NUMBER, AT, COLON = 1, 2, 3  # kinds of a candidate
#: Columns of a candidate: kind, row, first byte, byte after the last, code point of the first byte, digits in
#: it.
WIDTH = 6

#: A run of digits goes on over up to this many separators; a fourth ends it.
MAX_SEPARATORS = 3
#: Shorter runs cannot hold any value that is looked for, unless three dots make them an IPv4 address.
MIN_DIGITS = 7

#: Code points outside ASCII that stand for one inside it: half of the typing in Chinese is full-width, and a
#: copied number often has typographic dashes or blanks. Zero-width ones become U+200B.
SEPARATORS_BEYOND_ASCII = {
    0x00A0: " ",
    0x00AD: "\u200b",
    0x2009: " ",
    0x200A: " ",
    0x200B: "\u200b",
    0x200C: "\u200b",
    0x200D: "\u200b",
    0x2010: "-",
    0x2011: "-",
    0x2012: "-",
    0x2013: "-",
    0x2014: "-",
    0x2015: "-",
    0x202F: " ",
    0x2060: "\u200b",
    0x2212: "-",
    0x3000: " ",
    0xFEFF: "\u200b",
    0xFF08: "(",
    0xFF09: ")",
    0xFF0D: "-",
    0xFF0E: ".",
}
SEPARATORS_IN_ASCII = " -.()"

_DIGIT, _SEPARATOR, _HEX, _LOCAL, _DOMAIN, _WORD, _TRIGGER = 1, 2, 4, 8, 16, 32, 64


def _flags(code: int) -> int:
    pages, flags, _ = TABLES
    return int(flags[(int(pages[code >> 8]) << 8) | (code & 255)])


def _ascii_classes() -> np.ndarray:
    table = np.zeros(128, np.uint8)
    for code in range(128):
        char = chr(code)
        table[code] |= _DIGIT * char.isdigit()
        table[code] |= _SEPARATOR * (char in SEPARATORS_IN_ASCII)
        table[code] |= _HEX * (char in "0123456789abcdefABCDEF:.")
        table[code] |= _LOCAL * (char.isalnum() or char in "._%+'-")
        table[code] |= _DOMAIN * (char.isalnum() or char in "-.")
        table[code] |= _TRIGGER * (char.isdigit() or char in "@:")
        table[code] |= _WORD * bool(_flags(code) & WORD)
    table.setflags(write=False)
    return table


_ASCII = _ascii_classes()


def find_candidates(data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(candidates int64[c, 6], tokens int64[n]) of n texts; candidates in order of row.

    A NUMBER candidate is a run of digits (ASCII or full-width) with up to three separators between them that
    has at least seven digits, or four digits and three dots. An AT candidate is an at sign with a local
    part's character before and a dotted name after it. A COLON candidate is a run of hexadecimal digits,
    colons and dots with a digit in it and "::" or six colons. Tokens are counted as everywhere: a run of word
    characters, or one character of an unspaced script.
    """
    found = np.empty((64 + len(data) // 256, WIDTH), np.int64)
    count, tokens = _scan(data, offsets, _ASCII, TABLES, found)
    if count > len(found):
        found = np.empty((count, WIDTH), np.int64)
        count, tokens = _scan(data, offsets, _ASCII, TABLES, found)
    return found[:count], tokens


@inlined
def _is_wide_separator(code):  # type: ignore[no-untyped-def]
    # Spelt out because a set or an array lookup costs more here; a test compares it with the table above.
    if code < 0x2000:
        return code == 0xA0 or code == 0xAD
    if code < 0x3000:
        return (0x2009 <= code <= 0x200D) or (0x2010 <= code <= 0x2015) or code in (0x202F, 0x2060, 0x2212)
    return code in (0x3000, 0xFEFF, 0xFF08, 0xFF09, 0xFF0D, 0xFF0E)


@inlined
def _joins(data, at, stop, classes, wanted):  # type: ignore[no-untyped-def]
    """Width of the sequence at `at` when it is of the wanted class, ASCII or full-width; 0 otherwise."""
    if at >= stop:
        return 0
    byte = data[at]
    if byte < 0x80:
        return 1 if classes[byte] & wanted else 0
    if byte == 0xEF and at + 3 <= stop:
        code, _ = decode(data, at)
        if 0xFF01 <= code <= 0xFF5E and classes[code - 0xFEE0] & wanted:
            return 3
    return 0


@kernel
def _is_at(data, start, stop, at, width, classes):  # type: ignore[no-untyped-def]
    """Could an e-mail address lie around the at sign that begins at byte `at`?"""
    before = at - 1
    if before < start:
        return False
    if data[before] >= 0x80:
        if before - 2 < start:
            return False
        if _joins(data, before - 2, at, classes, _LOCAL) != 3:
            return False
    elif not classes[data[before]] & _LOCAL:
        return False
    position = at + width
    limit = min(stop, position + 800)
    dots = 0
    since_dot = 0
    first = True
    while position < limit:
        step = _joins(data, position, stop, classes, _DOMAIN)
        if step == 0:
            break
        is_dot = data[position] == 0x2E or (step == 3 and data[position + 1] == 0xBC and data[position + 2] == 0x8E)
        if is_dot:
            if first:
                return False
            if dots > 0 and since_dot >= 2:
                return True
            dots += 1
            since_dot = 0
        else:
            since_dot += 1
        first = False
        position += step
    return (dots > 0 and since_dot >= 2) or dots > 1


@kernel
def _colon_run(data, start, stop, at, classes):  # type: ignore[no-untyped-def]
    """(first byte, byte after the last, digits) of the colon-hex run around `at`; no digits: no candidate."""
    first = at
    while first > start and data[first - 1] < 0x80 and classes[data[first - 1]] & _HEX:
        first -= 1
    last = at
    colons = 0
    digits = 0
    doubled = False
    position = first
    while position < stop and data[position] < 0x80 and classes[data[position]] & _HEX:
        if data[position] == 0x3A:
            colons += 1
            doubled = doubled or (position > first and data[position - 1] == 0x3A)
        elif classes[data[position]] & _DIGIT:
            digits += 1
        position += 1
    last = position
    if not (doubled or colons >= 6):
        digits = 0
    return first, last, digits


@kernel
def _number_run(data, stop, at, classes):  # type: ignore[no-untyped-def]
    """(byte after the last digit, digits, dots between digits) of the run that begins with the digit at byte
    `at`.
    """
    end, digits, dots, pending_dots, separators = at, 0, 0, 0, 0
    while at < stop:
        code, width = decode(data, at)
        if code < 0x80:
            digit = (classes[code] & _DIGIT) != 0
            separator = (classes[code] & _SEPARATOR) != 0
        else:
            digit = 0xFF10 <= code <= 0xFF19
            separator = _is_wide_separator(code)
        if digit:
            digits += 1
            dots += pending_dots
            pending_dots = 0
            separators = 0
            end = at + width
        else:
            separators += 1
            pending_dots += code == 0x2E or code == 0xFF0E
            if not separator or separators > MAX_SEPARATORS:
                break
        at += width
    return end, digits, dots


@kernel
def _scan(data, offsets, classes, tables, found):  # type: ignore[no-untyped-def]
    """(candidates, tokens); fills `found` as far as it reaches, so that the caller can come back with a
    longer one.
    """
    rows = len(offsets) - 1
    tokens = np.zeros(rows, np.int64)
    count = 0
    for row in range(rows):
        start, stop = offsets[row], offsets[row + 1]
        at = start
        point = np.int64(0)
        in_word = np.uint8(0)
        row_tokens = np.int64(0)
        run_end = start
        colon_end = start
        while at < stop:
            byte = data[at]
            width = np.int64(1)
            kind, last, digits, first = 0, at + 1, np.int64(0), at
            if byte < 0x80:
                flags = classes[byte]
                word = (flags & _WORD) >> 5
                row_tokens += word & (in_word ^ 1)
                in_word = word
                if not flags & _TRIGGER:
                    at += 1
                    point += 1
                    continue
                if flags & _DIGIT:
                    if at >= run_end:
                        kind = NUMBER
                elif byte == 0x3A:
                    if at >= colon_end:
                        kind = COLON
                else:
                    kind = AT
            else:
                code, width = decode(data, at)
                flags = flags_of(code, tables)
                word = flags & WORD
                row_tokens += (flags & UNSPACED) >> 1 | (word & (in_word ^ 1))
                in_word = word
                if 0xFF10 <= code <= 0xFF20:
                    if code <= 0xFF19 and at >= run_end:
                        kind = NUMBER
                    elif code == 0xFF20:
                        kind = AT
            if kind == NUMBER:
                run_end, digits, dots = _number_run(data, stop, at, classes)
                last = run_end
                if digits < MIN_DIGITS and (digits < 4 or dots < 3):
                    kind = 0
            elif kind == COLON:
                first, colon_end, digits = _colon_run(data, start, stop, at, classes)
                last = colon_end
                if digits == 0:
                    kind = 0
            elif kind == AT:
                last = at + width
                if not _is_at(data, start, stop, at, width, classes):
                    kind = 0
            if kind:
                if count < len(found):
                    found[count, 0] = kind
                    found[count, 1] = row
                    found[count, 2] = first
                    found[count, 3] = last
                    found[count, 4] = point - (at - first)
                    found[count, 5] = digits
                count += 1
            at += width
            point += 1
        tokens[row] = row_tokens
    return count, tokens
