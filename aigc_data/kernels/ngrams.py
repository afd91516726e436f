"""Hashed n-grams of a text: of its tokens and marks, and of the shapes of its runs. What linear models read.

Tokens are those of `kernels.tokens`; a mark (punctuation, symbol, line feed) is a token too. A shape is a run of
alike things: words in lower case, capitalised ones, numbers, unspaced letters, the same mark over and over; it
says what kind and, by powers of two, how many. Shapes need no language.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import DIGIT, HAN, SPACE, UNSPACED, WORD, flags_of, fold
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.shingles import BASE
from aigc_data.kernels.tokens import MIX, SEED, STEP, finished
from aigc_data.kernels.utf8 import decode

#: Added to the hash of a shape n-gram, so that it is no token n-gram's.
SHAPE = np.uint64(0xA0761D6478BD642F)
#: Kinds of runs; a mark's kind is its code point + MARKS.
LOWER, CAPITAL, UPPER, MIXED, NUMBER, CODE, HANS, KANAS, MARKS = range(9)
LINE_FEED = 10
#: n-grams of one position at most, of either stream.
LONGEST = 8


@inlined
def _kind(letters, upper, first_upper, digits):  # type: ignore[no-untyped-def]
    """The kind of a word with so many code points, of which so many are upper case and so many digits."""
    if digits:
        return NUMBER if digits == letters else CODE
    if upper == 0:
        return LOWER
    if upper == letters and letters > 1:
        return UPPER
    return CAPITAL if first_upper and upper == 1 else MIXED


@inlined
def _run(kind, length):  # type: ignore[no-untyped-def]
    """The shape (uint64) of a run: its kind, and its length by powers of two up to 32."""
    size = 0
    while length > 1 and size < 5:
        length >>= 1
        size += 1
    return finished((SEED ^ np.uint64(kind * 8 + size)) * STEP)


@inlined
def _count(kind, kinds, lengths, count):  # type: ignore[no-untyped-def]
    """Lengthen the last run, or begin one; returns how many runs there are."""
    if count and kinds[count - 1] == kind:
        lengths[count - 1] += 1
        return count
    kinds[count], lengths[count] = kind, 1
    return count + 1


@inlined
def read_text(data, start, end, tables, tokens, kinds, lengths):  # type: ignore[no-untyped-def]
    """(tokens, runs): fills tokens uint64[m] with hashes, kinds int32[m] and lengths int32[m] with runs.

    Reading ends where m tokens are full.
    """
    count, runs, position, most = 0, 0, np.int64(start), len(tokens)
    word, letters, upper, digits, first_upper = SEED, 0, 0, 0, False
    while count < most:
        flags, width, code_point, folded = np.uint8(0), np.int64(1), np.int64(32), np.int64(32)
        if position < end:
            lead = np.int64(data[position])
            if lead < 0x80:
                code_point, flags = lead, tables[1][lead]
                folded = lead + np.int64(tables[2][lead])
            else:
                code_point, width = decode(data, position)
                flags, folded = flags_of(code_point, tables), fold(code_point, tables)
            if flags & WORD:
                is_upper = folded != code_point
                first_upper = is_upper if letters == 0 else first_upper
                word = (word ^ np.uint64(folded)) * STEP
                letters, upper, digits = letters + 1, upper + is_upper, digits + ((flags & DIGIT) != 0)
                position += width
                continue
        if letters:
            tokens[count] = finished(word)
            count += 1
            runs = _count(_kind(letters, upper, first_upper, digits), kinds, lengths, runs)
            word, letters, upper, digits, first_upper = SEED, 0, 0, 0, False
            continue  # the code point that ended the word is looked at again, if there is room
        if position >= end:
            break
        position += width
        if flags & UNSPACED:
            tokens[count] = finished((SEED ^ np.uint64(folded)) * STEP)
            count += 1
            runs = _count(HANS if flags & HAN else KANAS, kinds, lengths, runs)
        elif not flags & SPACE or code_point == LINE_FEED:
            tokens[count] = finished((SEED ^ np.uint64(folded)) * STEP)
            count += 1
            runs = _count(MARKS + code_point, kinds, lengths, runs)
    return count, runs


@inlined
def _bucket(value, shift):  # type: ignore[no-untyped-def]
    """The bucket (uint32) of an n-gram's polynomial."""
    return np.uint32(((value ^ (value >> np.uint64(29))) * MIX) >> shift)


