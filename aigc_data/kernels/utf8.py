"""UTF-8 inside kernels. The bytes are valid: Arrow strings that passed ingest are."""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined


@inlined
def decode(data, position):  # type: ignore[no-untyped-def]
    """(code_point, width) of the sequence that starts at `position`, both int64; width is 1..4 bytes.

    `data` is uint8[] of valid UTF-8 and `position` the start of a sequence: nothing is checked.
    """
    lead = np.int64(data[position])
    if lead < 0x80:
        return lead, np.int64(1)
    second = np.int64(data[position + 1]) & 0x3F
    if lead < 0xE0:
        return ((lead & 0x1F) << 6) | second, np.int64(2)
    third = np.int64(data[position + 2]) & 0x3F
    if lead < 0xF0:
        return ((lead & 0x0F) << 12) | (second << 6) | third, np.int64(3)
    fourth = np.int64(data[position + 3]) & 0x3F
    return ((lead & 0x07) << 18) | (second << 12) | (third << 6) | fourth, np.int64(4)


@inlined
def encode(code_point, out, position):  # type: ignore[no-untyped-def]
    """Write a code point (no surrogate) as UTF-8 at `position` of `out` (uint8[]); returns its width."""
    if code_point < 0x80:
        out[position] = code_point
        return np.int64(1)
    if code_point < 0x800:
        out[position] = 0xC0 | (code_point >> 6)
        out[position + 1] = 0x80 | (code_point & 0x3F)
        return np.int64(2)
    if code_point < 0x10000:
        out[position] = 0xE0 | (code_point >> 12)
        out[position + 1] = 0x80 | ((code_point >> 6) & 0x3F)
        out[position + 2] = 0x80 | (code_point & 0x3F)
        return np.int64(3)
    out[position] = 0xF0 | (code_point >> 18)
    out[position + 1] = 0x80 | ((code_point >> 12) & 0x3F)
    out[position + 2] = 0x80 | ((code_point >> 6) & 0x3F)
    out[position + 3] = 0x80 | (code_point & 0x3F)
    return np.int64(4)
