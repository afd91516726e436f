"""Lines of UTF-8 texts: where they are, which stood before in their text, texts without some of them.

A line is what stands between line feeds; one that is empty is no line here. A list of lines is
(rows, starts, ends), int64[m] each, in the order of the data: text number and byte positions, blanks before the line
left out.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import SPACE, UNSPACED, WORD, flags_of
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.tokens import MIX, SEED, STEP
from aigc_data.kernels.utf8 import decode


@inlined
def _after_blanks(data, at, end, tables):  # type: ignore[no-untyped-def]
    while at < end:
        if data[at] < 0x80:
            if data[at] != 0x20 and data[at] != 0x09:
                break
            at += 1
            continue
        code_point, width = decode(data, at)
        if not flags_of(code_point, tables) & SPACE:
            break
        at += width
    return at


@kernel
def find_lines(data, offsets, breaks, tables):  # type: ignore[no-untyped-def]
    """The lines of all texts that have two or more; `breaks` (int64[]) are the positions of line feeds in `data`."""
    found = np.empty((3, 2 * len(breaks) + 1), np.int64)
    count, at = 0, 0
    for row in range(len(offsets) - 1):
        begin, first, last = offsets[row], count, offsets[row + 1]
        if at == len(breaks) or breaks[at] >= last:
            continue
        while begin < last:
            if at < len(breaks) and breaks[at] < last:
                end = breaks[at]
                at += 1
            else:
                end = last
            start = _after_blanks(data, begin, end, tables)
            if start < end:
                found[0, count], found[1, count], found[2, count] = row, start, end
                count += 1
            begin = end + 1
        if count == first + 1:
            count = first
    return found[0, :count].copy(), found[1, :count].copy(), found[2, :count].copy()


@inlined
def _breaks_line(code_point, next_line):  # type: ignore[no-untyped-def]
    if code_point < 0x80:
        return 0x0A <= code_point <= 0x0D
    return code_point == 0x2028 or code_point == 0x2029 or (next_line and code_point == 0x85)


@inlined
def _next_break(data, at, end, point, next_line, tables):  # type: ignore[no-untyped-def]
    """(position, code point number, width, whether something visible stands before it) of the next break or the end."""
    visible = False
    while at < end:
        code_point, width = np.int64(data[at]), np.int64(1)
        if code_point >= 0x80:
            code_point, width = decode(data, at)
        if _breaks_line(code_point, next_line):
            return at, point, width, visible
        if not visible:
            visible = code_point == 0x85 or flags_of(code_point, tables) & SPACE == 0
        at += width
        point += 1
    return at, point, np.int64(1), visible


@kernel
def find_pieces(data, offsets, next_line, tables):  # type: ignore[no-untyped-def]
    """int64[5, m]: what stands between any two line breaks (Unicode 16, 5.8) of texts and is not all blanks.

    Its text's number, first and last + 1 byte, first and last + 1 code point of its text. `next_line` (bool) says
    whether U+0085 is a line break; it is none where the wrong decoding of an ellipsis is undone.
    """
    found = np.empty((5, 1024), np.int64)
    count = 0
    for row in range(len(offsets) - 1):
        start, first = offsets[row], np.int64(0)
        while start < offsets[row + 1]:
            at, point, width, visible = _next_break(data, start, offsets[row + 1], first, next_line, tables)
            if visible:
                if count == found.shape[1]:
                    grown = np.empty((5, 2 * count), np.int64)
                    grown[:, :count] = found
                    found = grown
                found[0, count], found[1, count], found[2, count] = row, start, at
                found[3, count], found[4, count] = first, point
                count += 1
            start, first = at + width, point + 1
    return found[:, :count].copy()


@kernel
def phrases_in(data, starts, ends, classes, states, accepts):  # type: ignore[no-untyped-def]
    """uint8[m]: what the phrases say that are in each span, joined by "or"; an automaton (Aho and Corasick 1975).

    classes uint8[256] of the bytes, states int16[s, c] where to go, accepts uint8[s] what phrases that end there say.
    """
    said = np.zeros(len(starts), np.uint8)
    for span in range(len(starts)):
        state = np.int64(0)
        for position in range(starts[span], ends[span]):
            state = np.int64(states[state, classes[data[position]]])
            said[span] |= accepts[state]
    return said


@inlined
def _hash_bytes(data, start, end):  # type: ignore[no-untyped-def]
    value, word, held = SEED ^ np.uint64(end - start), np.uint64(0), 0
    for position in range(start, end):
        word = word << np.uint64(8) | np.uint64(data[position])
        held += 1
        if held == 8:
            value = (value ^ word) * STEP
            value ^= value >> np.uint64(31)
            word, held = np.uint64(0), 0
    value = (value ^ word) * MIX
    return value ^ (value >> np.uint64(29))


@inlined
def _same(data, one, other, length):  # type: ignore[no-untyped-def]
    place = 0
    while place < length and data[one + place] == data[other + place]:
        place += 1
    return place == length


@inlined
def _has_tokens(data, start, end, wanted, tables):  # type: ignore[no-untyped-def]
    """Whether there are `wanted` tokens or more between two positions."""
    count, inside, at = 0, False, start
    while at < end and count < wanted:
        code_point, width = decode(data, at)
        flags = flags_of(code_point, tables)
        if flags & WORD:
            count += not inside
            inside = True
        else:
            inside = False
            count += (flags & UNSPACED) != 0
        at += width
    return count >= wanted


@kernel
def repeated_lines(data, rows, starts, ends, min_tokens, tables):  # type: ignore[no-untyped-def]
    """bool[m]: which of the lines (`find_lines`) have `min_tokens` tokens or more and stood before in their text, byte
    for byte."""
    repeated = np.zeros(len(rows), np.bool_)
    most, first = 1, 0
    for line in range(1, len(rows) + 1):
        if line == len(rows) or rows[line] != rows[first]:
            most = max(most, line - first)
            first = line
    size = 4
    while size < 2 * most:
        size *= 2
    mask = np.uint64(size - 1)
    slots, owners = np.zeros(size, np.int64), np.full(size, -1, np.int64)  # a line, and the text that it is of
    hashes = np.zeros(len(rows), np.uint64)
    for line in range(len(rows)):
        start, length = starts[line], ends[line] - starts[line]
        if length < 2 * min_tokens - 1:
            continue
        hashes[line] = _hash_bytes(data, start, ends[line])
        slot = hashes[line] & mask
        while owners[slot] == rows[line]:
            other = slots[slot]
            same = hashes[other] == hashes[line] and ends[other] - starts[other] == length
            if same and _same(data, starts[other], start, length):
                repeated[line] = _has_tokens(data, start, ends[line], min_tokens, tables)
                break
            slot = (slot + np.uint64(1)) & mask
        else:
            owners[slot], slots[slot] = rows[line], line
    return repeated


@kernel
def drop_lines(data, offsets, rows, starts, ends):  # type: ignore[no-untyped-def]
    """(bytes uint8[], offsets int64[n + 1]): the texts without these lines, their blanks and line feeds."""
    out = np.empty(max(offsets[-1] - offsets[0], 1), np.uint8)
    new_offsets = np.zeros(len(offsets), np.int64)
    written, line = np.int64(0), 0
    for row in range(len(offsets) - 1):
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            if line < len(rows) and rows[line] == row and at <= starts[line]:
                stop, gone = starts[line], ends[line]
                while stop > at and data[stop - 1] != 0x0A:  # its indentation
                    stop -= 1
                line += 1
            else:
                stop, gone = end, end
            out[written : written + stop - at] = data[at:stop]
            written += stop - at
            at = gone + 1 if gone < end else end
        new_offsets[row + 1] = written
    return out[:written].copy(), new_offsets
