"""Runs of tokens that stand word for word in several texts, or twice in one: found exactly, all but the first cut.

What Lee et al. 2022 ("Deduplicating Training Data Makes Language Models Better", section 4.1) do with a suffix array
over the whole corpus is done here for a group of texts with a suffix array cut off at the wanted depth: windows of
1, 2, 4, … tokens are named (Karp, Miller and Rosenberg 1972; Manber and Myers 1993), two that overlap make the wanted
length, and a name says where its window occurs first. As names only need to be equal or not, a table gives them and
nothing is sorted. A filter leaves out windows that surely are the only ones of their kind before that.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from aigc_data.kernels import codepoints
from aigc_data.kernels import substrings as k
from aigc_data.text.arrow import text_buffers
from aigc_data.text.dedupe.cuts import SUBSTRING, Cuts, cuts_to_arrow

#: Names are 32-bit, and one of them means "none".
MOST_TOKENS = (1 << 32) - 1


def repeated_substrings(texts: pa.Array | pa.ChunkedArray, order: np.ndarray, *, tokens: int = 50) -> pa.ListArray:
    """Where n texts hold a run of `tokens` tokens or more that also stands earlier: list<CUT>[n], kind "substring".

    Earlier is in a text with a smaller `order` (int[n] or uint64[n], distinct: the ranks), or before it in the same
    text without overlapping it. The first occurrence stays. The result depends on texts and their order, not on
    which row is which; a null is an empty text. A cut ends where the next token begins; at the end of a text it
    takes the white space before it along.

    Tokens are known by 64-bit hashes (a false pair among ten million different ones: 3 in a million), runs of them
    exactly. Raises ValueError when two texts have the same order, or for `tokens` below 1 or 2^32 - 1 tokens that
    repeat.
    """
    data, offsets = text_buffers(texts)
    order = np.asarray(order)
    if tokens < 1:
        raise ValueError(f"tokens is {tokens}; expected 1 or more")
    if len(order) != len(offsets) - 1:
        raise ValueError(f"{len(offsets) - 1} texts and the order of {len(order)}")
    walk = np.argsort(order, kind="stable")
    if np.any(np.diff(order[walk].astype(np.uint64)) == 0):
        raise ValueError("two texts have the same place in the order; expected distinct ranks")
    hashes, row_offsets = k.token_hashes(data, offsets, codepoints.TABLES, walk)
    alive = k.repeating_windows(hashes, row_offsets, tokens)
    starts, ends = k.segments_of(alive, row_offsets, tokens)
    if (ends - starts).sum() >= MOST_TOKENS:
        raise ValueError(f"{(ends - starts).sum()} tokens may repeat; expected less than 2^32 - 1 in a group")
    names = k.window_names(hashes, starts, ends, tokens)
    places, firsts, lasts = k.cut_tokens(names, starts, ends, row_offsets, tokens)
    rows = walk[places]
    by_row = np.argsort(rows, kind="stable")
    runs = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(walk)))]).astype(np.int64)
    spans = k.token_spans(data, offsets, codepoints.TABLES, runs, firsts[by_row], lasts[by_row])
    return cuts_to_arrow(Cuts(runs, np.full(len(rows), SUBSTRING, np.uint8), *spans))
