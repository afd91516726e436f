"""Shingles: 32-bit hashes of every n consecutive tokens, and the 128-bit hash of the whole token stream.

A text with fewer tokens than n is one shingle of all its tokens; a text without tokens has none.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.tokens import MIX, SEED, STEP, finished, hash_tokens, most_tokens

#: Base of the polynomial over token hashes, modulo 2^64; odd, so that no token's bits are shifted out.
BASE = np.uint64(0xD1342543DE82EF95)


@inlined
def shingle_count(tokens, ngram):  # type: ignore[no-untyped-def]
    """How many shingles a text with so many tokens has, repeated ones counted."""
    return max(tokens - ngram + 1, min(tokens, 1))


@inlined
def hash_shingles(tokens, count, ngram, out):  # type: ignore[no-untyped-def]
    """Write the shingle hashes of `count` token hashes (uint64[]) to `out` (uint32[]); returns how many.

    A shingle is the polynomial of its token hashes, rolled from one to the next, then mixed down to its
    high 32 bits.
    """
    width = min(ngram, count)
    shingles = shingle_count(count, ngram)
    leaving, rolling = np.uint64(1), np.uint64(0)
    for i in range(width):
        leaving *= BASE
        rolling = rolling * BASE + tokens[i]
    for i in range(shingles):
        if i > 0:
            rolling = rolling * BASE + tokens[i + width - 1] - tokens[i - 1] * leaving
        out[i] = np.uint32(((rolling ^ (rolling >> np.uint64(29))) * STEP) >> np.uint64(32))
    return shingles


@inlined
def exact_hash(tokens, count, stream):  # type: ignore[no-untyped-def]
    """(high, low) of the token stream: `high` over the token hashes, `low` over the code points."""
    high = SEED
    for i in range(count):
        high = ((high << np.uint64(31) | high >> np.uint64(33)) ^ tokens[i]) * MIX
    return finished(high ^ np.uint64(count)), finished(stream)


@kernel
def shingle_rows(data, offsets, tables, ngram, most):  # type: ignore[no-untyped-def]
    """(hashes uint32[], row_offsets int64[n + 1]): the shingle hashes of n texts, in token order.

    A text with more than `most` shingles gets none.
    """
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    tokens = np.empty(most_tokens(longest), np.uint64)
    row_offsets = np.zeros(len(offsets), np.int64)
    hashes = np.empty(most_tokens(offsets[-1] - offsets[0]) + len(offsets), np.uint32)
    for row in range(len(offsets) - 1):
        count, _ = hash_tokens(data, offsets[row], offsets[row + 1], tables, tokens)
        begin = row_offsets[row]
        row_offsets[row + 1] = begin
        if shingle_count(count, ngram) <= most:
            row_offsets[row + 1] += hash_shingles(tokens, count, ngram, hashes[begin:])
    return hashes[: row_offsets[-1]].copy(), row_offsets