@inlined
def _push(grams, longest, token):  # type: ignore[no-untyped-def]
    """Turn the polynomials of the n-grams that ended at the token before into those that end at this one."""
    for n in range(longest - 1, 0, -1):
        grams[n] = grams[n - 1] * BASE + token
    grams[0] = token


@kernel
def score_rows(data, offsets, tables, models, weights, sizes, most):  # type: ignore[no-untyped-def]
    """float64[n]: what the linear models say of n texts, 0 where a text has no n-gram.

    models int64[n] says which row of weights float32[m, 2^b] and of sizes int64[m, 2] reads the text, -1 none;
    sizes are the longest n-gram of tokens and that of shapes. At most `most` tokens of a text are read. Each
    n-gram counts once, and the sum is divided by the root of their number.
    """
    out = np.zeros(len(models))
    shift = np.uint64(64 - _bits(weights.shape[1]))
    seen = np.full(weights.shape[1], -1, np.int32)
    tokens = np.empty(_room(offsets, most), np.uint64)
    kinds, lengths = np.empty(len(tokens), np.int32), np.empty(len(tokens), np.int32)
    grams = np.zeros(LONGEST, np.uint64)
    for row in range(len(models)):
        model = models[row]
        if model < 0:
            continue
        mine = weights[model]
        count, runs = read_text(data, offsets[row], offsets[row + 1], tables, tokens, kinds, lengths)
        total, different = 0.0, 0
        longest = sizes[model, 0]
        for place in range(count):
            _push(grams, longest, tokens[place])
            for n in range(min(longest, place + 1)):
                bucket = _bucket(grams[n], shift)
                if seen[bucket] != row:
                    seen[bucket] = row
                    different += 1
                    total += mine[bucket]
        longest = sizes[model, 1]
        for place in range(runs if longest else 0):
            _push(grams, longest, _run(kinds[place], lengths[place]))
            for n in range(min(longest, place + 1)):
                bucket = _bucket(grams[n] + SHAPE, shift)
                if seen[bucket] != row:
                    seen[bucket] = row
                    different += 1
                    total += mine[bucket]
        if different:
            out[row] = total / np.sqrt(different)
    return out


@kernel
def feature_rows(data, offsets, tables, size, buckets, most):  # type: ignore[no-untyped-def]
    """(buckets uint32[k], row_offsets int64[n + 1]): the different n-grams of n texts, as `score_rows` reads them.

    size int64[2] as there.
    """
    shift = np.uint64(64 - _bits(buckets))
    seen = np.full(buckets, -1, np.int32)
    tokens = np.empty(_room(offsets, most), np.uint64)
    kinds, lengths = np.empty(len(tokens), np.int32), np.empty(len(tokens), np.int32)
    grams = np.zeros(LONGEST, np.uint64)
    found = np.empty(1024, np.uint32)
    ends = np.zeros(len(offsets), np.int64)
    filled = 0
    for row in range(len(offsets) - 1):
        count, runs = read_text(data, offsets[row], offsets[row + 1], tables, tokens, kinds, lengths)
        needed = filled + count * size[0] + runs * size[1]
        if needed > len(found):
            larger = np.empty(max(2 * len(found), needed), np.uint32)
            larger[:filled] = found[:filled]
            found = larger
        for place in range(count):
            _push(grams, size[0], tokens[place])
            for n in range(min(size[0], place + 1)):
                filled = _add(_bucket(grams[n], shift), row, seen, found, filled)
        for place in range(runs if size[1] else 0):
            _push(grams, size[1], _run(kinds[place], lengths[place]))
            for n in range(min(size[1], place + 1)):
                filled = _add(_bucket(grams[n] + SHAPE, shift), row, seen, found, filled)
        ends[row + 1] = filled
    return found[:filled].copy(), ends


@inlined
def _add(bucket, row, seen, found, filled):  # type: ignore[no-untyped-def]
    if seen[bucket] == row:
        return filled
    seen[bucket] = row
    found[filled] = bucket
    return filled + 1


@inlined
def _bits(buckets):  # type: ignore[no-untyped-def]
    bits = 0
    while (1 << bits) < buckets:
        bits += 1
    return bits


@inlined
def _room(offsets, most):  # type: ignore[no-untyped-def]
    """How many tokens of a text are read at most: every token is at least a byte."""
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    return max(min(longest, most), 1)
