"""What a code point is: flags and folding, from a shipped two-level table.

The table does not come from `unicodedata`, whose version is that of the running Python: the same text has
the same tokens everywhere. `scripts/make_codepoint_table.py` makes it. A token is a maximal run of WORD code
points, or one UNSPACED code point.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aigc_data.kernels.flags import inlined

WORD = 1  # letter, number or mark of a spaced script: part of a word
UNSPACED = 2  # letter or mark of Han, Kana, Thai, …: a token of its own
LETTER = 4
DIGIT = 8  # decimal digit
SPACE = 16  # white space, line breaks included
TERMINAL = 32  # ends a sentence, or closes a quotation that may end one
HAN = 64

#: SHA-256 of the table's content. Results are fresh by the digest of the code that made them; this line
#: makes the table part of that code. A test holds it to the file, and `scripts/make_codepoint_table.py`
#: prints it.
DIGEST = "7fdbfb133f77f06e419aa94d449c9af2189f0aec2854292000bcc2cf3c22d884"


def _load() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.load(Path(__file__).parent / "data" / "codepoints.npz", allow_pickle=False) as stored:
        tables = tuple(stored[name] for name in ("pages", "flags", "deltas"))
    for table in tables:
        table.setflags(write=False)
    return tables


#: (pages uint16[4352], flags uint8[256 p], deltas int32[256 p]), read-only. Kernels take it as one argument,
#: because a global array would be frozen into the cached machine code and outlive a change of the table.
TABLES = _load()


@inlined
def flags_of(code_point, tables):  # type: ignore[no-untyped-def]
    """Flags (uint8) of a code point 0..0x10FFFF."""
    return tables[1][(np.int64(tables[0][code_point >> 8]) << 8) | (code_point & 255)]


@inlined
def fold(code_point, tables):  # type: ignore[no-untyped-def]
    """The code point (int64) in lower case and standard width: `Ａ` and `A` become `a`, `ｶ` becomes `カ`."""
    return code_point + np.int64(tables[2][(np.int64(tables[0][code_point >> 8]) << 8) | (code_point & 255)])
