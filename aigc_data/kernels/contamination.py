"""Which items of an evaluation set a text holds shingles of: keys of 64 bits, looked up in a sorted index.

A shingle is the polynomial of its token hashes modulo 2^64, as in `kernels.shingles`, but mixed and kept whole:
1e9 distinct shingles of records against 1e6 of items make 1e15 pairs, so 1e15 / 2^64 = 5e-5 false hits are to be
expected. Pairs whose difference is a regular pattern (two tokens in each other's place, the Thue-Morse sequence)
are worse off, because powers of an odd base agree in their low bits: 2^-59 for an exchange, 2^-55 for eight tokens.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.shingles import BASE
from aigc_data.kernels.tokens import finished, hash_tokens, most_tokens

ONE, SIX, TWELVE, LOW = np.uint64(1), np.uint64(6), np.uint64(12), np.uint64(63)


@inlined
def _power(width):  # type: ignore[no-untyped-def]
    power = np.uint64(1)
    for _ in range(width):
        power *= BASE
    return power


@inlined
def _hash_prefixes(data, start, end, tables, prefixes):  # type: ignore[no-untyped-def]
    """Count the tokens of a text and set `prefixes` (uint64[count + 1]) to the polynomials of its first 0, 1, …
    token hashes: any window then costs one multiplication, whatever the lengths that are asked for."""
    count, _ = hash_tokens(data, start, end, tables, prefixes[1:])
    prefixes[0] = 0
    for i in range(count):
        prefixes[i + 1] += prefixes[i] * BASE
    return count


@inlined
def _key(prefixes, start, width, power):  # type: ignore[no-untyped-def]
    return finished(prefixes[start + width] - prefixes[start] * power)


@inlined
def _mask(key):  # type: ignore[no-untyped-def]
    """Three of 64 bits, by bits of the key that do not choose its word."""
    return ONE << (key & LOW) | ONE << ((key >> SIX) & LOW) | ONE << ((key >> TWELVE) & LOW)


@inlined
def _shift(buckets):  # type: ignore[no-untyped-def]
    """How far a key is shifted right to be one of `buckets`, a power of two from 2 on."""
    shift = np.uint64(64)
    while buckets > 1:
        shift -= ONE
        buckets >>= 1
    return shift


@inlined
def _longest(offsets):  # type: ignore[no-untyped-def]
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    return longest


@kernel
def item_shingles(data, offsets, tables, ngram, min_tokens):  # type: ignore[no-untyped-def]
    """(keys uint64[], row_offsets int64[n + 1], widths int64[n]): the distinct shingles of n items, sorted.

    `widths` is the length of an item's shingles in tokens: `ngram`, or all of its tokens where there are fewer; 0 and
    no shingles where there are fewer than `min_tokens`.
    """
    n = len(offsets) - 1
    prefixes = np.empty(most_tokens(_longest(offsets)) + 1, np.uint64)
    keys = np.empty(most_tokens(offsets[-1] - offsets[0]) + n, np.uint64)
    row_offsets, widths = np.zeros(n + 1, np.int64), np.zeros(n, np.int64)
    for row in range(n):
        count = _hash_prefixes(data, offsets[row], offsets[row + 1], tables, prefixes)
        begin = row_offsets[row]
        row_offsets[row + 1] = begin
        if count == 0 or count < min_tokens:
            continue
        width = min(ngram, count)
        widths[row] = width
        power = _power(width)
        own = keys[begin : begin + count - width + 1]
        for i in range(len(own)):
            own[i] = _key(prefixes, i, width, power)
        own.sort()
        distinct = 1
        for i in range(1, len(own)):
            own[distinct] = own[i]
            distinct += own[i] != own[distinct - 1]
        row_offsets[row + 1] = begin + distinct
    return keys[: row_offsets[-1]].copy(), row_offsets, widths


@kernel
def anchor_filter(data, offsets, tables, widths, lengths, anchor, words):  # type: ignore[no-untyped-def]
    """uint64[words]: a Bloom filter of one word a key over all windows of `anchor` tokens in some items.

    They are the items whose shingle length (`widths`, of `item_shingles`) is one of `lengths`; `words` is a power of
    two. The highest bits of a key choose its word, three others the bits that are set in it.
    """
    out = np.zeros(words, np.uint64)
    shift, power = _shift(words), _power(anchor)
    prefixes = np.empty(most_tokens(_longest(offsets)) + 1, np.uint64)
    for row in range(len(offsets) - 1):
        if not (lengths == widths[row]).any():
            continue
        count = _hash_prefixes(data, offsets[row], offsets[row + 1], tables, prefixes)
        for i in range(count - anchor + 1):
            key = _key(prefixes, i, anchor, power)
            out[key >> shift] |= _mask(key)
    return out


@inlined
def _place(key, shift, keys, starts):  # type: ignore[no-untyped-def]
    """The key's place among `keys`, -1 if it is not there; a bucket holds a few."""
    bucket = key >> shift
    for place in range(starts[bucket], starts[bucket + ONE]):
        if keys[place] == key:
            return place
    return -1


