"""Tokens, the unit of every count, shingle and threshold, alike for Chinese and English.

A token is a maximal run of letters, numbers and marks of spaced scripts, or one letter of an unspaced
script (Han, kana, Thai, …). Tokens are folded: lower case, full-width ASCII and half-width kana in their
standard width.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from aigc_data.kernels import codepoints
from aigc_data.kernels.tokens import count_tokens as _count
from aigc_data.kernels.tokens import write_tokens as _write
from aigc_data.text.arrow import strings_from, text_buffers


def count_tokens(texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Number of tokens (int64[n]) of each text; a null has none."""
    return _count(*text_buffers(texts), codepoints.TABLES)


def list_tokens(texts: pa.Array | pa.ChunkedArray) -> pa.LargeListArray:
    """The folded tokens of each text, as lists of large_string; a null has none."""
    data, offsets = text_buffers(texts)
    counts = _count(data, offsets, codepoints.TABLES)
    rows = np.concatenate([[0], np.cumsum(counts)])
    tokens = strings_from(*_write(data, offsets, codepoints.TABLES, counts))
    return pa.LargeListArray.from_arrays(pa.array(rows, pa.int64()), tokens)


def tokens_of(text: str) -> list[str]:
    """The folded tokens of one text: the plain reference that the kernels are held to."""
    tokens: list[str] = []
    word = ""
    for character in text:
        flags, folded = _class(ord(character))
        if flags & codepoints.WORD:
            word += folded
            continue
        if word:
            tokens.append(word)
            word = ""
        if flags & codepoints.UNSPACED:
            tokens.append(folded)
    return [*tokens, word] if word else tokens


def _class(code_point: int) -> tuple[int, str]:
    pages, flags, deltas = codepoints.TABLES
    place = int(pages[code_point >> 8]) * 256 + (code_point & 255)
    return int(flags[place]), chr(code_point + int(deltas[place]))
