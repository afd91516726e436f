"""Counts that say what a text is like: tokens, lines, sentences, and how much of them repeats.

For all but Chinese the counts are datatrove's (0.10.1), on our tokens; for Chinese they are what those become in a
script without blanks and with marks of its own.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import LETTER, SPACE, UNSPACED, WORD, flags_of
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.line_rules import (
    BRACE,
    JAVASCRIPT,
    LINE_COUNTS,
    LONG_WORD,
    LONG_WORD_FROM,
    citation_from,
    ellipses,
    holds_javascript,
    judge_line,
    phrase_bits,
)
from aigc_data.kernels.repetition import SEED, STEP, WORD_BIT, mix, repeated_lines, repeated_ngrams, slots_for
from aigc_data.kernels.utf8 import decode

#: What `measure` returns for each text, in this order.
COUNTS = (
    *("chars", "tokens", "token_chars", "alpha_tokens", "stop_words", "newlines", "hashes", "ellipses", "citations"),
    "all_lines",  # blank ones among them
    *LINE_COUNTS,
    *("lines", "dup_lines", "dup_line_chars", "paragraphs", "dup_paragraphs", "dup_paragraph_chars"),
    *("top_2gram", "top_3gram", "top_4gram"),
    *("dup_5gram", "dup_6gram", "dup_7gram", "dup_8gram", "dup_9gram", "dup_10gram"),
)
(CHARS, TOKENS, TOKEN_CHARS, ALPHA, STOP_WORDS, NEWLINES, HASHES, ELLIPSES, CITATIONS, ALL_LINES, FIRST_RULE) = range(
    11
)
LINES = FIRST_RULE + len(LINE_COUNTS)
TOP_2 = LINES + 6

# Where a sentence stands: inside, behind a mark that ends it if a blank follows, nothing of it seen yet, over.
INSIDE, MARKED, NONE, OVER = range(4)


@inlined
def _starts_notice(data, at, end):  # type: ignore[no-untyped-def]
    """Whether a word at byte `at` may be the last one of a phrase: co(okies), po(licy), us(e), ip(sum)."""
    if at + 2 >= end:
        return False
    first, second = data[at] | 0x20, data[at + 1] | 0x20
    if second == 0x6F:
        return first == 0x63 or first == 0x70
    return (second == 0x73 and first == 0x75) or (second == 0x70 and first == 0x69)


@inlined
def _ends_notice(code_point):  # type: ignore[no-untyped-def]
    """Whether a Han character may be the last one of a phrase: 策 款 议 議 明."""
    return (
        code_point == 0x7B56
        or code_point == 0x6B3E
        or code_point == 0x8BAE
        or code_point == 0x8B70
        or code_point == 0x660E
    )


@inlined
def _after(state, code_point, initial):  # type: ignore[no-untyped-def]
    """The state of a sentence behind a mark; `initial` says that a full stop stands behind a single letter."""
    if state >= NONE:
        return state
    if code_point < 0x80:
        if code_point == 0x2E or code_point == 0x3F or code_point == 0x21:
            return state if initial else MARKED
        # Quotes and brackets may stand between the mark and the blank.
        closes = code_point == 0x22 or code_point == 0x27 or code_point == 0x29 or code_point == 0x5D
        return state if closes else INSIDE
    if code_point == 0x3002 or code_point == 0xFF01 or code_point == 0xFF1F or code_point == 0xFF61:
        return OVER
    if code_point == 0x061F or code_point == 0x0964:
        return MARKED
    if code_point == 0x06D4:
        return OVER
    return state if code_point == 0x2019 or code_point == 0x201D or code_point == 0xBB else INSIDE


@inlined
def _scan(data, at, end, chinese, tables, terminals, phrases, keys, lengths, line_keys, sizes, counts):  # type: ignore[no-untyped-def]
    """(tokens, lines and breaks) of one text, in one walk; all counts that need no comparison are made here.

    Token hashes go to keys, their lengths (and WORD_BIT) to lengths; hashes of lines that are not blank go to
    line_keys, their lengths to sizes, with a 0 between paragraphs.
    """
    begin, found, page = at, counts[FIRST_RULE:LINES], tables[1]
    count = token_chars = alpha = chars = newlines = hashes = dots = citations = np.int64(0)
    token, length, letters, token_start = SEED, np.int32(0), np.uint8(0), at
    written, blank, cited = np.int64(0), True, at  # no sentence begins or ends before byte `cited`
    # Of the line: its first visible byte (-1: none yet), where it ends, its characters, those of an unspaced
    # script, C4's words, the start of the one at hand, the run at its end, what it holds, sentences.
    start, stop, seen, unspaced, words, word_start, first_token = (
        np.int64(-1),
        at,
        np.int64(0),
        np.int64(0),
        np.int64(0),
        np.int64(0),
        np.int64(0),
    )
    last, run, marks, sentences, state = np.int64(0), np.int64(0), np.int64(0), np.int64(0), NONE
    line, in_gap, gap_line, gap_seen, gap_run = SEED, True, SEED, np.int64(0), np.int64(0)
    while at <= end:
        here = at
        if at == end:  # the end of a text ends its line
            code_point, flags, width = np.int64(10), np.uint8(SPACE), np.int64(1)
        else:
            code_point, width = np.int64(data[at]), np.int64(1)
            if code_point < 0x80:
                flags = page[code_point]  # page 0 comes first in the table
            else:
                code_point, width = decode(data, at)
                flags = flags_of(code_point, tables)
        at += width
        initial = False
        if length and not flags & WORD:
            keys[count], lengths[count] = mix(SEED, token), length | WORD_BIT
            line = (line + token) * STEP
            count, token_chars, alpha = count + 1, token_chars + length, alpha + (letters & LETTER != 0)
            initial = length == 1 and (letters & LETTER) != 0 and code_point == 0x2E
            if length >= 10:
                if holds_javascript(data, token_start, here):
                    marks |= JAVASCRIPT
                if chinese and length > LONG_WORD_FROM:
                    marks |= LONG_WORD
            if length >= 3 and _starts_notice(data, token_start, here):
                marks |= phrase_bits(data, begin, token_start, end, chinese, phrases)
            token, length, letters = SEED, np.int32(0), np.uint8(0)
        if not flags & SPACE:
            if in_gap:
                in_gap, word_start, words = False, seen, words + 1
                if start < 0:
                    start = here
            seen += 1
            if flags & WORD:
                if length == 0:
                    token_start = here
                    if here >= cited:
                        sentences += state >= NONE
                        state = INSIDE
                token = (token + np.uint64(code_point)) * STEP
                letters |= flags
                if run > 2 or last == 0x2026:
                    dots += ellipses(last, run, chinese)
                last, run, rest = code_point, np.int64(1), at
                while at < end and data[at] < 0x80 and page[data[at]] & WORD:  # the rest of most words
                    token = (token + np.uint64(data[at])) * STEP
                    letters |= page[data[at]]
                    at += 1
                length, seen = length + 1 + at - rest, seen + at - rest
                if at > rest:
                    last = np.int64(data[at - 1])
                continue
            line = (line + np.uint64(code_point)) * STEP
            if flags & UNSPACED:
                keys[count] = mix(SEED, (SEED + np.uint64(code_point)) * STEP)
                lengths[count] = 1
                count, token_chars, alpha = count + 1, token_chars + 1, alpha + (flags & LETTER != 0)
                unspaced += 1
                if here >= cited:
                    sentences += state >= NONE
                    state = INSIDE
                if chinese and _ends_notice(code_point):
                    marks |= phrase_bits(data, begin, here, end, chinese, phrases)
            else:
                if here >= cited and code_point != 0x5B:
                    state = _after(state, code_point, initial)
                if code_point == 0x23:
                    hashes += 1
                elif code_point == 0x7B:
                    marks |= BRACE
                elif code_point == 0x5B:
                    size = citation_from(data, here, end)
                    citations, cited = citations + (size > 0), here + size
                    if size == 0:
                        state = _after(state, code_point, initial)
                if code_point == last:
                    run += 1
                    continue
            if run > 2 or last == 0x2026:
                dots += ellipses(last, run, chinese)
            last, run = code_point, np.int64(1)
            continue
        if not in_gap:  # what stands behind the last visible character does not belong to the line
            gap_line, gap_seen, gap_run, in_gap, stop = line, seen, run, True, here
            dots += ellipses(last, run, chinese)
            if not chinese and seen - word_start > LONG_WORD_FROM:
                marks |= LONG_WORD
        if code_point != 10:
            if state == MARKED:
                state = OVER
            run = np.int64(0)
            seen, line = seen + 1, (line + np.uint64(code_point)) * STEP
            continue
        newlines += at <= end
        chars += seen
        if start < 0:  # a blank line: what follows is another paragraph
            if not blank:
                sizes[written] = 0
                written += 1
        else:
            line_keys[written], sizes[written] = gap_line, gap_seen
            written += 1
            judge_line(
                data, start, stop, gap_seen, unspaced, count - first_token if chinese else words, sentences, last,
                gap_run, marks, chinese, tables, terminals, found,
            )  # fmt: skip
        blank, start, state, line, in_gap, first_token = bool(start < 0), np.int64(-1), NONE, SEED, True, count
        seen, unspaced, words = np.int64(0), np.int64(0), np.int64(0)
        last, run, marks, sentences = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    counts[ALL_LINES] = newlines + (end > begin and data[end - 1] != 10)
    counts[CHARS], counts[NEWLINES], counts[HASHES], counts[ELLIPSES] = chars + newlines, newlines, hashes, dots
    counts[TOKENS], counts[TOKEN_CHARS], counts[ALPHA], counts[CITATIONS] = count, token_chars, alpha, citations
    return count, written


@inlined
def _stop_words(keys, tokens, chinese, stop_words):  # type: ignore[no-untyped-def]
    """How many different stop words of the text's own table stand among its tokens."""
    stop_keys, stop_bits, shift = stop_words
    mask, seen, different = np.uint64(len(stop_keys) - 1), np.int64(0), np.int64(0)
    for place in range(tokens):
        slot = np.int64(keys[place] >> shift & mask)
        seen |= stop_bits[slot] if stop_keys[slot] == keys[place] else 0
    seen = seen >> 32 if chinese else seen & 0xFFFFFFFF
    while seen:
        seen &= seen - 1
        different += 1
    return different


