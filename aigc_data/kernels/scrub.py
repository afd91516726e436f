"""One pass that drops what is invisible and evens out blanks and line breaks, and one that looks for rows
worth more work.

What a code point is comes in as a table of bytes: the low four bits are its class, the high bits say what a
joiner may stand between. The output is never longer than the input.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.utf8 import decode

# Classes (low four bits of the table).
ORDINARY, BLANK, LINE_BREAK, CONTROL, INVISIBLE, BIDI, ZWNJ, ZWJ, ZWSP, TAG = range(10)
# Properties of what stands beside a joiner (high four bits).
JOINS, VIRAMA, BREAKS, EMOJI = 16, 32, 64, 128

# What the pass did to a row: bits of its mask.
DID_CONTROL, DID_ZERO_WIDTH, DID_BIDI, DID_WHITESPACE, DID_NEWLINE = 1, 2, 4, 8, 16

# What `inspect` found in a row: bits of its result, and of its table.
SEEN_DENORMAL, SEEN_MOJIBAKE = 1, 2
TAIL_SHIFT = 10  # bits 0..9: may be the first byte of a sequence in code page i; bits 10..19: a later byte
PAGE_MASK = 0x3FF
DENORMAL, ALONE, OPEN = 1 << 20, 1 << 21, 1 << 22
WAVING_FLAG = 0x1F3F4


@kernel
def inspect(data, offsets, table):  # type: ignore[no-untyped-def]
    """uint8[n]: SEEN_DENORMAL where a row may not be normalised, SEEN_MOJIBAKE where it may hold mojibake.

    data uint8[], offsets int64[n + 1], table uint32[0x110000]. Never misses what the table describes; may
    flag good rows.
    """
    found = np.zeros(len(offsets) - 1, np.uint8)
    for row in range(len(offsets) - 1):
        at, end = offsets[row], offsets[row + 1]
        before, seen = np.uint32(0), np.uint8(0)
        while at < end:
            if data[at] < 0x80:
                if before and (before & OPEN) and (data[at] == 0x20 or data[at] == 0x3F):
                    seen |= SEEN_MOJIBAKE
                before = np.uint32(0)
                at += 1
                continue
            code_point, width = decode(data, at)
            at += width
            entry = table[code_point]
            if entry:
                if entry & DENORMAL:
                    seen |= SEEN_DENORMAL
                if entry & ALONE or (before & (entry >> TAIL_SHIFT) & PAGE_MASK):
                    seen |= SEEN_MOJIBAKE
            before = entry
        found[row] = seen
    return found


@inlined
def _escape_end(data, at, end):  # type: ignore[no-untyped-def]
    """Where the terminal escape sequence that starts at `at` (an ESC) ends; ECMA-48, 5.4 (CSI) and 5.6
    (OSC)."""
    if at + 1 >= end:
        return at + 1
    lead = data[at + 1]
    place = at + 2
    if lead == 0x5B:  # [
        while place < end and 0x20 <= data[place] <= 0x3F:
            place += 1
        if place < end and 0x40 <= data[place] <= 0x7E:
            return place + 1
    elif lead == 0x5D:  # ]
        # A title is short; without this bound an unended sequence would swallow the rest of the text.
        while place < end and place < at + 512 and data[place] >= 0x20:
            place += 1
        if place < end and data[place] == 0x07:
            return place + 1
        if place + 1 < end and data[place] == 0x1B and data[place + 1] == 0x5C:
            return place + 2
    elif (lead == 0x28 or lead == 0x29) and place < end and data[place] >= 0x30 and data[place] < 0x7F:
        return place + 1
    return at + 1


@inlined
def _stays(kind, before, at, end, data, table):  # type: ignore[no-untyped-def]
    """Whether a ZWNJ, ZWJ or ZWSP between the kept code point `before` and the one at `at` carries
    meaning."""
    left = np.int64(table[before]) if before >= 0 else 0
    if kind != ZWSP and left & VIRAMA:
        return True
    if at >= end:
        return False
    right = np.int64(table[decode(data, at)[0]])
    if kind == ZWSP:
        return (left & BREAKS) != 0 and (right & BREAKS) != 0
    if left & JOINS and right & JOINS:
        return True
    return kind == ZWJ and (left & EMOJI) != 0 and (right & EMOJI) != 0


@inlined
def _dropped(kind, code_point, before, at, end, data, table):  # type: ignore[no-untyped-def]
    """The mask bit under which this code point goes, 0 when it stays."""
    if kind == CONTROL:
        return DID_CONTROL
    if kind == BIDI:
        return DID_BIDI
    if kind == INVISIBLE:
        return DID_ZERO_WIDTH
    if kind == TAG:
        # Tag characters spell the flags of regions after a waving flag; anywhere else they are hidden text.
        return 0 if before == WAVING_FLAG or 0xE0020 <= before <= 0xE007F else DID_ZERO_WIDTH
    if kind >= ZWNJ and not _stays(kind, before, at, end, data, table):
        return DID_ZERO_WIDTH
    return 0


@inlined
def _close_blanks(out, start, written, indent):  # type: ignore[no-untyped-def]
    """One blank for the run out[start:written], unless it is a line's indentation; returns the new end."""
    code_point, width = decode(out, start)
    if indent or written - start == width:
        return written
    tab, uniform, place = False, True, start
    while place < written:
        other, step = decode(out, place)
        tab |= other == 9
        uniform &= other == code_point
        place += step
    if tab or not uniform:
        out[start] = 9 if tab else 32
        return start + 1
    return start + width


