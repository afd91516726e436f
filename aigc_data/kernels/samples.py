"""What a language model reads of a text: some words, without code and addresses."""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import DIGIT, LETTER, SPACE, UNSPACED, flags_of, fold
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.utf8 import decode, encode

LONG_WORD = 40  # letters after which a "word" is cut off: it is a sentence of an unspaced script, or no word


@inlined
def _is_code(code_point):  # type: ignore[no-untyped-def]
    """Whether an ASCII mark tells an address, a path, a formula or markup from a word: `# / < = > @ \\ _ { | }`."""
    if code_point >= 0x80:
        return False
    return (
        code_point == 0x23 or code_point == 0x2F or 0x3C <= code_point <= 0x3E or code_point == 0x40
        or code_point == 0x5C or code_point == 0x5F or 0x7B <= code_point <= 0x7D
    )  # fmt: skip


@inlined
def _parts(code_point, flags):  # type: ignore[no-untyped-def]
    """Whether a code point stands between words: a blank, or punctuation of Chinese and Japanese, which would also
    speak for a language that is not asked for."""
    if code_point < 0x3000:
        return (flags & SPACE) != 0
    return code_point < 0x3040 or (0xFF00 <= code_point < 0xFFF0 and (flags & (LETTER | DIGIT)) == 0)


@kernel
def count_prose(data, starts, ends, scripts, wanted, tables):  # type: ignore[no-untyped-def]
    """int64[m]: letters of wanted scripts in words without digits and marks of code.

    data uint8[], text i is data[starts[i]:ends[i]] (int64[m]), scripts uint8[0x110000] of script numbers, wanted
    bool[scripts]. A word ends at a blank, at Chinese punctuation and at a letter of another script.
    """
    counts = np.zeros(len(starts), np.int64)
    for index in range(len(starts)):
        at, end = starts[index], ends[index]
        letters, bad, unspaced = np.int64(0), False, False
        while at < end:
            code_point, width = decode(data, at)
            flags = flags_of(code_point, tables)
            at += width
            is_letter = (flags & LETTER) != 0
            if (is_letter and not wanted[scripts[code_point]]) or _parts(code_point, flags):
                if unspaced or not bad:
                    counts[index] += letters
                letters, bad, unspaced = np.int64(0), False, False
            else:
                letters += is_letter
                bad |= (flags & DIGIT) != 0 or _is_code(code_point)
                unspaced |= (flags & UNSPACED) != 0
        if unspaced or not bad:
            counts[index] += letters
    return counts


@inlined
def _copy_words(data, at, end, scripts, wanted, tables, words_only, quota, out, written):  # type: ignore[no-untyped-def]
    """Copy words until `quota` letters are reached; (at, written, letters copied, capitals - small letters)."""
    copied, capitals = 0, 0
    start, before, capitals_before, bad, unspaced = written, copied, capitals, False, False
    while at < end and copied < quota + LONG_WORD:
        code_point, width = decode(data, at)
        flags = flags_of(code_point, tables)
        at += width
        unwanted = (flags & LETTER) != 0 and not wanted[scripts[code_point]]
        if unwanted or _parts(code_point, flags):
            if bad and words_only and not unspaced:
                written, copied, capitals = start, before, capitals_before
            elif written > start:
                out[written] = 32
                written += 1
            start, before, capitals_before, bad, unspaced = written, copied, capitals, False, False
            if copied >= quota:
                break
            continue
        if (flags & LETTER) != 0:
            copied += 1
            if code_point != fold(code_point, tables):
                capitals += 1
            else:
                capitals -= 1
        bad |= (flags & DIGIT) != 0 or _is_code(code_point)
        unspaced |= (flags & UNSPACED) != 0  # then the "word" is a sentence
        for place in range(at - width, at):
            out[written] = data[place]
            written += 1
    if bad and words_only and not unspaced:
        written, copied, capitals = start, before, capitals_before
    return at, written, copied, capitals


@inlined
def _word_start(data, at, end):  # type: ignore[no-untyped-def]
    """On to a blank, so that no half word is read, unless none is near: then to the start of a character."""
    place = at
    while place < min(end, at + LONG_WORD):
        if data[place] == 32 or data[place] == 10:
            return place
        place += 1
    while at < end and (data[at] & 0xC0) == 0x80:
        at += 1
    return at


@inlined
def _sample(data, begin, end, scripts, wanted, tables, words_only, quota, out):  # type: ignore[no-untyped-def]
    """Fill `out` with words of three places; (bytes written, letters, capitals - small letters)."""
    at, written, copied, capitals = begin, np.int64(0), 0, 0
    for place in range(3):
        if at >= end:
            break
        if place > 0:
            # The last quarter is read from `quota` / 2 bytes before the end on: room for it in Latin letters.
            at = _word_start(data, max(at, (begin + end) // 2 if place == 1 else end - quota // 2), end)
            if written > 0:
                out[written - (out[written - 1] == 32)] = 10
                written += out[written - 1] != 10
        share = quota // 2 if place == 0 else quota // 4
        at, written, more, extra = _copy_words(data, at, end, scripts, wanted, tables, words_only, share, out, written)
        copied += more
        capitals += extra
    return written, copied, capitals


@kernel
def sample_words(data, starts, ends, scripts, wanted, tables, quota):  # type: ignore[no-untyped-def]
    """(out uint8[], offsets int64[m + 1]): some `quota` letters of each text, half from its start, a quarter from its
    middle and one from its end, as whole words with their punctuation; a line feed stands between the places.

    data uint8[], text i is data[starts[i]:ends[i]] (int64[m]), scripts uint8[0x110000] of script numbers, wanted
    bool[scripts]. Letters of other scripts are passed over; so are words with a digit or with a mark of code, where
    any other word is left. Blanks become one. Where capitals prevail all is in small letters: both models know
    capitals from the starts of sentences only. The start alone is often a menu; the middle alone may be a listing.
    """
    room = np.int64(8)
    for index in range(len(starts)):
        # A letter that is folded may need a byte more.
        room += 2 * min(ends[index] - starts[index], 16 * (quota + 2 * LONG_WORD)) + 16
    out, offsets = np.empty(room, np.uint8), np.zeros(len(starts) + 1, np.int64)
    longest = np.int64(0)
    for index in range(len(starts)):
        longest = max(longest, ends[index] - starts[index])
    scratch = np.empty(longest + 16, np.uint8)
    total = np.int64(0)
    for index in range(len(starts)):
        begin, end = starts[index], ends[index]
        size, copied, capitals = _sample(data, begin, end, scripts, wanted, tables, True, quota, scratch)
        if copied == 0:
            size, copied, capitals = _sample(data, begin, end, scripts, wanted, tables, False, quota, scratch)
        while size > 0 and scratch[size - 1] <= 32:
            size -= 1
        if total + 2 * size + 8 > len(out):  # marks and signs are no letters: a text of them may be long
            larger = np.empty(2 * len(out) + 2 * size + 8, np.uint8)
            larger[:total] = out[:total]
            out = larger
        at = np.int64(0)
        if capitals > 0:
            while at < size:
                code_point, width = decode(scratch, at)
                at += width
                total += encode(fold(code_point, tables), out, total)
        else:
            out[total : total + size] = scratch[:size]
            total += size
        offsets[index + 1] = total
    return out[:total], offsets
