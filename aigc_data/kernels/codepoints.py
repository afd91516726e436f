"""What a code point is: flags and folding, from a shipped two-level table.

The table does not come from `unicodedata`, whose version is that of the running Python: the same text has
the same tokens everywhere. `scripts/make_codepoint_table.py` makes it. A token is a maximal run of WORD code
points, or one UNSPACED code point.

Beside it lies a list of traditional and variant Han characters with their simplified forms (OpenCC 1.4.2,
Apache-2.0; data/README.md), which `tables` folds in on request, for comparisons only.
"""

from __future__ import annotations

from functools import cache
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

#: SHA-256 of the content of codepoints.npz. Results are fresh by the digest of the code that made them; this line
#: makes the table part of that code. A test holds it to the file, and `scripts/make_codepoint_table.py`
#: prints it.
DIGEST = "486e31258c9d5ed030d2a20b1e946c3cb991e4eee6ede55382a0b750890cc5c0"


Tables = tuple[np.ndarray, np.ndarray, np.ndarray]


def _load() -> tuple[Tables, np.ndarray]:
    with np.load(Path(__file__).parent / "data" / "codepoints.npz", allow_pickle=False) as stored:
        pages, flags, deltas, han = (stored[name] for name in ("pages", "flags", "deltas", "han"))
    for table in (pages, flags, deltas, han):
        table.setflags(write=False)
    return (pages, flags, deltas), han


#: TABLES is (pages uint16[4352], flags uint8[256 p], deltas int32[256 p]), read-only. Kernels take it as one
#: argument, because a global array would be frozen into the cached machine code and outlive a change of the
#: table. HAN_PAIRS (int32[k, 2], sorted) holds characters and the simplified forms they fold to; no form is a
#: character of the first column.
TABLES, HAN_PAIRS = _load()


def tables(fold_han: bool) -> Tables:
    """TABLES, or with `fold_han` tables of the same shape that also fold traditional Han to simplified.

    The flags are the same, so the tokens of a text are as many and as long; only what they compare as differs:
    裡, 裏 and 里 are one. One character goes to one, whatever word it stands in, by the most frequent reading:
    乾 (干, 乾) becomes 干 and 著 (着, 著) becomes 着 everywhere. Words that the two standards choose differently
    (軟體, 软件) stay apart.
    """
    return _simplifying() if fold_han else TABLES


@cache
def _simplifying() -> Tables:
    pages, flags, deltas = TABLES
    one, other = HAN_PAIRS.T.astype(np.int64)
    touched = np.unique(one >> 8)
    new = np.arange(len(touched)) + len(flags) // 256
    places = (pages[touched].astype(np.int64)[:, None] << 8 | np.arange(256)).ravel()
    folded = (pages.copy(), np.concatenate([flags, flags[places]]), np.concatenate([deltas, deltas[places]]))
    folded[0][touched] = new
    folded[2][folded[0][one >> 8].astype(np.int64) << 8 | (one & 255)] = other - one
    for table in folded:
        table.setflags(write=False)
    return folded


@inlined
def flags_of(code_point, tables):  # type: ignore[no-untyped-def]
    """Flags (uint8) of a code point 0..0x10FFFF."""
    return tables[1][(np.int64(tables[0][code_point >> 8]) << 8) | (code_point & 255)]


@inlined
def fold(code_point, tables):  # type: ignore[no-untyped-def]
    """The code point (int64) in lower case and standard width: `Ａ` and `A` become `a`, `ｶ` becomes `カ`."""
    return code_point + np.int64(tables[2][(np.int64(tables[0][code_point >> 8]) << 8) | (code_point & 255)])