@inlined
def _with_room(values, count):  # type: ignore[no-untyped-def]
    """`values`, or a copy twice as long where `count` has filled them."""
    if count < len(values):
        return values
    longer = np.empty(2 * len(values), values.dtype)
    longer[:count] = values[:count]
    return longer


@inlined
def _better(item, hits, other, other_hits, sizes, name_ranks):  # type: ignore[no-untyped-def]
    """Whether an item stands before another: containment (compared as fractions), hits, name."""
    left, right = hits * sizes[other], other_hits * sizes[item]
    if left != right:
        return left > right
    if hits != other_hits:
        return hits > other_hits
    return name_ranks[item] < name_ranks[other]


@kernel
def shared_items(data, offsets, tables, groups, lookup, lists, items, limit, most):  # type: ignore[no-untyped-def]
    """(row_offsets int64[n + 1], found int32[], hits int32[]): the items of which n texts hold a shingle, best first.

    `groups` are (lengths int64[], anchor, stride, filter uint64[]): shingle lengths in use, and the `anchor_filter` of
    the items that have them. `lookup` is (keys uint64[h] sorted, starts int64[2^b + 1]): the keys whose b highest bits
    are k are `keys[starts[k]:starts[k + 1]]`. `lists` is (offsets int64[h + 1], items int32[]) of the items that hold
    each key, and (offsets int64[m + 1], keys int32[]) of the common keys, held by more than `limit` items, that each
    item holds. `items` is (sizes int32[m], name_ranks int32[m]). `hits` counts distinct shared keys. At most `most`
    items are given a text.

    A window of `anchor + stride - 1` tokens or more holds a whole window of `anchor` tokens that begins at a multiple
    of `stride`: only those are looked up in the filter, and only where one is found the shingles around it. So most of
    a text costs one lookup in `stride` tokens, and no shingle is missed.

    A common key finds only the first `limit` items of its list, so that a text costs at most `limit` steps a
    distinct hit, and as many for each common key of an item found. Hits of an item that is found are counted in full.
    """
    keys, starts = lookup
    list_offsets, listed, common_offsets, common = lists
    sizes, name_ranks = items
    n = len(offsets) - 1
    key_shift = _shift(len(starts) - 1)
    prefixes = np.empty(most_tokens(_longest(offsets)) + 1, np.uint64)
    marked, touched = np.zeros(len(keys), np.bool_), np.empty(64, np.int64)
    seen, counts, candidates = np.zeros(len(sizes), np.bool_), np.zeros(len(sizes), np.int64), np.empty(64, np.int64)
    best, best_hits = np.empty(most, np.int64), np.empty(most, np.int64)
    row_offsets = np.zeros(n + 1, np.int64)
    found, hits = np.empty(64, np.int32), np.empty(64, np.int32)
    written = 0
    for row in range(n):
        count = _hash_prefixes(data, offsets[row], offsets[row + 1], tables, prefixes)
        distinct = 0
        for lengths, anchor, stride, words in groups:
            if len(lengths) == 0:
                continue
            word_shift, anchor_power = _shift(len(words)), _power(anchor)
            for at in range(0, count - anchor + 1, stride):
                key = _key(prefixes, at, anchor, anchor_power)
                mask = _mask(key)
                if words[key >> word_shift] & mask != mask:
                    continue
                for width in lengths:
                    power = _power(width)
                    for i in range(max(at - stride + 1, 0), min(at, count - width) + 1):
                        place = _place(_key(prefixes, i, width, power), key_shift, keys, starts)
                        if place >= 0 and not marked[place]:
                            marked[place] = True
                            touched = _with_room(touched, distinct)
                            touched[distinct] = place
                            distinct += 1
        reached = 0
        for at in range(distinct):
            begin, end = list_offsets[touched[at]], list_offsets[touched[at] + 1]
            counted = end - begin <= limit
            for j in range(begin, min(end, begin + limit)):
                item = listed[j]
                counts[item] += counted
                if not seen[item]:
                    seen[item] = True
                    candidates = _with_room(candidates, reached)
                    candidates[reached] = item
                    reached += 1
        kept = 0
        for at in range(reached):
            item = candidates[at]
            held = counts[item]
            for j in range(common_offsets[item], common_offsets[item + 1]):
                held += marked[common[j]]
            seen[item], counts[item] = False, 0
            place = kept
            while place > 0 and _better(item, held, best[place - 1], best_hits[place - 1], sizes, name_ranks):
                place -= 1
            kept = min(kept + 1, most)
            for j in range(kept - 1, place, -1):
                best[j], best_hits[j] = best[j - 1], best_hits[j - 1]
            if place < most:
                best[place], best_hits[place] = item, held
        for at in range(distinct):
            marked[touched[at]] = False
        for at in range(kept):
            found, hits = _with_room(found, written), _with_room(hits, written)
            found[written], hits[written] = best[at], best_hits[at]
            written += 1
        row_offsets[row + 1] = written
    return row_offsets, found[:written].copy(), hits[:written].copy()
