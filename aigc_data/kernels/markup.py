"""One pass over the bytes of a page of HTML: how much work it will be for a parser, and which tags speak of the page.

Parsers compare each attribute with those before it, keep one list of elements that are open and one of formatting
elements that come back in every block until they are closed (WHATWG HTML, 13.2.4), and whoever walks the tree pays for
its depth. lexbor, the parser in resiliparse, also goes through all options of a list for each further one, and keeps
the names of tags and attributes in a table of fixed width. Each can be made to grow by a page of some kilobytes.

Tags that hold facts about the page are found on the way, outside of comments and scripts: asking the parsed tree for
them costs as much as extracting the text.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.open_elements import (
    ATTRIBUTES,
    BREAKOUT,
    DEPTH,
    ELEMENTS,
    FRAMESET,
    MATH,
    NAMES,
    PAIRS,
    PRIME,
    RAW,
    SEED,
    SVG,
    among,
    end_tag,
    foreign_from,
    forget,
    hash_of,
    holds,
    may_be_raw,
    reopen,
    set_of,
    start_tag,
)  # fmt: skip

#: Room for open elements; depth is limited long before.
_STACK = 4096
#: Tags noted in a page at most.
_NOTED = 1024
#: Tags that are noted wherever they stand; others where their attributes speak of a licence.
_FACTS = set_of("base meta time")
_SCRIPT, _LINK, _HTML, _BODY = hash_of("script"), hash_of("link"), hash_of("html"), hash_of("body")
_SELECT, _TEMPLATE, _FIGURE = hash_of("select"), hash_of("template"), hash_of("figure")
_OPTIONS = set_of("option optgroup")
_FOSTERING = set_of("table tbody thead tfoot tr form")
#: Slots in which names are counted. Two names in one slot count once: of 10,000 some 1,400 are missed.
_SLOTS = 1 << 15
_WORDS = (b"licens", b"creativecommons.org", b"ld+json", b"canonical")
_LICENSE, _COMMONS, _LINKED_DATA, _CANONICAL = (np.frombuffer(word, np.uint8) for word in _WORDS)


@inlined
def _letter(byte):  # type: ignore[no-untyped-def]
    return (byte >= 65 and byte <= 90) or (byte >= 97 and byte <= 122)


@inlined
def _space(byte):  # type: ignore[no-untyped-def]
    return byte == 32 or byte == 9 or byte == 10 or byte == 12 or byte == 13


@inlined
def _lower(byte):  # type: ignore[no-untyped-def]
    return byte + 32 if byte >= 65 and byte <= 90 else byte


@kernel
def _name(data, at):  # type: ignore[no-untyped-def]
    """The hash of the tag name at `at`, and where it ends."""
    value = np.uint64(SEED)
    while at < data.size and not _space(data[at]) and data[at] != 47 and data[at] != 62:
        value = (value ^ np.uint64(_lower(data[at]))) * np.uint64(PRIME)
        at += 1
    return value, at


@inlined
def _mark(slots, name):  # type: ignore[no-untyped-def]
    """Notes a name's hash; 1 for a name that is new, else 0."""
    slot = np.int64((name ^ (name >> np.uint64(32))) & np.uint64(_SLOTS - 1))
    new = 1 - slots[slot]
    slots[slot] = 1
    return new


@kernel
def _attributes(data, at, slots, out):  # type: ignore[no-untyped-def]
    """From behind a tag's name to behind its `>`: (end, attributes, hash of them, whether `/` stood before the end)."""
    count, value, slash = 0, np.uint64(SEED), False
    while at < data.size:
        while at < data.size and (_space(data[at]) or data[at] == 47):
            slash = data[at] == 47
            at += 1
        if at >= data.size:
            break
        if data[at] == 62:
            return at + 1, count, value, slash
        count, slash = count + 1, False
        start = at
        name = (np.uint64(SEED) ^ np.uint64(_lower(data[at]))) * np.uint64(PRIME)
        at += 1  # a leading `=` is part of the name
        while at < data.size and not _space(data[at]) and data[at] != 61 and data[at] != 62 and data[at] != 47:
            name = (name ^ np.uint64(_lower(data[at]))) * np.uint64(PRIME)
            at += 1
        out[NAMES] += _mark(slots, name)
        after = at
        while after < data.size and _space(data[after]):
            after += 1
        if after < data.size and data[after] == 61:
            at = after + 1
            while at < data.size and _space(data[at]):
                at += 1
            if at < data.size and (data[at] == 34 or data[at] == 39):
                quote = data[at]
                at += 1
                while at < data.size and data[at] != quote:
                    at += 1
                at += 1
            else:
                while at < data.size and not _space(data[at]) and data[at] != 62:
                    at += 1
        for place in range(start, min(at, data.size)):
            value = (value ^ np.uint64(data[place])) * np.uint64(PRIME)
    return data.size, count, value, False


@kernel
def _any_text(data, start, end):  # type: ignore[no-untyped-def]
    """Whether data[start:end] holds more than blanks."""
    while start < end and _space(data[start]):
        start += 1
    return start < end


@kernel
def _behind_comment(data, at):  # type: ignore[no-untyped-def]
    """From behind `<!--` to behind `-->`, or to the end."""
    if at < data.size and data[at] == 62:
        return at + 1
    while at + 2 < data.size:
        if data[at] == 45 and data[at + 1] == 45 and data[at + 2] == 62:
            return at + 3
        at += 1
    return data.size


