"""Lines and paragraphs of UTF-8 texts: hashed, looked up among hashes, and cut.

A line is what stands between line feeds. It is blank when it holds white space alone; a paragraph is a run of lines
that are not. Both are hashed by their tokens, each in its own way: a paragraph of one line has not the hash of that
line.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import SPACE
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.tokens import MIX, SEED, classed, finished, hash_tokens, most_tokens

LINE_FEED = 10
#: Bits of `units`.
LINES, PARAGRAPHS = 1, 2
#: So many hashes are sorted by insertion.
SHORT = 24
#: What becomes of a line; the last two are one more than the kind of the cut.
KEPT, LINE_CUT, PARAGRAPH_CUT = 0, 1, 2


@inlined
def _line_end(data, position, end):  # type: ignore[no-untyped-def]
    while position < end and data[position] != LINE_FEED:
        position += 1
    return position


@inlined
def _is_blank(data, position, end, tables):  # type: ignore[no-untyped-def]
    while position < end:
        flags, _, width = classed(data, position, tables)
        if not flags & SPACE:
            return False
        position += width
    return True


@inlined
def _extended(paragraph, tokens, count):  # type: ignore[no-untyped-def]
    for i in range(count):
        paragraph = ((paragraph << np.uint64(31) | paragraph >> np.uint64(33)) ^ tokens[i]) * MIX
    return paragraph


@inlined
def _least_bytes(min_tokens):  # type: ignore[no-untyped-def]
    """So many tokens take at least so many bytes: words need a separator."""
    return 2 * min_tokens - 1


@inlined
def _longest(offsets):  # type: ignore[no-untyped-def]
    longest = np.int64(0)
    for row in range(len(offsets) - 1):
        longest = max(longest, np.int64(offsets[row + 1] - offsets[row]))
    return longest


@inlined
def _most_lines(data, offsets):  # type: ignore[no-untyped-def]
    """(in one row, in all rows)"""
    most, total = np.int64(1), np.int64(0)
    for row in range(len(offsets) - 1):
        lines = np.int64(1)
        for position in range(offsets[row], offsets[row + 1]):
            lines += data[position] == LINE_FEED
        most, total = max(most, lines), total + lines
    return most, total


@inlined
def _distinct(hashes, begin, end):  # type: ignore[no-untyped-def]
    """Sort `hashes[begin:end]` in place and move its distinct values to the front; returns where they end."""
    if end - begin < 2:
        return end
    if end - begin > SHORT:
        hashes[begin:end].sort()
    else:  # a call of the sort would take longer than the sorting
        for i in range(begin + 1, end):
            value, place = hashes[i], i
            while place > begin and hashes[place - 1] > value:
                hashes[place] = hashes[place - 1]
                place -= 1
            hashes[place] = value
    last = begin
    for i in range(begin + 1, end):
        if hashes[i] != hashes[last]:
            last += 1
            hashes[last] = hashes[i]
    return last + 1


@kernel
def hash_units(data, offsets, tables, units, min_tokens):  # type: ignore[no-untyped-def]
    """(hashes uint64[m], ends int64[n]): the hashes of each row's lines and paragraphs of `min_tokens` tokens or more,
    each once a row; those of row i end at `ends[i]`.

    `units` is LINES, PARAGRAPHS or both.
    """
    ends = np.zeros(len(offsets) - 1, np.int64)
    tokens = np.empty(most_tokens(_longest(offsets)), np.uint64)
    _, lines = _most_lines(data, offsets)
    hashes = np.empty(lines * 2, np.uint64)
    count = 0
    for row in range(len(offsets) - 1):
        begin, position, end = count, np.int64(offsets[row]), np.int64(offsets[row + 1])
        paragraph, paragraph_tokens = SEED, np.int64(0)
        while position < end:
            line_end = _line_end(data, position, end)
            if units & PARAGRAPHS or line_end - position >= _least_bytes(min_tokens):
                found, stream = hash_tokens(data, position, line_end, tables, tokens)
                if units & LINES and found >= min_tokens:
                    hashes[count] = finished(stream)
                    count += 1
                if units & PARAGRAPHS:
                    paragraph = _extended(paragraph, tokens, found)
                    paragraph_tokens += found
                    if found == 0 and _is_blank(data, position, line_end, tables):
                        if paragraph_tokens >= min_tokens:
                            hashes[count] = finished(paragraph)
                            count += 1
                        paragraph, paragraph_tokens = SEED, np.int64(0)
            position = line_end + 1
        if units & PARAGRAPHS and paragraph_tokens >= min_tokens:
            hashes[count] = finished(paragraph)
            count += 1
        count = _distinct(hashes, begin, count)
        ends[row] = count
    return hashes[:count].copy(), ends


@kernel
def merge_counts(hashes, counts, other_hashes, other_counts):  # type: ignore[no-untyped-def]
    """(hashes uint64[], counts uint32[]) of two such pairs, ascending and distinct each; full counts stay full."""
    most = np.int64(0xFFFFFFFF)
    merged = np.empty(len(hashes) + len(other_hashes), np.uint64)
    sums = np.empty(len(merged), np.uint32)
    one, two, count = np.int64(0), np.int64(0), np.int64(0)
    while one < len(hashes) and two < len(other_hashes):
        # Without branches, which a processor could not foresee.
        first, second = hashes[one], other_hashes[two]
        take_one, take_two = np.int64(first <= second), np.int64(second <= first)
        merged[count] = min(first, second)
        sums[count] = min(np.int64(counts[one]) * take_one + np.int64(other_counts[two]) * take_two, most)
        one, two, count = one + take_one, two + take_two, count + 1
    left = len(hashes) - one
    merged[count : count + left], sums[count : count + left] = hashes[one:], counts[one:]
    count += left
    left = len(other_hashes) - two
    merged[count : count + left], sums[count : count + left] = other_hashes[two:], other_counts[two:]
    count += left
    return merged[:count].copy(), sums[:count].copy()


@inlined
def _shift_for(count):  # type: ignore[no-untyped-def]
    """By how much to shift a hash so that about one of `count` hashes falls into each bucket."""
    bits = 1
    while bits < 30 and (1 << bits) < count:
        bits += 1
    return np.uint64(64 - bits)


@inlined
def _bucket_starts(hashes, shift):  # type: ignore[no-untyped-def]
    starts = np.zeros((np.int64(1) << (64 - np.int64(shift))) + 1, np.int64)
    for value in hashes:
        starts[np.int64(value >> shift) + 1] += 1
    for i in range(1, len(starts)):
        starts[i] += starts[i - 1]
    return starts


@inlined
def _is_in(value, hashes, starts, shift):  # type: ignore[no-untyped-def]
    bucket = np.int64(value >> shift)
    place, last = starts[bucket], starts[bucket + 1]
    while place < last and hashes[place] != value:
        place += 1
    return place < last


@inlined
def _take_gaps(state, blank, count):  # type: ignore[no-untyped-def]
    """Mark the blank lines that go with what is cut.

    A paragraph of which nothing is left takes the blank lines after it along; the last of a text, those before it.
    A text of which only blank lines are left loses them too.
    """
    kept, last = False, -1  # whether anything is left; the last line that is not blank
    for line in range(count):
        if not blank[line]:
            kept |= state[line] == KEPT
            last = line
    if not kept:
        kind = KEPT
        for line in range(count - 1, -1, -1):
            kind = state[line] if state[line] != KEPT else kind
        for line in range(count):
            kind = state[line] if state[line] != KEPT else kind
            state[line] = kind
        return
    line = 0
    while line <= last:
        if blank[line]:
            line += 1
            continue
        gone = True
        while line <= last and not blank[line]:
            gone &= state[line] != KEPT
            line += 1
        if gone and line <= last:
            kind = state[line - 1]
            while blank[line]:
                state[line] = kind
                line += 1
    # The last paragraphs, if nothing is left of them: what parts them from the rest goes.
    line = last
    while line >= 0 and state[line] != KEPT:
        line -= 1
    if line >= 0 and blank[line]:
        kind = state[line + 1]
        if kind != KEPT:
            while line >= 0 and blank[line]:
                state[line] = kind
                line -= 1


@kernel
def cut_units(data, offsets, tables, units, min_tokens, repeated):  # type: ignore[no-untyped-def]
    """(rows int64[n + 1], kinds uint8[], starts int64[], ends int64[]): the cuts of n texts, in code points.

    `repeated` is uint64[], ascending. A line that goes takes its line feed along, at the end of the text the one
    before it. Kind 0 is a line, 1 a paragraph.
    """
    tokens = np.empty(most_tokens(_longest(offsets)), np.uint64)
    most, total = _most_lines(data, offsets)
    begins, finishes = np.empty(most, np.int64), np.empty(most, np.int64)
    state, blank = np.empty(most, np.uint8), np.empty(most, np.bool_)
    shift = _shift_for(len(repeated))
    buckets = _bucket_starts(repeated, shift)
    rows = np.zeros(len(offsets), np.int64)
    kinds, spans = np.empty(total, np.uint8), np.empty((2, total), np.int64)
    count = 0
    for row in range(len(offsets) - 1):
        start, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        position, lines, hits = start, 0, 0
        paragraph, paragraph_tokens, paragraph_line = SEED, np.int64(0), 0
        while position <= end:  # a text has one line more than it has line feeds
            line_end = _line_end(data, position, end)
            begins[lines], finishes[lines] = position, line_end
            state[lines], blank[lines] = KEPT, False
            found = np.int64(0)
            if units & PARAGRAPHS or line_end - position >= _least_bytes(min_tokens):
                found, stream = hash_tokens(data, position, line_end, tables, tokens)
                if units & LINES and found >= min_tokens and _is_in(finished(stream), repeated, buckets, shift):
                    state[lines] = LINE_CUT
                    hits += 1
            if found == 0:
                blank[lines] = _is_blank(data, position, line_end, tables)
            lines += 1
            position = line_end + 1
            if units & PARAGRAPHS:
                paragraph = _extended(paragraph, tokens, found)
                paragraph_tokens += found
                if blank[lines - 1] or position > end:
                    if paragraph_tokens >= min_tokens and _is_in(finished(paragraph), repeated, buckets, shift):
                        for line in range(paragraph_line, lines - 1 if blank[lines - 1] else lines):
                            state[line] = PARAGRAPH_CUT
                            hits += 1
                    paragraph, paragraph_tokens, paragraph_line = SEED, np.int64(0), lines
        if hits:
            _take_gaps(state, blank, lines)
            count = _write_cuts(data, start, begins, finishes, state, lines, kinds, spans, count)
        rows[row + 1] = count
    return rows, kinds[:count].copy(), spans[0, :count].copy(), spans[1, :count].copy()


@inlined
def _write_cuts(data, start, begins, finishes, state, lines, kinds, spans, count):  # type: ignore[no-untyped-def]
    """Append the cuts of one row; returns how many there are then. Lines come in bytes and go out in code points."""
    trailing = lines  # from here on all lines go
    while trailing > 0 and state[trailing - 1] != KEPT:
        trailing -= 1
    position, point, first = start, np.int64(0), count
    for line in range(lines):
        if state[line] == KEPT:
            continue
        if line < trailing:
            begin, finish = begins[line], finishes[line] + 1
        else:
            begin, finish = max(begins[line] - 1, start), finishes[line]
        if finish == begin:
            continue
        while position < begin:
            point += data[position] & 0xC0 != 0x80
            position += 1
        opened = point
        while position < finish:
            point += data[position] & 0xC0 != 0x80
            position += 1
        kind = np.uint8(state[line] - 1)
        if count > first and kinds[count - 1] == kind and spans[1, count - 1] == opened:
            spans[1, count - 1] = point
        else:
            kinds[count], spans[0, count], spans[1, count] = kind, opened, point
            count += 1
    return count
