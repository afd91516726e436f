"""What one line of a text is: an item of a list, a sentence, a notice, one of those that C4 cuts."""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import TERMINAL, flags_of
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.utf8 import decode

#: What a line may hold, as bits; the first two are what a phrase of text.quality's list can stand for.
POLICY, LOREM, JAVASCRIPT, BRACE, LONG_WORD = 1, 2, 4, 8, 16
CHINESE_ONLY = 32  # of a phrase: looked for in Chinese texts alone

#: Columns of `judge_line`'s counts.
LINE_COUNTS = (
    "bullet_lines", "ellipsis_lines", "terminal_lines", "short_lines", "long_word_lines", "bare_lines",
    "few_word_lines", "javascript_lines", "policy_lines", "lorem_lines", "brace_lines", "sentences", "c4_lines",
    "c4_marks", "c4_sentences", "menu_lines",
)  # fmt: skip

SHORT_WIDTH = 30  # a line is short up to this many characters; in Chinese an unspaced one counts three
LONG_WORD_FROM = 1000  # characters that a word may have in C4
FEW_WORDS, FEW_TOKENS = 3, 5  # a line of fewer is cut by C4; three words are five characters in Chinese


@inlined
def _is_bullet(first, second, chinese):  # type: ignore[no-untyped-def]
    """Whether a line that starts with these two code points is an item of a list.

    As datatrove has it, `•` and `-`. In Chinese also the shapes of word processors, and Markdown's marks, which
    need a blank behind them: a line of dialogue or a number may start with a dash.
    """
    if not chinese:
        return first == 0x2D or first == 0x2022
    if first < 0x80 or first == 0x2013:
        return (first == 0x2D or first == 0x2A or first == 0x2B or first == 0x2013) and (second == 32 or second == 9)
    if first == 0x2022 or first == 0x2023 or first == 0x2043 or first == 0x2219 or first == 0xB7:
        return True
    # Squares, triangles, diamonds and circles: ■ … ◿, except the box drawings and the stars.
    return 0x25A0 <= first <= 0x25FF


@inlined
def ellipses(code_point, run, chinese):  # type: ignore[no-untyped-def]
    """How many ellipses a run of one code point makes: `...` one, `…` one; in Chinese `……` one, `。。。` one."""
    if code_point == 0x2E:
        return run // 3
    if code_point == 0x2026:
        return (run + 1) // 2 if chinese else run
    return run // 3 if code_point == 0x3002 and chinese else 0


@inlined
def _is_in(code_point, sorted_set):  # type: ignore[no-untyped-def]
    low, high = 0, len(sorted_set)
    while low < high:
        middle = (low + high) // 2
        if sorted_set[middle] < code_point:
            low = middle + 1
        else:
            high = middle
    return low < len(sorted_set) and sorted_set[low] == code_point


@inlined
def _is_terminal(last, chinese, tables, terminals):  # type: ignore[no-untyped-def]
    """Whether a code point may end a line as a sentence does; in Chinese also what closes a quotation."""
    if chinese:
        return (flags_of(last, tables) & TERMINAL) != 0
    if last < 0x80:
        return last == 0x2E or last == 0x3F or last == 0x21
    return _is_in(last, terminals)


@inlined
def _lower(byte):  # type: ignore[no-untyped-def]
    return byte | 0x20 if 0x41 <= byte <= 0x5A else byte


@kernel
def phrase_bits(data, begin, at, end, chinese, phrases):  # type: ignore[no-untyped-def]
    """Bits of the phrases whose last word starts at byte `at`; ASCII letters compare without case.

    phrases: (bytes uint8[], starts int64[n + 1], pivots int64[n], bits int64[n]); a pivot is the place of the
    last word within its phrase.
    """
    found = np.int64(0)
    letters, starts, pivots, bits = phrases
    for phrase in range(len(pivots)):
        start, size = at - pivots[phrase], starts[phrase + 1] - starts[phrase]
        if start < begin or start + size > end or (bits[phrase] & CHINESE_ONLY and not chinese):
            continue
        same = np.int64(0)
        while same < size and _lower(data[start + same]) == letters[starts[phrase] + same]:
            same += 1
        if same == size:
            found |= bits[phrase]
    return found & ~CHINESE_ONLY