@kernel
def _behind_raw(data, at, name):  # type: ignore[no-untyped-def]
    """From behind the start tag of a raw text element to its end tag, or to the end."""
    while at + 1 < data.size:
        if data[at] == 60 and data[at + 1] == 47:
            found, _ = _name(data, at + 2)
            if found == name:
                return at
        at += 1
    return data.size


@kernel
def _holds(data, start, end, word):  # type: ignore[no-untyped-def]
    """Whether data[start:end] has the word, in either case."""
    first = word[0]
    for at in range(start, end - word.size + 1):
        if _lower(data[at]) == first:
            same = 1
            while same < word.size and _lower(data[at + same]) == word[same]:
                same += 1
            if same == word.size:
                return True
    return False


@kernel
def _speaks(data, name, start, end):  # type: ignore[no-untyped-def]
    """Whether a tag with attributes in data[start:end] holds facts about the page."""
    if name == _SCRIPT:
        return _holds(data, start, end, _LINKED_DATA)
    if name == _LINK and _holds(data, start, end, _CANONICAL):
        return True
    return among(name, _FACTS) or _holds(data, start, end, _LICENSE) or _holds(data, start, end, _COMMONS)


@kernel
def scan_markup(data, limit):  # type: ignore[no-untyped-def]
    """(counts, tags) of a page in UTF-8 (uint8[n]).

    counts: int64[5], ELEMENTS, the greatest DEPTH, the most ATTRIBUTES of one element, the PAIRS of attributes of one
    tag and of options in one list (with what copying text before a table costs), and how many NAMES tags and attributes
    have. An element that the parser opens again in each block counts each time, with its attributes. Depth is that of
    the open elements as HTML's rules leave them, without the rarer ones; a list of options counts as open until its own
    end tag. Counting stops when depth has passed `limit` (below 4,000).
    tags: int64[m, 4], start and end of each tag that speaks of the page, at most 1,024, where the content ends of one
    whose content is text (elsewhere the tag's end again), and 1 for a tag within a `figure`, else 0.
    Time is linear in the bytes, with `limit` as the factor at worst.
    """
    stack, names, whole = np.empty(_STACK, np.uint64), np.empty(_STACK, np.uint64), np.empty(_STACK, np.uint64)
    open_at = np.empty(_STACK, np.int64)  # where in the stack a formatting element is open, -1 where it is not
    weights, tags = np.empty(_STACK, np.int64), np.empty((_NOTED, 4), np.int64)
    slots = np.zeros(_SLOTS, np.uint8)
    size = listed = at = behind = framesets = noted = options = fostered = of_html = of_body = 0
    drawn = choosing = False
    out = np.zeros(5, np.int64)
    while at < data.size - 1 and out[DEPTH] <= limit and listed <= limit:
        if data[at] != 60:
            at += 1
            continue
        if data[at + 1] == 33 and at + 3 < data.size and data[at + 2] == 45 and data[at + 3] == 45:
            if size and among(stack[size - 1], _FOSTERING) and _any_text(data, behind, at):
                fostered += at - behind  # is moved before the table, into one text that is copied each time
                out[PAIRS] += fostered // 8
            behind = at = _behind_comment(data, at + 4)
            continue
        closing = data[at + 1] == 47
        first, start = at, at + 2 if closing else at + 1
        if start >= data.size or not _letter(data[start]):
            at += 1
            continue
        if at > behind and listed:  # by the text before the tag
            size = reopen(stack, size, names, open_at, weights, listed, out, limit)
        name, start = _name(data, start)
        out[NAMES] += _mark(slots, name)
        at, attributes, value, slash = _attributes(data, start, slots, out)
        end = behind = at
        out[ATTRIBUTES] = max(out[ATTRIBUTES], attributes)
        out[PAIRS] += attributes * (attributes - 1) // 2
        if closing:
            if name == _SELECT and not holds(stack, size, _TEMPLATE):
                choosing, options = False, 0
            size, listed = end_tag(stack, size, names, whole, open_at, weights, listed, name)
            continue
        of_html += attributes * (name == _HTML)  # each further tag adds to the one element
        of_body += attributes * (name == _BODY)
        choosing = choosing or name == _SELECT
        if choosing and among(name, _OPTIONS):
            out[PAIRS] += options
            options += 1
        raw = False
        foreign = foreign_from(stack, size) if drawn else -1
        if foreign >= 0 and among(name, BREAKOUT):
            size, foreign = foreign, -1
            forget(open_at, listed, size)
        if foreign >= 0 or name in (SVG, MATH):
            drawn = True
            if not slash:  # in HTML the slash means nothing
                stack[size] = name
                size += 1
        elif among(name, RAW) and not choosing and may_be_raw(stack, size):
            raw = True
        else:
            framesets += name == FRAMESET
            size, listed = start_tag(
                stack, size, names, whole, open_at, weights, listed, name, value ^ name, 1 + attributes, out, limit
            )
        out[ELEMENTS] += 1
        out[DEPTH] = max(out[DEPTH], size)
        if raw:
            behind = at = _behind_raw(data, at, name)
        if attributes and noted < _NOTED and _speaks(data, name, start, end):
            tags[noted, 0], tags[noted, 1], tags[noted, 2] = first, end, behind
            tags[noted, 3] = holds(stack, size, _FIGURE)
            noted += 1
    out[DEPTH] = max(out[DEPTH], listed, framesets)  # each frameset may stand in the one before
    out[ATTRIBUTES] = max(out[ATTRIBUTES], of_html, of_body)
    out[PAIRS] += of_html * of_html // 2 + of_body * of_body // 2
    return out, tags[:noted].copy()
