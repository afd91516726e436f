"""Counting letters by script."""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import kernel
from aigc_data.kernels.utf8 import decode


@kernel
def count_scripts(data, starts, ends, table, scripts):  # type: ignore[no-untyped-def]
    """int64[n, scripts]: code points of each text by script.

    data uint8[] of valid UTF-8, text i is data[starts[i]:ends[i]] (int64[n]), table uint8[0x110000] of script
    numbers, 0 for what is no letter.
    """
    counts = np.zeros((len(starts), scripts), np.int64)
    for row in range(len(starts)):
        at, end = starts[row], ends[row]
        mine = counts[row]
        while at < end:
            code_point, width = decode(data, at)
            mine[table[code_point]] += 1
            at += width
    return counts