@kernel
def holds_javascript(data, start, end):  # type: ignore[no-untyped-def]
    """Whether `javascript` stands in these bytes, in any case."""
    word = b"javascript"
    for at in range(start, end - len(word) + 1):
        if data[at] | 0x20 == 0x6A:
            same = 1
            while same < len(word) and _lower(data[at + same]) == word[same]:
                same += 1
            if same == len(word):
                return True
    return False


@kernel
def citation_from(data, at, end):  # type: ignore[no-untyped-def]
    """Bytes of the citation that starts at byte `at`: `[]`, `[12]`, `[edit]`, `[citation needed]`; else 0."""
    stop = at + 1
    while stop < end and 0x30 <= data[stop] <= 0x39:
        stop += 1
    if stop < end and data[stop] == 0x5D:
        return stop + 1 - at
    for word in (b"edit]", b"citation needed]"):
        same = 0
        while same < len(word) and at + 1 + same < end and data[at + 1 + same] == word[same]:
            same += 1
        if same == len(word):
            return np.int64(same + 1)
    return np.int64(0)


@inlined
def _without_citations(data, start, end):  # type: ignore[no-untyped-def]
    """Where the line ends once the citations at its end are gone."""
    while end > start and data[end - 1] == 0x5D:
        at = end - 2
        while at >= start and data[at] != 0x5B and end - at < 20:
            at -= 1
        if at < start or data[at] != 0x5B or citation_from(data, at, end) != end - at:
            break
        end = at
    return end


@inlined
def _ends_as_c4_wants(data, start, end, last, run, chinese, tables):  # type: ignore[no-untyped-def]
    """Whether a line ends in a sentence's mark or a quotation's, but not in an ellipsis, citations aside."""
    if chinese:
        return (flags_of(last, tables) & TERMINAL) != 0 and ellipses(last, run, chinese) == 0
    if data[end - 1] == 0x5D:
        end = _without_citations(data, start, end)
        if end == start:
            return False
    mark = data[end - 1]
    if mark == 0x2E:
        return end - start < 3 or data[end - 2] != 0x2E or data[end - 3] != 0x2E
    return mark == 0x3F or mark == 0x21 or mark == 0x22 or mark == 0x27


@inlined
def _ends_like_a_menu(last, tables):  # type: ignore[no-untyped-def]
    """Whether a line ends in no mark at all: one of a verse or a dialogue, however short, ends in a mark or a comma."""
    if flags_of(last, tables) & TERMINAL or last == 0x2C or last == 0x3A or last == 0x3B:
        return False
    return last != 0xFF0C and last != 0x3001 and last != 0xFF1A


@kernel
def judge_line(data, start, end, size, unspaced, words, sentences, last, run, marks, chinese, tables, terminals, found):  # type: ignore[no-untyped-def]
    """Count one line in `found` (int64[16], LINE_COUNTS).

    Its first and last visible bytes are `start` and `end - 1`; it has `size` characters with its indentation,
    `unspaced` of them of an unspaced script; `words` are what C4 counts; its last visible code point is `last`,
    `run` times; `marks` the bits of what it holds; `terminals` (int64[], sorted) is what ends a line in datatrove.
    """
    first, width = decode(data, start)
    second = np.int64(data[start + width]) if start + width < end else np.int64(10)
    found[0] += _is_bullet(first, second, chinese)
    found[1] += ellipses(last, run, chinese) > 0
    found[2] += _is_terminal(last, chinese, tables, terminals)
    too_long, few = marks & LONG_WORD, words < (FEW_TOKENS if chinese else FEW_WORDS)
    bare = not _ends_as_c4_wants(data, start, end, last, run, chinese, tables)
    found[5] += bare
    found[6] += few
    found[11] += sentences
    if size <= SHORT_WIDTH:
        found[3] += size + (2 * unspaced if chinese else 0) <= SHORT_WIDTH
        found[15] += size + 2 * unspaced <= SHORT_WIDTH and _ends_like_a_menu(last, tables)
    if marks:
        found[4] += too_long > 0
        found[7] += (marks & JAVASCRIPT) > 0
        found[8] += (marks & POLICY) > 0
        found[9] += (marks & LOREM) > 0
        found[10] += (marks & BRACE) > 0
    # The order is C4's: a line that is cut for one reason does not condemn the text for another.
    if too_long or bare or few:
        return
    if marks:
        found[13] += (marks & LOREM) > 0
        if marks & JAVASCRIPT:
            return
        found[13] += (marks & BRACE) > 0
        if marks & POLICY:
            return
    found[12] += 1
    found[14] += sentences
