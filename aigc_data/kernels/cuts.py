"""Spans of code points in UTF-8 texts: taken out, moved to where they are afterwards, and joined.

Cuts of n rows are (rows int64[n + 1], starts int64[], ends int64[]): row i has the spans `rows[i]` to `rows[i + 1]`,
in order and without overlaps, counted in code points of its text.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined, kernel


@inlined
def _advance(data, position, end, points):  # type: ignore[no-untyped-def]
    """The byte position `points` code points further on, and how many of them were there before `end`."""
    passed = np.int64(0)
    while position < end:
        if data[position] & 0xC0 != 0x80:
            if passed == points:
                break
            passed += 1
        position += 1
    return position, passed


@kernel
def cut_texts(data, offsets, rows, starts, ends):  # type: ignore[no-untyped-def]
    """(bytes uint8[], offsets int64[n + 1], wrong) of n texts without their cuts.

    `wrong` is the first row whose cuts are out of order or reach behind its text, -1 for none; its text and those
    after it are not to be used.
    """
    out = np.empty(offsets[-1] - offsets[0], np.uint8)
    new_offsets = np.zeros(len(offsets), np.int64)
    written = np.int64(0)
    for row in range(len(offsets) - 1):
        position, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        point = np.int64(0)
        for cut in range(rows[row], rows[row + 1]):
            keep, gone = starts[cut] - point, ends[cut] - starts[cut]
            if keep < 0 or gone < 0:
                return out, new_offsets, row
            begin = position
            position, kept = _advance(data, position, end, keep)
            out[written : written + position - begin] = data[begin:position]
            written += position - begin
            position, skipped = _advance(data, position, end, gone)
            if kept < keep or skipped < gone:
                return out, new_offsets, row
            point = ends[cut]
        out[written : written + end - position] = data[position:end]
        written += end - position
        new_offsets[row + 1] = written
    return out[:written].copy(), new_offsets, -1


@kernel
def move_spans(span_rows, span_starts, span_ends, rows, starts, ends):  # type: ignore[no-untyped-def]
    """(starts int64[m], ends int64[m]) of m spans in the coordinates of the texts without their cuts.

    Spans of a row are in order and do not overlap. What is inside a cut is empty afterwards.
    """
    moved = np.empty((2, len(span_starts)), np.int64)
    for row in range(len(rows) - 1):
        cut, last = rows[row], rows[row + 1]
        gone = np.int64(0)  # code points in the cuts before `cut`
        for span in range(span_rows[row], span_rows[row + 1]):
            for side in range(2):
                point = span_starts[span] if side == 0 else span_ends[span]
                while cut < last and ends[cut] <= point:
                    gone += ends[cut] - starts[cut]
                    cut += 1
                inside = max(np.int64(0), point - starts[cut]) if cut < last else np.int64(0)
                moved[side, span] = point - gone - inside
    return moved[0], moved[1]


@kernel
def merge_cuts(rows, kinds, starts, ends, other_rows, other_kinds, other_starts, other_ends):  # type: ignore[no-untyped-def]
    """(rows, kinds uint8[], starts, ends) of both, row by row; where they overlap the first's kind counts.

    What is left of one of the second's cuts lies before, between and after the first's. Neighbours of one kind are
    one cut afterwards.
    """
    most = len(starts) * 2 + len(other_starts)
    new_rows = np.zeros(len(rows), np.int64)
    new_kinds, spans = np.empty(most, np.uint8), np.empty((2, most), np.int64)
    count = 0
    for row in range(len(rows) - 1):
        begin = count
        one, two = rows[row], other_rows[row]
        point = np.int64(0)  # all before it is decided
        while one < rows[row + 1] or two < other_rows[row + 1]:
            has_one = one < rows[row + 1]
            if two < other_rows[row + 1] and (not has_one or max(other_starts[two], point) < starts[one]):
                first, kind = max(other_starts[two], point), other_kinds[two]
                last = other_ends[two]
                if has_one and last > starts[one]:
                    last = starts[one]
                else:
                    two += 1
            else:
                first, last, kind = starts[one], ends[one], kinds[one]
                one += 1
            if last <= first:
                continue
            point = last
            if count > begin and new_kinds[count - 1] == kind and spans[1, count - 1] == first:
                spans[1, count - 1] = last
            else:
                new_kinds[count], spans[0, count], spans[1, count] = kind, first, last
                count += 1
        new_rows[row + 1] = count
    return new_rows, new_kinds[:count].copy(), spans[0, :count].copy(), spans[1, :count].copy()
