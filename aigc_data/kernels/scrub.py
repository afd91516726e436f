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

# What `inspect` found in a row: bits of its result.
SEEN_DENORMAL, SEEN_MOJIBAKE, SEEN_MARKUP, SEEN_LEAD, SEEN_RUN = 1, 2, 4, 8, 16
LONGEST_RUN = 30  # combining marks behind one letter: no orthography has more (UAX #15, 13)
# The entry (uint64) of a code point in the table of `inspect`: in which of ten code pages it may be the first byte
# of a UTF-8 sequence of two bytes, the first of a longer one, a later one; what normalisation asks; its canonical
# combining class.
PAIR_SHIFT, LONG_SHIFT, TAIL_SHIFT, CLASS_SHIFT = 0, 10, 20, 56
PAGE_MASK = 0x3FF
DENORMAL, COMPOSES, BASE = 1 << 30, 1 << 31, 1 << 32  # is not normal itself; may join what is before it; may be joined
ALONE, OPEN_PAIR, OPEN_LONG = 1 << 33, 1 << 34, 1 << 35  # mojibake by itself; also where its next byte became a blank
LISTED, UNLIKELY = 1 << 36, 1 << 37  # has an entry in the table of unlikely pairs; is as good as such a pair
SECOND_SHIFT = 32
WAVING_FLAG = 0x1F3F4
_LONGEST_NAME = 32  # of an element or a character reference


@inlined
def _letter(byte):  # type: ignore[no-untyped-def]
    return 0x61 <= (byte | 0x20) <= 0x7A


@inlined
def _opens_markup(data, at, end):  # type: ignore[no-untyped-def]
    """Whether a tag's name, a comment or a whole character reference follows the `<` or `&` at `at`."""
    reference = data[at] == 0x26
    place = at + 1
    if place < end and (data[place] == 0x23 if reference else data[place] == 0x2F):
        place += 1
    first = place
    while place < end and place - first < _LONGEST_NAME and (_letter(data[place]) or 0x30 <= data[place] <= 0x39):
        place += 1
    if place in (end, first):
        return not reference and first + 2 < end and data[first] == 0x21 and data[first + 1] == 0x2D
    if reference:
        return data[place] == 0x3B
    blank = data[place] == 0x20 or 0x09 <= data[place] <= 0x0D  # a tag may go on in the next line
    return _letter(data[first]) and (blank or data[place] == 0x3E or data[place] == 0x2F)


@kernel
def inspect(data, offsets, table, pairs):  # type: ignore[no-untyped-def]
    """uint8[n]: SEEN_DENORMAL where a row may not be normalised, SEEN_MOJIBAKE where it may hold mojibake,
    SEEN_MARKUP where something looks like a tag or a character reference, SEEN_LEAD where a sequence of bytes might
    begin, so that a blank less may matter, SEEN_RUN where more than LONGEST_RUN marks stand together.

    data uint8[], offsets int64[n + 1], table uint64[0x110000], pairs uint64[0x10000]. Never misses what the tables
    describe; may flag good rows. Mojibake is what looks like bytes of UTF-8 in a row with an unlikely pair of
    neighbours. Normalisation is UAX #15's quick check, with the code points that may compose looked at beside the
    starter before them.
    """
    found = np.zeros(len(offsets) - 1, np.uint8)
    none, pages = np.uint64(0), np.uint64(PAGE_MASK)
    for row in range(len(offsets) - 1):
        at, end = offsets[row], offsets[row + 1]
        seen, sequence, unlikely = np.uint8(0), False, False
        pair, long, rest, before = none, none, none, none  # pages in which a sequence is under way
        last_class, joinable, left, leads, run = none, False, none, none, 0
        while at < end:
            byte = data[at]
            if byte < 0x80:
                if byte == 0x3C or byte == 0x26:
                    seen |= SEEN_MARKUP if _opens_markup(data, at, end) else 0
                if before or rest:
                    if byte == 0x20 or byte == 0x3F:
                        opened = before & np.uint64(OPEN_PAIR) != none
                        sequence |= rest != none or opened
                        unlikely |= opened
                        rest = long if byte == 0x3F or before & np.uint64(OPEN_LONG) else none
                    else:
                        rest = none
                    pair, long, before, left = none, none, none, none
                last_class, joinable, run = none, True, 0
                at += 1
                continue
            code_point, width = decode(data, at)
            at += width
            before = table[code_point]
            if before == none:
                pair, long, rest, last_class, joinable, left, run = none, none, none, none, False, none, 0
                continue
            leads |= before
            tail = before >> np.uint64(TAIL_SHIFT) & pages
            sequence |= pair & tail != none or (rest != none and tail != none)
            rest = long & tail
            pair, long = before & pages, before >> np.uint64(LONG_SHIFT) & pages
            if before & np.uint64(ALONE):
                seen |= SEEN_MOJIBAKE
            unlikely |= before & np.uint64(UNLIKELY) != none
            if before & np.uint64(LISTED):
                entry = pairs[code_point]
                unlikely |= left & (entry >> np.uint64(SECOND_SHIFT)) != none
                left = entry & np.uint64(0xFFFFFFFF)
            else:
                left = none
            own_class = before >> np.uint64(CLASS_SHIFT)
            joins = joinable and before & np.uint64(COMPOSES) != none
            if before & np.uint64(DENORMAL) or joins or none < own_class < last_class:
                seen |= SEEN_DENORMAL
            last_class = own_class
            run = run + 1 if own_class else 0
            if run > LONGEST_RUN:
                seen |= SEEN_RUN
            if own_class == none:
                joinable = before & np.uint64(BASE) != none
        if sequence and unlikely:
            seen |= SEEN_MOJIBAKE
        if leads & np.uint64((1 << TAIL_SHIFT) - 1):
            seen |= SEEN_LEAD
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


@inlined
def _copy_ordinary(data, at, end, out, written, before, table):  # type: ignore[no-untyped-def]
    """Copies ordinary characters, and single blanks between ASCII ones; (position, written, last code point)."""
    while at < end:
        byte = data[at]
        if 0x20 < byte < 0x7F:
            out[written] = byte
            written, at, before = written + 1, at + 1, np.int64(byte)
        elif byte >= 0x80:
            code_point, width = decode(data, at)
            if np.int64(table[code_point]) & 15 != ORDINARY:
                break
            for place in range(width):
                out[written + place] = data[at + place]
            written, at, before = written + width, at + width, code_point
        elif byte == 0x20 and at + 1 < end and 0x20 < data[at + 1] < 0x7F:
            out[written] = byte
            written, at = written + 1, at + 1
        else:
            break
    return at, written, before


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
            if blanks == written and visible_end > first:  # the common case: ordinary characters inside a line
                start = at
                at, written, before = _copy_ordinary(data, at, end, out, written, before, table)
                if at > start:
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