@kernel
def scrub(data, offsets, table):  # type: ignore[no-untyped-def]
    """(out uint8[], out_offsets int64[n + 1], masks uint8[n]): the rows without what cannot be seen.

    data uint8[] of valid UTF-8, offsets int64[n + 1], table uint8[0x110000]. Terminal escapes go as a whole;
    every line break becomes LF and at most two stand together; blanks go at the ends of lines and of the
    text, and runs of them inside a line become one; a line's indentation stays. Applying it twice changes
    nothing.
    """
    rows = len(offsets) - 1
    out = np.empty(max(offsets[rows] - offsets[0], 1), np.uint8)
    out_offsets, masks = np.zeros(rows + 1, np.int64), np.zeros(rows, np.uint8)
    written = np.int64(0)
    for row in range(rows):
        at, end = offsets[row], offsets[row + 1]
        first = visible_end = blanks = written
        breaks, before, did = 0, np.int64(-1), 0
        while at < end:
            if blanks == written and visible_end > first:  # the common case: plain characters inside a line
                while at < end and 0x20 < data[at] < 0x7F:
                    out[written] = data[at]
                    written += 1
                    at += 1
                if written > blanks:
                    before = np.int64(out[written - 1])
                    breaks, blanks, visible_end = 0, written, written
                if at == end:
                    break
            code_point, width = decode(data, at)
            kind = np.int64(table[code_point]) & 15
            start, at = at, at + width
            if kind == LINE_BREAK:
                if code_point != 10:
                    did |= DID_NEWLINE
                    if code_point == 13 and at < end and data[at] == 10:
                        at += 1
                if blanks < written:
                    did |= DID_WHITESPACE
                written = blanks
                if visible_end == first:
                    did |= DID_WHITESPACE
                elif breaks < 2:
                    out[written] = 10
                    written += 1
                    breaks += 1
                    before = np.int64(10)
                else:
                    did |= DID_NEWLINE
                blanks = written
                continue
            if kind > BLANK:
                drop = DID_CONTROL if code_point == 0x1B else _dropped(kind, code_point, before, at, end, data, table)
                if drop:
                    did |= drop
                    if code_point == 0x1B:
                        at = _escape_end(data, start, end)
                    continue
            elif kind == ORDINARY and blanks < written:
                if visible_end == first:
                    closed = blanks
                else:
                    closed = _close_blanks(out, blanks, written, breaks > 0)
                if closed < written:
                    did |= DID_WHITESPACE
                written = closed
            for place in range(start, start + width):
                out[written] = data[place]
                written += 1
            before = code_point
            if kind != BLANK:
                breaks, blanks, visible_end = 0, written, written
        if written > visible_end:
            did |= DID_WHITESPACE
        written = visible_end
        out_offsets[row + 1], masks[row] = written, did
    return out[:written], out_offsets, masks
