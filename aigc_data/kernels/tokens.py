"""Tokens of UTF-8 texts: counted, hashed or written out folded.

A token is a maximal run of WORD code points, or one UNSPACED code point; everything else separates.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import UNSPACED, WORD, flags_of, fold
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.utf8 import decode, encode

#: Constants with well-spread bits: 2^64 / golden ratio, a multiplier of MurmurHash3 and one of xxHash64.
SEED = np.uint64(0x9E3779B97F4A7C15)
STEP = np.uint64(0xFF51AFD7ED558CCD)
MIX = np.uint64(0xC2B2AE3D27D4EB4F)
SEPARATOR = np.uint64(0x110000)  # no code point


@inlined
def classed(data, position, tables):  # type: ignore[no-untyped-def]
    """(flags, folded code point, width) of the sequence at `position`."""
    lead = np.int64(data[position])
    if lead < 0x80:  # page 0 comes first in the table
        return tables[1][lead], lead + np.int64(tables[2][lead]), np.int64(1)
    code_point, width = decode(data, position)
    return flags_of(code_point, tables), fold(code_point, tables), width


@inlined
def finished(word):  # type: ignore[no-untyped-def]
    """The 64-bit hash of a token whose code points have been folded into `word`."""
    word ^= word >> np.uint64(32)
    word *= MIX
    return word ^ (word >> np.uint64(29))


@inlined
def _step(word, code_point):  # type: ignore[no-untyped-def]
    return (word ^ np.uint64(code_point)) * STEP


@inlined
def _rolled(stream, value):  # type: ignore[no-untyped-def]
    return ((stream << np.uint64(23) | stream >> np.uint64(41)) ^ value) * MIX


@inlined
def hash_tokens(data, start, end, tables, out):  # type: ignore[no-untyped-def]
    """(count, stream) of one text: its token hashes go to `out` (uint64[], see `most_tokens`).

    `stream` (uint64) hashes the folded code points with one separator after each token, without going
    through the token hashes: with a hash over those it makes 128 bits that do not fail together.
    """
    count, position = np.int64(0), np.int64(start)
    word, stream, inside = SEED, SEED, False
    while position < end:
        flags, code_point, width = classed(data, position, tables)
        position += width
        if flags & WORD:
            word, stream, inside = _step(word, code_point), _rolled(stream, np.uint64(code_point)), True
            continue
        if inside:
            out[count] = finished(word)
            count += 1
            word, stream, inside = SEED, _rolled(stream, SEPARATOR), False
        if flags & UNSPACED:
            out[count] = finished(_step(SEED, code_point))
            count += 1
            stream = _rolled(_rolled(stream, np.uint64(code_point)), SEPARATOR)
    if inside:
        out[count] = finished(word)
        count += 1
        stream = _rolled(stream, SEPARATOR)
    return count, stream


@inlined
def most_tokens(length):  # type: ignore[no-untyped-def]
    """How many tokens `length` bytes hold at most: words need a separator, unspaced letters take 3 bytes."""
    return length // 2 + 1


@kernel
def count_tokens(data, offsets, tables):  # type: ignore[no-untyped-def]
    """Number of tokens (int64[n]) of each of n texts."""
    counts = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(counts)):
        position, end, inside, count = offsets[row], offsets[row + 1], False, 0
        while position < end:
            flags, _, width = classed(data, position, tables)
            position += width
            if flags & WORD:
                count += not inside
                inside = True
            else:
                inside = False
                count += (flags & UNSPACED) != 0
        counts[row] = count
    return counts


@kernel
def write_tokens(data, offsets, tables, counts):  # type: ignore[no-untyped-def]
    """(bytes uint8[], token_offsets int64[sum(counts) + 1]): the folded tokens, one after the other.

    `counts` is what `count_tokens` returned.
    """
    # Folding lengthens at most 2 bytes to 3 (U+023A to U+2C65).
    out = np.empty((offsets[-1] - offsets[0]) * 3 // 2 + 4, np.uint8)
    ends = np.zeros(counts.sum() + 1, np.int64)
    token, written = 0, 0
    for row in range(len(offsets) - 1):
        position, end, inside = offsets[row], offsets[row + 1], False
        while position < end:
            flags, code_point, width = classed(data, position, tables)
            position += width
            if inside and not flags & WORD:
                token += 1
                ends[token] = written
            inside = (flags & WORD) != 0
            if flags & (WORD | UNSPACED):
                written += encode(code_point, out, written)
            if flags & UNSPACED:
                token += 1
                ends[token] = written
        if inside:
            token += 1
            ends[token] = written
    return out[:written].copy(), ends
