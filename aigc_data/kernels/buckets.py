"""Candidate pairs inside LSH buckets, linear in the bucket's size: leader clustering on 8-bit signatures."""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined, kernel

#: A bucket of m rows has ROUNDS leaders at most, or as many as keep it under COMPARISONS comparisons if
#: that is more: up to 128 rows all pairs are compared, from 2,048 rows on there are 8 rounds.
ROUNDS = 8
COMPARISONS = 1 << 14


@inlined
def agreements(left, right):  # type: ignore[no-untyped-def]
    """How many values (int32) of two 8-bit signatures agree."""
    count = np.int32(0)
    for k in range(len(left)):
        count += np.int32(left[k] == right[k])
    return count


@kernel
def lead_buckets(entries, rows, sig8, emit, absorb):  # type: ignore[no-untyped-def]
    """Pairs of one band: (pairs uint64[m], matches int16[m]); a pair is `smaller place << 32 | larger place`.

    `entries` (uint64[], ascending) is `band key << 32 | place`: equal keys are a bucket, and the record at
    a place has the signature `sig8[rows[place]]` (uint8[n, K]). In each round the bucket's smallest place
    leads: one that agrees with it in `emit` values or more is paired with it, and leaves the bucket when it
    agrees in `absorb` or more. What is left after the last round stays unpaired.
    """
    pairs, matches, found = np.empty(1024, np.uint64), np.empty(1024, np.int16), 0
    waiting = np.empty(len(entries), np.int64)
    start = 0
    while start < len(entries):
        key, end = entries[start] >> np.uint64(32), start + 1
        while end < len(entries) and entries[end] >> np.uint64(32) == key:
            end += 1
        count = end - start
        for i in range(count):
            waiting[i] = np.int64(entries[start + i] & np.uint64(0xFFFFFFFF))
        rounds = max(ROUNDS, COMPARISONS // count)
        start = end
        while count > 1 and rounds > 0:
            rounds -= 1
            if found + count > len(pairs):
                room = 2 * len(pairs) + count
                pairs, matches = _moved(pairs, room, found), _moved(matches, room, found)
            leader, kept = waiting[0], 0
            for i in range(1, count):
                place = waiting[i]
                same = agreements(sig8[rows[leader]], sig8[rows[place]])
                if same >= emit:
                    pairs[found] = (np.uint64(leader) << np.uint64(32)) | np.uint64(place)
                    matches[found] = same
                    found += 1
                if same < absorb:
                    waiting[kept] = place
                    kept += 1
            count = kept
    return pairs[:found].copy(), matches[:found].copy()


@inlined
def _moved(array, room, used):  # type: ignore[no-untyped-def]
    larger = np.empty(room, array.dtype)
    larger[:used] = array[:used]
    return larger
