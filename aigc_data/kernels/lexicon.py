"""Terms of a lexicon in UTF-8 texts: a trie over token hashes, walked from every token, the longest term first.

Terms are runs of tokens, so a word of a spaced script is matched whole (`ass` is not in `assassin`) and a Han term
wherever its characters stand. A match does not run over a line's end, nor over punctuation other than JOINERS.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import UNSPACED, WORD
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.tokens import MIX, SEED, STEP, classed, finished, most_tokens

#: What may stand between two tokens of one term, at most MOST_JOINERS of them: blanks, and what is put between the
#: letters of a word to hide it or to split it.
JOINERS = (0x09, 0x20, 0xA0, 0x3000, 0x27, 0x2019, 0x2A, 0x2B, 0x2D, 0x5F, 0x7C, 0x7E, 0xB7, 0x2022, 0x30FB, 0x200B)
MOST_JOINERS = 3
STAR = 0x2A

#: How a token stands to the one before it: not to be read on from it, with joiners or nothing between, with asterisks.
APART, JOINED, MASKED = np.uint8(0), np.uint8(1), np.uint8(2)

_NONE = np.int32(-1)


@inlined
def _slot(state, word, mask):  # type: ignore[no-untyped-def]
    mixed = (word ^ (np.uint64(state) * SEED)) * MIX
    return np.int64((mixed ^ (mixed >> np.uint64(31))) & np.uint64(mask))


@inlined
def _next(state, word, trie):  # type: ignore[no-untyped-def]
    """The state that `word` leads to from `state`, -1 for none."""
    froms, words, tos = trie[0], trie[1], trie[2]
    mask = len(froms) - 1
    slot = _slot(state, word, mask)
    while froms[slot] >= 0:
        if froms[slot] == state and words[slot] == word:
            return tos[slot]
        slot = (slot + 1) & mask
    return _NONE


@kernel
def build_trie(words, ends, bits, masked):  # type: ignore[no-untyped-def]
    """The trie of terms: term i is the token hashes `words[ends[i]:ends[i + 1]]` (uint64[], int64[t + 1]).

    `2 ** bits` is more than twice the number of tokens. Returns (froms int32[2^bits], words uint64[2^bits], tos
    int32[2^bits]), an open-addressed table of transitions whose free places have a `from` of -1, terms (int32[s], the
    first term that ends in a state, else -1) and behind (int32[t], the next term that ends in the state of a term,
    else -1). Terms that are `masked` (bool[t]) come first there.
    """
    size = np.int64(1) << bits
    froms, keys, tos = np.full(size, -1, np.int32), np.zeros(size, np.uint64), np.zeros(size, np.int32)
    terms = np.full(len(words) + 1, -1, np.int32)
    behind = np.full(len(ends) - 1, -1, np.int32)
    states = 1
    for term in range(len(ends) - 1):
        state = np.int32(0)
        for place in range(ends[term], ends[term + 1]):
            found = _next(state, words[place], (froms, keys, tos))
            if found < 0:
                slot = _slot(state, words[place], size - 1)
                while froms[slot] >= 0:
                    slot = (slot + 1) & (size - 1)
                froms[slot], keys[slot], tos[slot] = state, words[place], states
                found = np.int32(states)
                states += 1
            state = found
        if terms[state] < 0 or masked[term]:
            behind[term] = terms[state]
            terms[state] = term
        else:
            before = terms[state]
            while behind[before] >= 0:
                before = behind[before]
            behind[before] = term
    return froms, keys, tos, terms[:states].copy(), behind


@inlined
def _step(word, code_point):  # type: ignore[no-untyped-def]
    return (word ^ np.uint64(code_point)) * STEP


@inlined
def _is_joiner(code_point):  # type: ignore[no-untyped-def]
    known = False
    for joiner in JOINERS:
        known = known or code_point == joiner
    return known


@inlined
def _read(data, start, end, tables, words, firsts, lasts, joined):  # type: ignore[no-untyped-def]
    """Number of tokens of one text; their hashes, code point bounds, and how each stands to the one before."""
    count, position, point = np.int64(0), np.int64(start), np.int64(0)
    word, inside = SEED, False
    gap, stars, broken = np.int64(0), np.int64(0), False
    while position < end:
        flags, code_point, width = classed(data, position, tables)
        position += width
        if flags & (WORD | UNSPACED) and not inside:
            firsts[count] = point
            joined[count] = APART if broken or gap > MOST_JOINERS else MASKED if stars and stars == gap else JOINED
            gap, stars, broken = np.int64(0), np.int64(0), False
        if flags & WORD:
            word, inside = _step(word, code_point), True
        elif inside:
            words[count], lasts[count] = finished(word), point
            count += 1
            word, inside = SEED, False
            if flags & UNSPACED:
                firsts[count], joined[count] = point, JOINED
        if flags & UNSPACED:
            words[count], lasts[count] = finished(_step(SEED, code_point)), point + 1
            count += 1
        elif not flags & WORD:
            gap += 1
            stars += code_point == STAR
            broken = broken or not _is_joiner(code_point)
        point += 1
    if inside:
        words[count], lasts[count] = finished(word), point
        count += 1
    return count


@kernel
def find_terms(data, offsets, tables, trie, counts_in, masked, row_bits):  # type: ignore[no-untyped-def]
    """(found int64[k, 4], tokens int64[n]): row, term, first and last + 1 code point of every match, in order.

    At each token the longest term is taken and the search goes on behind it. `counts_in` (uint64[t]) and `row_bits`
    (uint64[n]) are sets of languages: a term counts in a row where they share a bit, and is passed over elsewhere. A
    term that is `masked` (bool[t]) matches only with asterisks, and nothing else, between all of its tokens. Of terms
    with the same tokens the first that may match is taken.
    """
    rows = len(offsets) - 1
    longest = np.int64(0)
    for row in range(rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    most = most_tokens(longest) + 1
    words, joined = np.empty(most, np.uint64), np.empty(most, np.uint8)
    firsts, lasts = np.empty(most, np.int64), np.empty(most, np.int64)
    tokens = np.zeros(rows, np.int64)
    found, size = np.empty((64, 4), np.int64), 0
    ends_in, next_of = trie[3], trie[4]
    for row in range(rows):
        count = _read(data, offsets[row], offsets[row + 1], tables, words, firsts, lasts, joined)
        tokens[row] = count
        place = 0
        while place < count:
            state, behind, last, best = np.int32(0), place, place, np.int32(-1)
            all_masked = True
            while behind < count and (behind == place or joined[behind] != APART):
                all_masked = all_masked and (behind == place or joined[behind] == MASKED)
                state = _next(state, words[behind], trie)
                if state < 0:
                    break
                term = ends_in[state]
                while term >= 0 and not (counts_in[term] & row_bits[row] and (all_masked or not masked[term])):
                    term = next_of[term]
                if term >= 0:
                    best, last = term, behind
                behind += 1
            if best < 0:
                place += 1
                continue
            if size == len(found):
                grown = np.empty((2 * size, 4), np.int64)
                grown[:size] = found
                found = grown
            found[size, 0], found[size, 1], found[size, 2], found[size, 3] = row, best, firsts[place], lasts[last]
            size += 1
            place = last + 1
    return found[:size].copy(), tokens
