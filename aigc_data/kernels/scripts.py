"""Counting letters by script, and cutting the few letters that a language model reads."""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.utf8 import decode


@kernel
def count_scripts(data, offsets, table, scripts):  # type: ignore[no-untyped-def]
    """int64[n, scripts]: code points of each row by script.

    data uint8[] of valid UTF-8, offsets int64[n + 1], table uint8[0x110000] of script numbers, 0 for what is
    no letter.
    """
    counts = np.zeros((len(offsets) - 1, scripts), np.int64)
    for row in range(len(offsets) - 1):
        at, end = offsets[row], offsets[row + 1]
        mine = counts[row]
        while at < end:
            code_point, width = decode(data, at)
            mine[table[code_point]] += 1
            at += width
    return counts


@inlined
def _copy_letters(data, at, end, table, wanted, out, written, quota):  # type: ignore[no-untyped-def]
    """Copy up to `quota` letters of wanted scripts, one blank for what stands between; (at, written, letters
    copied)."""
    copied, gap = 0, False
    while at < end and copied < quota:
        code_point, width = decode(data, at)
        if wanted[table[code_point]]:
            if gap:
                out[written] = 32
                written += 1
                gap = False
            for place in range(at, at + width):
                out[written] = data[place]
                written += 1
            copied += 1
        else:
            gap = True
        at += width
    return at, written, copied


@kernel
def sample_letters(data, offsets, rows, table, wanted, quota):  # type: ignore[no-untyped-def]
    """(out uint8[], offsets int64[m + 1]): at most `quota` letters of each named row, half from its start,
    half from its middle.

    data uint8[], offsets int64[n + 1], rows int64[m], table uint8[0x110000] of script numbers, wanted
    bool[scripts]. The start alone is often a menu or a header; the middle alone may be a listing.
    """
    room = 8
    for row in rows:
        room += min(5 * quota, 2 * (offsets[row + 1] - offsets[row])) + 8
    out, out_offsets = np.empty(room, np.uint8), np.zeros(len(rows) + 1, np.int64)
    written = np.int64(0)
    for index in range(len(rows)):
        at, end = offsets[rows[index]], offsets[rows[index] + 1]
        middle = (at + end) // 2
        at, written, copied = _copy_letters(data, at, end, table, wanted, out, written, quota // 2)
        if at < end:
            if middle > at:
                at = middle
                while (data[at] & 0xC0) == 0x80:
                    at += 1
                out[written] = 32
                written += 1
            at, written, copied = _copy_letters(data, at, end, table, wanted, out, written, quota - copied)
        out_offsets[index + 1] = written
    return out[:written], out_offsets
