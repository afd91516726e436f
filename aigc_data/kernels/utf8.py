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