@kernel
def measure(data, offsets, chinese, tables, terminals, phrases, stop_words):  # type: ignore[no-untyped-def]
    """int64[n, len(COUNTS)]: the counts of each of n texts.

    data uint8[] of valid UTF-8, offsets int64[n + 1], chinese bool[n], tables from kernels.codepoints, terminals
    int64[] sorted (what ends a line in datatrove), phrases as `line_rules.phrase_bits` takes them, stop_words a hash
    table in which no two words meet: keys of `hash_words` (uint64[2^k], 0 where empty), bits (int64[2^k]; the low 32
    English, the high Chinese), and how far a key is shifted to be its slot (uint64).
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
    table = np.empty(slots_for(room), np.uint64)
    filter_ = np.empty(4 * len(table), np.uint8)
    for row in range(rows):
        mine, at, end, han = counts[row], offsets[row], offsets[row + 1], chinese[row]
        tokens, written = _scan(
            data, at, end, han, tables, terminals, phrases, keys, lengths, grams, where, mine
        )  # fmt: skip
        repeated_lines(grams, where, written, table, mine[LINES:TOP_2])
        mine[STOP_WORDS] = _stop_words(keys, tokens, han, stop_words)
        repeated_ngrams(keys, lengths, tokens, han, places, grams, where, table, filter_, mine[TOP_2:])
    return counts


@kernel
def hash_words(data, offsets):  # type: ignore[no-untyped-def]
    """uint64[n]: the hash of each row's token; each row is one token and nothing else."""
    hashes = np.zeros(len(offsets) - 1, np.uint64)
    for row in range(len(hashes)):
        at, token = offsets[row], SEED
        while at < offsets[row + 1]:
            code_point, width = decode(data, at)
            token, at = (token + np.uint64(code_point)) * STEP, at + width
        hashes[row] = mix(SEED, token)
    return hashes
