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
def lead_buckets(entries, sig8, emit, absorb):  # type: ignore[no-untyped-def]
    """Pairs of one band: (pairs uint64[m], matches int16[m]); a pair is `smaller place << 32 | larger place`.

    `entries` (uint64[], ascending) is `band key << 32 | place`: equal keys are a bucket, and the record at
    a place has the signature `sig8[place]` (uint8[n, K]). In each round the bucket's smallest place
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
                same = agreements(sig8[leader], sig8[place])
                if same >= emit:
                    pairs[found] = (np.uint64(leader) << np.uint64(32)) | np.uint64(place)
                    matches[found] = same
                    found += 1
                if same < absorb:
                    waiting[kept] = place
                    kept += 1
            count = kept
    return pairs[:found].copy(), matches[:found].copy()


@kernel
def shared_entries(keys, ranks, enters, low, high):  # type: ignore[no-untyped-def]
    """The entries (uint64[]: `key << 32 | rank`, unsorted) of the records that enter the buckets of one band.

    `keys` (uint32[n]) is the band, `ranks` (uint32[n]) and `enters` (bool[n]) say who a row is and whether it takes
    part; keys outside `low` <= key < `high` (integers up to 2^32) are another partition's.
    """
    count = 0
    for i in range(len(keys)):
        count += enters[i] and low <= keys[i] < high
    entries = np.empty(count, np.uint64)
    place = 0
    for i in range(len(keys)):
        if enters[i] and low <= keys[i] < high:
            entries[place] = (np.uint64(keys[i]) << np.uint64(32)) | np.uint64(ranks[i])
            place += 1
    return entries


@kernel
def without_loners(entries):  # type: ignore[no-untyped-def]
    """The entries (uint64[], ascending) whose key another one has too, moved to the front; returns how many."""
    kept, start, n = 0, 0, len(entries)
    while start < n:
        key, end = entries[start] >> np.uint64(32), start + 1
        while end < n and entries[end] >> np.uint64(32) == key:
            end += 1
        if end - start > 1:
            for i in range(start, end):
                entries[kept] = entries[i]
                kept += 1
        start = end
    return kept


@kernel
def query_buckets(entries, sig8, index, queries, emit, most):  # type: ignore[no-untyped-def]
    """Pairs of one band between an index and queries: (pairs uint64[m], matches int16[m]), as `lead_buckets` has them.

    `entries` and `sig8` are as there (a place is a row of `sig8`); `index` and `queries` are ranges (first, end) of
    places. In each bucket every query is compared with the first `most` places of the index, and paired with those
    that agree in `emit` values or more.
    """
    pairs, matches, found = np.empty(1024, np.uint64), np.empty(1024, np.int16), 0
    start = 0
    while start < len(entries):
        key, end = entries[start] >> np.uint64(32), start + 1
        while end < len(entries) and entries[end] >> np.uint64(32) == key:
            end += 1
        first = start
        while first < end and np.int64(entries[first] & np.uint64(0xFFFFFFFF)) < index[0]:
            first += 1
        last = first
        while last < min(end, first + most) and np.int64(entries[last] & np.uint64(0xFFFFFFFF)) < index[1]:
            last += 1
        if last > first:
            for q in range(start, end):
                query = np.int64(entries[q] & np.uint64(0xFFFFFFFF))
                if query < queries[0] or query >= queries[1]:
                    continue
                if found + last - first > len(pairs):
                    room = 2 * len(pairs) + last - first
                    pairs, matches = _moved(pairs, room, found), _moved(matches, room, found)
                for i in range(first, last):
                    place = np.int64(entries[i] & np.uint64(0xFFFFFFFF))
                    same = agreements(sig8[place], sig8[query])
                    if same >= emit:
                        small, large = min(place, query), max(place, query)
                        pairs[found] = (np.uint64(small) << np.uint64(32)) | np.uint64(large)
                        matches[found] = same
                        found += 1
        start = end
    return pairs[:found].copy(), matches[:found].copy()


@inlined
def _moved(array, room, used):  # type: ignore[no-untyped-def]
    larger = np.empty(room, array.dtype)
    larger[:used] = array[:used]
    return larger
