"""Boilerplate: lines and paragraphs that stand in many records, found by counting hashes and cut as spans.

In two passes over the text, with a count between them (as in CCNet, Wenzek et al. 2020, section 3.1, which drops
every repeat of a paragraph; here a repeat goes from a number of records on): `line_hashes` per shard,
`count_repeats` over all shards or over one range of the hashes at a time, `cut_repeats` per shard.

A line and a paragraph are known by their folded tokens: case, width, punctuation, indentation and, for a paragraph,
how it is wrapped do not matter. A paragraph's hash never is a line's, also when it has only that line: each unit is
counted by itself, and where both repeat the cut is the paragraph's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np
import pyarrow as pa

from aigc_data.kernels import codepoints
from aigc_data.kernels import repeats as k
from aigc_data.text.arrow import text_buffers
from aigc_data.text.dedupe.cuts import Cuts, cuts_to_arrow

UNITS = {"line": k.LINES, "paragraph": k.PARAGRAPHS}

#: (hashes uint64[m], ascending and distinct; records uint32[m], in how many records each occurs)
Counted = tuple[np.ndarray, np.ndarray]


def line_hashes(
    texts: pa.Array | pa.ChunkedArray, *, units: Sequence[str] = ("line",), min_tokens: int
) -> tuple[np.ndarray, np.ndarray]:
    """(hashes uint64[m] ascending, rows uint32[m]): the 64-bit hashes of all lines or paragraphs of `min_tokens` tokens
    or more, and which text each is of.

    Several times in one text counts once; a null is an empty text. Among a billion hashes the chance that any two
    units share one is 1 in 40. Raises ValueError for an unknown unit or `min_tokens` below 1.
    """
    hashes, ends = k.hash_units(*text_buffers(texts), codepoints.TABLES, _bits(units, min_tokens), min_tokens)
    rows = np.repeat(np.arange(len(ends), dtype=np.uint32), np.diff(ends, prepend=0))
    order = np.argsort(hashes, kind="stable")
    return hashes[order], rows[order]


def counted(hashes: np.ndarray) -> Counted:
    """How often each of some hashes (uint64[m], ascending) occurs."""
    first = np.flatnonzero(np.concatenate([np.ones(min(len(hashes), 1), np.bool_), hashes[1:] != hashes[:-1]]))
    return hashes[first], np.diff(np.append(first, len(hashes))).astype(np.uint32)


def slice_hashes(part: Counted, low: int, high: int) -> Counted:
    """What of a part lies in `low` <= hash < `high`, both from 0 to 2**64; views, nothing is copied."""
    hashes, records = part
    begin, end = (len(hashes) if at >= 1 << 64 else int(np.searchsorted(hashes, np.uint64(at))) for at in (low, high))
    return hashes[begin:end], records[begin:end]


def count_repeats(parts: Iterable[Counted], *, records: int) -> np.ndarray:
    """The hashes (uint64[], ascending) that occur in at least `records` records of all parts together.

    Parts of one range of hashes may be counted by themselves: the results, put one after the other in the order of
    the ranges, are the result for all.
    """
    waiting: list[Counted] = []  # each at least twice as long as the next, so that every hash is merged log times
    for part in parts:
        waiting.append(part)
        while len(waiting) > 1 and len(waiting[-2][0]) < 2 * len(waiting[-1][0]):
            other = waiting.pop()
            waiting[-1] = _merged(waiting[-1], other)
    empty = (np.zeros(0, np.uint64), np.zeros(0, np.uint32))
    hashes, counts = reduce(_merged, reversed(waiting), empty)
    return hashes[counts >= records]


def cut_repeats(
    texts: pa.Array | pa.ChunkedArray, repeated: np.ndarray, *, units: Sequence[str] = ("line",), min_tokens: int
) -> pa.ListArray:
    """Where the texts hold lines or paragraphs whose hash is among `repeated` (uint64[], ascending): list<CUT>[n].

    `units` and `min_tokens` are those the hashes were made with. A line goes with its line feed, so that the text
    is joined as if the line had never been there. Where nothing is left of a paragraph, the blank lines after it go
    too (before it, at the end of the text); where nothing is left but blank lines, the whole text goes.
    """
    bits = _bits(units, min_tokens)
    found = k.cut_units(*text_buffers(texts), codepoints.TABLES, bits, min_tokens, _read_only(repeated))
    return cuts_to_arrow(Cuts(*found))


def _merged(one: Counted, two: Counted) -> Counted:
    merged: Counted = k.merge_counts(*map(_read_only, (*one, *two)))
    return merged


def _read_only(array: np.ndarray) -> np.ndarray:
    """A view that kernels are compiled for once, whether the array came from a file or from memory."""
    view = np.ascontiguousarray(array).view()
    view.setflags(write=False)
    return view


def _bits(units: Sequence[str], min_tokens: int) -> int:
    if unknown := set(units) - set(UNITS):
        raise ValueError(f"unknown units: {sorted(unknown)}; expected some of {list(UNITS)}")
    if min_tokens < 1:
        raise ValueError(f"min_tokens is {min_tokens}; expected 1 or more")
    return sum(UNITS[unit] for unit in set(units))
