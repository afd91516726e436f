"""Counts that say what a text is like: tokens, lines, and how much of them repeats.

All n-gram counts come from one idea: an n-gram can only occur twice where the (n-1)-grams at its start and
one token later do. Bigrams are looked up for every token; from there on only the survivors are, which are few
in prose.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import LETTER, SPACE, TERMINAL, UNSPACED, WORD, flags_of, fold
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.utf8 import decode

#: What `measure` returns for each text, in this order.
COUNTS = (
    "chars", "tokens", "token_chars", "alpha_tokens", "stop_words_en", "stop_words_zh", "newlines", "hashes",
    "ellipses", "lines", "bullet_lines", "ellipsis_lines", "terminal_lines", "short_lines", "dup_lines",
    "dup_line_chars", "paragraphs", "dup_paragraphs", "dup_paragraph_chars", "top_2gram", "top_3gram", "top_4gram",
    "dup_5gram", "dup_6gram", "dup_7gram", "dup_8gram", "dup_9gram", "dup_10gram",
)  # fmt: skip
(
    CHARS, TOKENS, TOKEN_CHARS, ALPHA, STOP_EN, STOP_ZH, NEWLINES, HASHES, ELLIPSES, LINES, BULLETS, ELLIPSIS_LINES,
    TERMINALS, SHORTS, DUP_LINES, DUP_LINE_CHARS, PARAGRAPHS, DUP_PARAGRAPHS, DUP_PARAGRAPH_CHARS, TOP_2,
) = range(20)  # fmt: skip
LAST_NGRAM = 10

SHORT_WIDTH = 30  # a line is short up to this width; a code point of an unspaced script is three wide
SEED = np.uint64(0x9E3779B97F4A7C15)
STEP = np.uint64(0xFF51AFD7ED558CCD)
COUNT_BITS = np.uint64(24)
COUNT_MASK = np.uint64((1 << 24) - 1)
WORD_BIT = np.int32(1 << 30)  # in a token's length: it is a word, which is written with blanks around it


@inlined
def _mix(value, more):  # type: ignore[no-untyped-def]
    value = ((value << np.uint64(5) | value >> np.uint64(59)) ^ more) * STEP  # turned, for order must matter
    return value ^ (value >> np.uint64(29))


@inlined
def _stop_bit(key, stop_keys, stop_bits):  # type: ignore[no-untyped-def]
    """The bit of a stop word, 0 for every other token; open addressing, an empty slot holds 0."""
    slot = np.int64(key & np.uint64(len(stop_keys) - 1))
    while stop_keys[slot] != 0:
        if stop_keys[slot] == key:
            return stop_bits[slot]
        slot = (slot + 1) & (len(stop_keys) - 1)
    return np.int64(0)


@inlined
def _is_bullet(first, second):  # type: ignore[no-untyped-def]
    """Whether a line that starts with these two code points is an item of a list; `-*+–` need a blank behind
    them."""
    if first < 0x80 or first == 0x2013:
        return (first == 0x2D or first == 0x2A or first == 0x2B or first == 0x2013) and (second == 32 or second == 9)
    if first == 0x2022 or first == 0x2023 or first == 0x2043 or first == 0x2219 or first == 0xB7:
        return True
    # Squares, triangles, diamonds and circles: ■ … ◿, except the box drawings and the stars.
    return 0x25A0 <= first <= 0x25FF


@inlined
def _ellipses(code_point, run):  # type: ignore[no-untyped-def]
    """How many ellipses a run of one code point makes: `...` one, `……` one, `。。。` one."""
    if code_point == 0x2026:
        return (run + 1) // 2
    return run // 3 if code_point == 0x2E or code_point == 0x3002 else 0


@inlined
def _end_line(data, start, size, last, wide, run, counts, tables):  # type: ignore[no-untyped-def]
    """Count one line of `size` characters from byte `start` on, whose last visible code point is `last`."""
    first, width = decode(data, start)
    second = np.int64(data[start + width]) if size > 1 else np.int64(10)
    counts[BULLETS] += _is_bullet(first, second)
    counts[ELLIPSIS_LINES] += _ellipses(last, run) > 0
    counts[TERMINALS] += (flags_of(last, tables) & TERMINAL) != 0
    counts[SHORTS] += wide <= SHORT_WIDTH


@inlined
def _scan(data, at, end, tables, keys, lengths, line_keys, sizes, counts):  # type: ignore[no-untyped-def]
    """(tokens, lines and breaks) of one text, in one walk; all counts that need no comparison are made here.

    Token hashes go to keys, their lengths (and WORD_BIT) to lengths; hashes of lines that are not blank go to
    line_keys, their lengths to sizes, with a 0 between paragraphs.
    """
    count = token_chars = alpha = chars = newlines = hashes = ellipses = np.int64(0)
    token, length, letters = SEED, np.int32(0), np.uint8(0)
    written, blank, start = np.int64(0), True, at
    seen = unspaced = last = run = np.int64(0)  # of the line: characters, those three wide, and the run at its end
    line, in_gap, gap = SEED, False, (SEED, np.int64(0), np.int64(0))
    while at <= end:
        if at == end:  # the end of a text ends its line
            code_point, flags, width = np.int64(10), np.uint8(SPACE), np.int64(1)
        else:
            code_point, width = np.int64(data[at]), np.int64(1)
            if code_point < 0x80:
                flags = tables[1][code_point]  # page 0 comes first in the table
            else:
                code_point, width = decode(data, at)
                flags = flags_of(code_point, tables)
        at += width
        if length and not flags & WORD:
            keys[count], lengths[count] = _mix(SEED, token), length | WORD_BIT
            count, token_chars, alpha = count + 1, token_chars + length, alpha + (letters & LETTER != 0)
            token, length, letters = SEED, np.int32(0), np.uint8(0)
        if not flags & SPACE:
            if seen == 0:
                start = at - width
            seen, in_gap = seen + 1, False
            line = (line + np.uint64(code_point)) * STEP
            if flags & WORD:
                token = (token + np.uint64(fold(code_point, tables))) * STEP
                length += 1
                letters |= flags
                ellipses += _ellipses(last, run)
                while at < end and data[at] < 0x80 and tables[1][data[at]] & WORD:  # the rest of most words
                    byte = data[at]
                    code_point = np.int64(byte)
                    line = (line + np.uint64(byte)) * STEP
                    token = (token + np.uint64(code_point + tables[2][byte])) * STEP
                    letters |= tables[1][byte]
                    length, seen, at = length + 1, seen + 1, at + 1
                last, run = code_point, np.int64(1)
                continue
            elif flags & UNSPACED:
                keys[count] = _mix(SEED, (SEED + np.uint64(fold(code_point, tables))) * STEP)
                lengths[count] = 1
                count, token_chars, alpha = count + 1, token_chars + 1, alpha + (flags & LETTER != 0)
                unspaced += 1
            elif code_point == last:
                run += 1
                hashes += code_point == 0x23
                continue
            else:
                hashes += code_point == 0x23
            ellipses += _ellipses(last, run) if run > 2 or last == 0x2026 else 0
            last, run = code_point, np.int64(1)
            continue
        if code_point != 10:
            chars += 1
            if seen:
                if not in_gap:  # what stands behind the last visible character does not belong to the line
                    gap, in_gap = (line, seen, run), True
                    ellipses += _ellipses(last, run)
                    run = np.int64(0)
                seen, line = seen + 1, (line + np.uint64(code_point)) * STEP
                chars -= 1
            continue
        newlines += at <= end
        if seen == 0:  # a blank line: what follows is another paragraph
            if not blank:
                sizes[written] = 0
                written += 1
            blank = True
            continue
        chars += seen
        if in_gap:
            line, seen, run = gap
        else:
            ellipses += _ellipses(last, run)
        line_keys[written], sizes[written] = line, seen
        written, blank = written + 1, False
        _end_line(data, start, seen, last, seen + 2 * unspaced, run, counts, tables)
        line, in_gap = SEED, False
        seen = unspaced = run = np.int64(0)
    counts[CHARS], counts[NEWLINES], counts[HASHES], counts[ELLIPSES] = chars + newlines, newlines, hashes, ellipses
    counts[TOKENS], counts[TOKEN_CHARS], counts[ALPHA] = count, token_chars, alpha
    return count, written


@inlined
def _slots_for(count):  # type: ignore[no-untyped-def]
    """A power of two, at least twice `count`."""
    slots = 16
    while slots < 2 * count:
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
def _repeated_lines(keys, sizes, written, table, counts):  # type: ignore[no-untyped-def]
    """Count lines and paragraphs that stood in the text before, and their characters."""
    slots = _slots_for(written)
    for kind in range(2):
        table[:slots] = 0
        key, size = SEED, np.int64(0)
        for entry in range(written + kind):
            stop = entry == written or sizes[entry] == 0
            if not stop:
                key, size = _mix(key, keys[entry]), size + sizes[entry]
            if size and (stop or kind == 0):
                slot = _tally(key, table, slots)
                at = DUP_PARAGRAPHS if kind else DUP_LINES
                counts[PARAGRAPHS if kind else LINES] += 1
                if table[slot] & COUNT_MASK > 1:
                    counts[at] += 1
                    counts[at + 1] += size
                key, size = SEED, np.int64(0)


@inlined
def _length(lengths, start, n, blanks):  # type: ignore[no-untyped-def]
    """Characters of n tokens; with `blanks` one more between two words, as they are written."""
    total = np.int64(0)
    for place in range(start, start + n):
        total += lengths[place] & ~WORD_BIT
        if blanks and place > start and lengths[place] & lengths[place - 1] & WORD_BIT:
            total += 1
    return total


@inlined
def _drop_singles(places, grams, kept, filter_):  # type: ignore[no-untyped-def]
    """Keep the grams that may occur twice, by one byte for each hash's low bits: small enough for the nearest
    cache."""
    slots = 2 * _slots_for(kept)
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
def _repeated_ngrams(keys, lengths, tokens, places, grams, where, table, filter_, counts):  # type: ignore[no-untyped-def]
    """top_2gram … dup_10gram: characters of the most frequent n-gram, and of n-grams that occurred before."""
    alive = np.int64(tokens)
    for token in range(tokens):
        places[token], grams[token] = token, keys[token]
    for n in range(2, LAST_NGRAM + 1):
        kept = np.int64(0)
        for index in range(alive - 1):
            place = np.int64(places[index])
            if places[index + 1] == place + 1:
                # The gram of this place grows by the token behind it; both shorter ones occur twice.
                places[kept], grams[kept] = place, _mix(grams[index], keys[place + n - 1])
                kept += 1
        kept = _drop_singles(places, grams, kept, filter_)
        if kept == 0:
            return
        slots = _slots_for(kept)
        table[:slots] = 0
        for index in range(kept):
            where[index] = _tally(grams[index], table, slots)
        alive, most, best, skip_to = np.int64(0), np.int64(2), np.int64(0), np.int64(0)
        for index in range(kept):
            tally, place = np.int64(table[where[index]] & COUNT_MASK), np.int64(places[index])
            if tally == 1:
                continue
            if n <= 4:
                # Of equally frequent n-grams the longest counts, so that the order of the text does not.
                if tally >= most:
                    size = tally * _length(lengths, place, n, True)
                    if tally > most or size > best:
                        best = size
                    most = tally
            elif place >= skip_to:
                # As in datatrove: an occurrence that stood before counts whole, and the search goes on behind
                # it.
                if tally == 0:
                    best = best + _length(lengths, place, n, False)
                    skip_to = np.int64(place + n)
                else:
                    table[where[index]] = 0  # seen; the tally has done its work
            places[alive], grams[alive] = places[index], grams[index]
            alive += 1
        counts[TOP_2 + n - 2] = best


@kernel
def measure(data, offsets, tables, stop_keys, stop_bits):  # type: ignore[no-untyped-def]
    """int64[n, len(COUNTS)]: the counts of each of n texts.

    data uint8[] of valid UTF-8, offsets int64[n + 1], tables from kernels.codepoints, stop words as an open
    hash table of `hash_words` (uint64[2^k], 0 where empty) and bits (int64[2^k]): the low 32 English, the
    high Chinese.
    """
    rows = len(offsets) - 1
    counts = np.zeros((rows, len(COUNTS)), np.int64)
    longest = np.int64(0)
    for row in range(rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    room = longest // 2 + 2  # tokens and lines: each takes two bytes at least
    # Scratch for all texts; memory that no text reaches is never touched.
    keys, grams = np.empty(room, np.uint64), np.empty(room, np.uint64)
    lengths, places, where = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    table = np.empty(_slots_for(room), np.uint64)
    filter_ = np.empty(2 * len(table), np.uint8)
    for row in range(rows):
        mine, at, end = counts[row], offsets[row], offsets[row + 1]
        tokens, written = _scan(data, at, end, tables, keys, lengths, grams, where, mine)
        _repeated_lines(grams, where, written, table, mine)
        seen = np.int64(0)
        for place in range(tokens):
            seen |= _stop_bit(keys[place], stop_keys, stop_bits)
        for bit in range(32):
            mine[STOP_EN] += (seen >> bit) & 1
            mine[STOP_ZH] += (seen >> (bit + 32)) & 1
        _repeated_ngrams(keys, lengths, tokens, places, grams, where, table, filter_, mine)
    return counts


@kernel
def hash_words(data, offsets, tables):  # type: ignore[no-untyped-def]
    """uint64[n]: the hash of each row's first token, 0 where it has none."""
    hashes = np.zeros(len(offsets) - 1, np.uint64)
    counts = np.zeros(len(COUNTS), np.int64)
    for row in range(len(hashes)):
        room = (offsets[row + 1] - offsets[row]) // 2 + 2
        keys, lines = np.empty(room, np.uint64), np.empty(room, np.uint64)
        lengths, sizes = np.empty(room, np.int32), np.empty(room, np.int32)
        if _scan(data, offsets[row], offsets[row + 1], tables, keys, lengths, lines, sizes, counts)[0]:
            hashes[row] = keys[0]
    return hashes
