"""Character n-grams of texts, and what a table of their probabilities says of a text.

A text is read as symbols: code points, every decimal digit as 0, runs of white space as one blank, none at the ends;
a START stands before it. An n-gram's key is 64 bits of hash; a table slot holds 32 of them beside two numbers.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import DIGIT, SPACE, flags_of
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.shingles import BASE
from aigc_data.kernels.tokens import MIX, STEP
from aigc_data.kernels.utf8 import decode

START = np.uint32(0x110000)  # no code point
BLANK, ZERO = 32, 48
#: Numbers in a slot are bits times this, in 16 bits: probabilities from 2^-64, back-off weights from 2^-32 to 2^32.
SCALE = 1024
SHIFT = 32768  # added to a back-off weight
LONGEST = 8
BLOCK = 4096  # symbols that are read before they are looked up


@inlined
def _read(data, position, tables):  # type: ignore[no-untyped-def]
    """(symbol, width) of the code point at `position`; BLANK for every white space."""
    lead = np.int64(data[position])
    if lead < 0x80:
        flags = tables[1][lead]
        symbol = np.int64(BLANK) if flags & SPACE else np.int64(ZERO) if flags & DIGIT else lead
        return symbol, np.int64(1)
    code_point, width = decode(data, position)
    flags = flags_of(code_point, tables)
    symbol = np.int64(BLANK) if flags & SPACE else np.int64(ZERO) if flags & DIGIT else code_point
    return symbol, width


@inlined
def _push(grams, order, symbol):  # type: ignore[no-untyped-def]
    """Turn the polynomials of the n-grams that ended at the symbol before into those that end at this one."""
    value = (np.uint64(symbol) + np.uint64(1)) * STEP
    for n in range(order - 1, 0, -1):
        grams[n] = grams[n - 1] * BASE + value
    grams[0] = value


@inlined
def _key(polynomial, n):  # type: ignore[no-untyped-def]
    """The key (uint64, never 0) of an n-gram, n counted from 0."""
    value = polynomial + np.uint64(n) * MIX
    value = (value ^ (value >> np.uint64(31))) * MIX
    return (value ^ (value >> np.uint64(29))) | np.uint64(1 << 32)


@kernel
def read_symbols(data, offsets, tables):  # type: ignore[no-untyped-def]
    """uint32[m]: the symbols of n texts one after the other, a START before each."""
    out = np.empty(offsets[-1] - offsets[0] + len(offsets), np.uint32)
    count = 0
    for row in range(len(offsets) - 1):
        out[count] = START
        count += 1
        position, gap, begun = offsets[row], False, False
        while position < offsets[row + 1]:
            symbol, width = _read(data, position, tables)
            position += width
            if symbol == BLANK:
                gap = begun
                continue
            if gap:
                out[count] = BLANK
                count += 1
            out[count] = symbol
            count += 1
            gap, begun = False, True
    return out[:count].copy()


@kernel
def gram_keys(symbols, order):  # type: ignore[no-untyped-def]
    """uint64[order, m]: the key of the n-gram that ends at each symbol, 0 where a START lies inside it.

    A START may be its first symbol.
    """
    out = np.zeros((order, len(symbols)), np.uint64)
    grams = np.zeros(order, np.uint64)
    since = 0
    for place in range(len(symbols)):
        since = 1 if symbols[place] == START else since + 1
        _push(grams, order, symbols[place])
        for n in range(min(order, since)):
            out[n, place] = _key(grams[n], n)
    return out


@kernel
def fill(table, keys, costs, backoffs):  # type: ignore[no-untyped-def]
    """Enter k n-grams into a table (uint64[2^b] of zeros) in place: costs and backoffs are int64[k], scaled."""
    mask = np.uint64(len(table) - 1)
    for index in range(len(keys)):
        slot = keys[index] & mask
        while table[slot]:
            slot = (slot + np.uint64(1)) & mask
        check = keys[index] >> np.uint64(32)
        table[slot] = check << np.uint64(32) | np.uint64(costs[index]) << np.uint64(16) | np.uint64(backoffs[index])


@inlined
def _find(table, mask, key):  # type: ignore[no-untyped-def]
    """The slot of an n-gram, 0 when the table has none."""
    slot, check = key & mask, key >> np.uint64(32)
    while True:
        entry = table[slot]
        if entry == 0 or entry >> np.uint64(32) == check:
            return entry
        slot = (slot + np.uint64(1)) & mask


@kernel
def score_rows(data, offsets, unicode, rows, table, order, unseen):  # type: ignore[no-untyped-def]
    """(costs int64[m], symbols int64[m]): bits times SCALE that the named texts take, and how many symbols they have.

    rows int64[m]; table uint64[2^b], not full; `unseen` is the cost of a symbol that the table has not. A symbol costs
    what the longest n-gram in the table that ends with it says, less the back-off weights of the longer contexts.
    """
    costs, counts = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    symbols, grams = np.empty(BLOCK, np.uint32), np.zeros(LONGEST, np.uint64)
    for index in range(len(rows)):
        position, end, gap, begun = offsets[rows[index]], offsets[rows[index] + 1], False, False
        _push(grams, order, START)
        entry = _find(table, np.uint64(len(table) - 1), _key(grams[0], 0))
        known, backoff = 1, _weight(entry) if entry else np.int64(0)
        while position < end:
            count = 0
            while position < end and count < BLOCK - 1:
                symbol, width = _read(data, position, unicode)
                position += width
                if symbol == BLANK:
                    gap = begun
                    continue
                if gap:
                    symbols[count] = BLANK
                    count += 1
                symbols[count] = symbol
                count += 1
                gap, begun = False, True
            cost, known, backoff = _costs(symbols, count, table, order, unseen, grams, known, backoff)
            costs[index] += cost
            counts[index] += count
    return costs, counts


@inlined
def _weight(entry):  # type: ignore[no-untyped-def]
    return np.int64(entry & np.uint64(0xFFFF)) - SHIFT


@inlined
def _costs(symbols, count, table, order, unseen, grams, known, backoff):  # type: ignore[no-untyped-def]
    """(cost of so many symbols, `known` and `backoff` of the last): see `score_rows`. `grams` go on to the last one.

    `known` is the length of the longest n-gram in the table that ended at the symbol before, `backoff` its weight.
    A longer one than known + 1 cannot end here: with an n-gram the table holds its prefix.
    """
    total, mask = np.int64(0), np.uint64(len(table) - 1)
    for place in range(count):
        value = (np.uint64(symbols[place]) + np.uint64(1)) * STEP
        n = min(order - 1, known)
        while True:
            entry = _find(table, mask, _key(grams[n - 1] * BASE + value if n else value, n))
            if entry:
                total += np.int64(entry >> np.uint64(16) & np.uint64(0xFFFF))
                known, backoff = n + 1, _weight(entry)
                break
            if n == 0:
                total, known, backoff = total + unseen, 0, np.int64(0)
                break
            if n == known:
                total -= backoff
            else:
                entry = _find(table, mask, _key(grams[n - 1], n - 1))
                total -= _weight(entry) if entry else 0
            n -= 1
        for n in range(order - 1, 0, -1):
            grams[n] = grams[n - 1] * BASE + value
        grams[0] = value
    return total, known, backoff
