"""How much of a text repeats: lines, paragraphs and n-grams of tokens.

All n-gram counts come from one idea: an n-gram can only occur twice where the (n-1)-grams at its start and
one token later do. Bigrams are looked up for every token; from there on only the survivors are, which are few
in prose.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined

SEED = np.uint64(0x9E3779B97F4A7C15)
STEP = np.uint64(0xFF51AFD7ED558CCD)
COUNT_BITS = np.uint64(24)
COUNT_MASK = np.uint64((1 << 24) - 1)
WORD_BIT = np.int32(1 << 30)  # in a token's length: it is a word, which is written with blanks around it
FIRST_TOP, LAST_TOP, LAST_NGRAM = 2, 4, 10


@inlined
def mix(value, more):  # type: ignore[no-untyped-def]
    """The hash of a sequence from that of its start and of its next part."""
    value = ((value << np.uint64(5) | value >> np.uint64(59)) ^ more) * STEP  # turned, for order must matter
    return value ^ (value >> np.uint64(29))


@inlined
def slots_for(count):  # type: ignore[no-untyped-def]
    """A power of two, at least twice `count`."""
    slots = 16
    while 3 * slots < 4 * count:
        slots *= 2
    return slots


@inlined
def _tally(key, table, slots):  # type: ignore[no-untyped-def]
    """Count `key` in table[:slots] and return its slot.

    An entry (uint64, 0 where empty) is the upper 40 bits of the key over a count of 24 bits; the lower bits
    of the key are where it lies. No text has 2^24 tokens in its two bytes each: a record ends at 16 MiB by
    default, and past it a count stops.
    """
    slot = np.int64(key & np.uint64(slots - 1))
    upper = key >> COUNT_BITS
    while table[slot] != 0 and table[slot] >> COUNT_BITS != upper:
        slot = (slot + 1) & (slots - 1)
    if table[slot] == 0:
        table[slot] = upper << COUNT_BITS
    table[slot] += np.uint64((table[slot] & COUNT_MASK) < COUNT_MASK)
    return slot


@inlined
def repeated_lines(keys, sizes, written, table, found):  # type: ignore[no-untyped-def]
    """found (int64[6]): lines, those that stood before, their characters, and the same of paragraphs.

    `sizes[i] == 0` is the break between two paragraphs. A paragraph's characters hold its inner line feeds.
    """
    slots = slots_for(written)
    for kind in range(2):
        table[:slots] = 0
        key, size = SEED, np.int64(0)
        for entry in range(written + kind):
            stop = entry == written or sizes[entry] == 0
            if not stop:
                key, size = mix(key, keys[entry]), size + sizes[entry] + (size > 0)
            if size and (stop or kind == 0):
                slot = _tally(key, table, slots)
                found[3 * kind] += 1
                if table[slot] & COUNT_MASK > 1:
                    found[3 * kind + 1] += 1
                    found[3 * kind + 2] += size
                key, size = SEED, np.int64(0)


@inlined
def _length(lengths, start, n, chinese):  # type: ignore[no-untyped-def]
    """Characters of n tokens with one blank between each two; in Chinese only between words, as they are written."""
    total = np.int64(0)
    for place in range(start, start + n):
        total += lengths[place] & ~WORD_BIT
        if place > start and (not chinese or lengths[place] & lengths[place - 1] & WORD_BIT):
            total += 1
    return total


@inlined
def _glued(lengths, start, n):  # type: ignore[no-untyped-def]
    """Characters of n tokens alone."""
    total = np.int64(0)
    for place in range(start, start + n):
        total += lengths[place] & ~WORD_BIT
    return total


@inlined
def _drop_singles(places, grams, kept, filter_):  # type: ignore[no-untyped-def]
    """Keep the grams that may occur twice, by one byte for each hash's low bits: small enough for the nearest
    cache."""
    slots = 4 * slots_for(kept)
    filter_[:slots] = 0
    mask = np.uint64(slots - 1)
    for index in range(kept):
        slot = np.int64((grams[index] >> np.uint64(8)) & mask)
        filter_[slot] = min(filter_[slot] + 1, 2)
    left = np.int64(0)
    for index in range(kept):
        if filter_[np.int64((grams[index] >> np.uint64(8)) & mask)] > 1:
            places[left], grams[left] = places[index], grams[index]
            left += 1
    return left


@inlined
def repeated_ngrams(keys, lengths, tokens, chinese, places, grams, where, table, filter_, found):  # type: ignore[no-untyped-def]
    """found (int64[9]): characters of the most frequent 2-, 3- and 4-gram, and of 5- to 10-grams that stood before.

    As datatrove has it: of equally frequent n-grams the first counts, and where none occurs twice, the text's
    first one. In Chinese an n-gram that occurs once is nothing.
    """
    for n in range(FIRST_TOP, LAST_TOP + 1):
        if tokens >= n and not chinese:
            found[n - FIRST_TOP] = _length(lengths, 0, n, chinese)
    kept = np.int64(0)
    for token in range(tokens - 1):
        places[token], grams[token] = token, mix(keys[token], keys[token + 1])
        kept += 1
    for n in range(FIRST_TOP, LAST_NGRAM + 1):
        if n <= 3:  # of those that are left later most stay
            kept = _drop_singles(places, grams, kept, filter_)
        if kept == 0:
            return
        slots = slots_for(kept)
        table[:slots] = 0
        for index in range(kept):
            where[index] = _tally(grams[index], table, slots)
        most, best, skip_to, left, before, gram = np.int64(1), np.int64(0), np.int64(0), np.int64(0), np.int64(-2), SEED
        for index in range(kept):
            tally, place = np.int64(table[where[index]] & COUNT_MASK), np.int64(places[index])
            if tally == 1:
                continue
            if n <= LAST_TOP:
                if tally > most:
                    most, best = tally, tally * _length(lengths, place, n, chinese)
            elif place >= skip_to:
                # As in datatrove: an occurrence that stood before counts whole, and the search goes on behind
                # it.
                if tally == 0:
                    best = best + _glued(lengths, place, n)
                    skip_to = np.int64(place + n)
                else:
                    table[where[index]] = 0  # seen; the tally has done its work
            mine = grams[index]
            if place == before + 1:
                # The gram of the place before grows by one token: both shorter ones occur twice.
                places[left], grams[left] = before, mix(gram, keys[before + n])
                left += 1
            before, gram = place, mine
        kept = left
        if best:
            found[n - FIRST_TOP] = best
