"""MinHash signatures over shingle hashes, bit-identical to datasketch 2 with `scheme="affine32"`.

Each 32-bit shingle hash is mixed once by MurmurHash3's finaliser; permutation k is `a[k] * h + b[k]` modulo
2^32 with odd `a[k]`; the signature holds the least value of each. A text without shingles has 0xFFFFFFFF
throughout.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.shingles import exact_hash, hash_shingles, shingle_count
from aigc_data.kernels.tokens import hash_tokens, most_tokens

NOTHING = np.uint32(0xFFFFFFFF)
UNROLL = 8  # shingles taken at once: `a`, `b` and the signature are then read once for all of them


def permutations(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(a, b), uint32[count] each, as datasketch 2.0 draws them for `scheme="affine32"`."""
    generator = np.random.RandomState(seed)
    a = generator.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a, generator.randint(0, 1 << 32, count, dtype=np.uint32)


@inlined
def mixed(h):  # type: ignore[no-untyped-def]
    """MurmurHash3's 32-bit finaliser."""
    h ^= h >> np.uint32(16)
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h ^= h >> np.uint32(13)
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))


@inlined
def take_minima(hashes, count, a, b, signature):  # type: ignore[no-untyped-def]
    """Set `signature` (uint32[K]) to the least value of each permutation.

    `hashes` (uint32[]) is mixed in place. It has room for UNROLL more: the last group is filled up with a
    value that is there already.
    """
    for i in range(count):
        hashes[i] = mixed(hashes[i])
    signature[:] = NOTHING
    if count == 0:
        return
    for i in range(count, count + UNROLL):
        hashes[i] = hashes[0]
    for i in range(0, count, UNROLL):
        h0, h1, h2, h3 = hashes[i], hashes[i + 1], hashes[i + 2], hashes[i + 3]
        h4, h5, h6, h7 = hashes[i + 4], hashes[i + 5], hashes[i + 6], hashes[i + 7]
        for k in range(len(signature)):
            m, c, least = a[k], b[k], signature[k]
            least = min(min(least, np.uint32(h0 * m + c)), min(np.uint32(h1 * m + c), np.uint32(h2 * m + c)))
            least = min(min(least, np.uint32(h3 * m + c)), min(np.uint32(h4 * m + c), np.uint32(h5 * m + c)))
            signature[k] = min(min(least, np.uint32(h6 * m + c)), np.uint32(h7 * m + c))


@inlined
def band_keys(signature, rows, keys):  # type: ignore[no-untyped-def]
    """Set `keys` (uint32[bands]) to a hash of each band: `rows` consecutive values of the signature."""
    for band in range(len(keys)):
        key = np.uint32(band)
        for k in range(band * rows, (band + 1) * rows):
            key = mixed(np.uint32(key * np.uint32(31)) ^ signature[k])
        keys[band] = key


@kernel
def sketch_rows(data, offsets, tables, ngram, a, b, link, group):  # type: ignore[no-untyped-def]
    """Sketch n texts; `link` and `group` are (bands, rows).

    Returns exact uint64[n, 2] (high, low), counts int64[n, 2] (tokens, shingles), link and group keys
    uint32[n, bands], and sig8 uint8[n, K], the low byte of each signature value.
    """
    (link_bands, link_rows), (group_bands, group_rows) = link, group
    n, size = len(offsets) - 1, len(a)
    longest = 0
    for row in range(n):
        longest = max(longest, offsets[row + 1] - offsets[row])
    tokens = np.empty(most_tokens(longest), np.uint64)
    hashes = np.empty(most_tokens(longest) + UNROLL, np.uint32)
    signature = np.empty(size, np.uint32)
    exact, counts = np.empty((n, 2), np.uint64), np.empty((n, 2), np.int64)
    link_keys, group_keys = np.empty((n, link_bands), np.uint32), np.empty((n, group_bands), np.uint32)
    sig8 = np.empty((n, size), np.uint8)
    for row in range(n):
        count, stream = hash_tokens(data, offsets[row], offsets[row + 1], tables, tokens)
        exact[row, 0], exact[row, 1] = exact_hash(tokens, count, stream)
        counts[row, 0], counts[row, 1] = count, shingle_count(count, ngram)
        take_minima(hashes, hash_shingles(tokens, count, ngram, hashes), a, b, signature)
        band_keys(signature, link_rows, link_keys[row])
        band_keys(signature, group_rows, group_keys[row])
        for k in range(size):
            sig8[row, k] = np.uint8(signature[k] & np.uint32(255))
    return exact, counts, link_keys, group_keys, sig8


@kernel
def signatures(hashes, row_offsets, a, b):  # type: ignore[no-untyped-def]
    """Full signatures (uint32[n, K]) of n sets of shingle hashes, given as `shingle_rows` returns them."""
    out = np.empty((len(row_offsets) - 1, len(a)), np.uint32)
    for row in range(len(out)):
        count = row_offsets[row + 1] - row_offsets[row]
        own = np.empty(count + UNROLL, np.uint32)
        own[:count] = hashes[row_offsets[row] : row_offsets[row + 1]]
        take_minima(own, count, a, b, out[row])
    return out
