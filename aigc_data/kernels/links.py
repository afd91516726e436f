"""Host names in addresses and in running text, looked up in a set of hosts by hashes of their label suffixes.

`a.evil.com` is looked up as `a.evil.com`, `evil.com` and `com`, `notevil.com` never as `evil.com`. A host is hashed
from its last code point to its first, so that one pass gives the hash of every suffix; 64 bits, not compared further.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import UNSPACED, WORD
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.tokens import MIX, SEED, STEP, classed

LONGEST = 253  # octets of a host name (RFC 1035, 2.3.4); a longer run of labels is none
DOT, HYPHEN, UNDERSCORE, COLON, SLASH, AT = 0x2E, 0x2D, 0x5F, 0x3A, 0x2F, 0x40
QUESTION, HASH, BACKSLASH = 0x3F, 0x23, 0x5C
#: Full stops that stand for a dot in a host name (UTS #46, 2.3).
DOTS = (0x3002, 0xFF0E, 0xFF61)


@inlined
def _step(value, code_point):  # type: ignore[no-untyped-def]
    return (value ^ np.uint64(code_point)) * STEP


@inlined
def _done(value):  # type: ignore[no-untyped-def]
    value ^= value >> np.uint64(32)
    value *= MIX
    return value ^ (value >> np.uint64(29))


@inlined
def _as_host(data, start, end, tables, points):  # type: ignore[no-untyped-def]
    """Number of folded code points of a host written to `points` (int64[LONGEST]), -1 for one that is too long."""
    count, position = np.int64(0), start
    while position < end:
        _, code_point, width = classed(data, position, tables)
        position += width
        if count == LONGEST:
            return np.int64(-1)
        for dot in DOTS:
            if code_point == dot:
                code_point = np.int64(DOT)
        points[count] = code_point
        count += 1
    return count


@kernel
def hash_hosts(data, offsets, tables):  # type: ignore[no-untyped-def]
    """The hash (uint64[n]) of each of n host names, 0 for one that is empty or too long."""
    out, points = np.zeros(len(offsets) - 1, np.uint64), np.empty(LONGEST, np.int64)
    for row in range(len(out)):
        value = SEED
        count = _as_host(data, offsets[row], offsets[row + 1], tables, points)
        for place in range(count - 1, -1, -1):
            value = _step(value, points[place])
        out[row] = _done(value) if count > 0 else np.uint64(0)
    return out


@kernel
def build_table(hashes, bits):  # type: ignore[no-untyped-def]
    """(keys uint64[2^bits], values int32[2^bits]): an open-addressed table from a hash to its first place in
    `hashes`, -1 where a place is free. `2 ** bits` is more than twice their number."""
    size = np.int64(1) << bits
    keys, values = np.zeros(size, np.uint64), np.full(size, -1, np.int32)
    for entry in range(len(hashes)):
        slot = np.int64(hashes[entry] & np.uint64(size - 1))
        while values[slot] >= 0 and keys[slot] != hashes[entry]:
            slot = (slot + 1) & (size - 1)
        if values[slot] < 0:
            keys[slot], values[slot] = hashes[entry], entry
    return keys, values


@inlined
def _lookup(value, table):  # type: ignore[no-untyped-def]
    mask = len(table[0]) - 1
    slot = np.int64(value & np.uint64(mask))
    while table[1][slot] >= 0:
        if table[0][slot] == value:
            return table[1][slot]
        slot = (slot + 1) & mask
    return np.int32(-1)


@inlined
def _suffixes(points, count, table, hits):  # type: ignore[no-untyped-def]
    """Number of entries that are the host or a parent of it, written to `hits` (int64[LONGEST, 2]) from the shortest:
    the entry, and 1 where it is the whole host."""
    value, found = SEED, np.int64(0)
    for place in range(count - 1, -1, -1):
        value = _step(value, points[place])
        if place == 0 or points[place - 1] == DOT:
            entry = _lookup(_done(value), table)
            if entry >= 0:
                hits[found, 0], hits[found, 1] = entry, place == 0
                found += 1
    return found


@inlined
def _host_of(data, start, end):  # type: ignore[no-untyped-def]
    """(first, last + 1) byte of the host of an address: behind the scheme and the user, before port and path."""
    first = start
    for position in range(start, end - 2):
        byte = data[position]
        if byte == COLON and data[position + 1] == SLASH and data[position + 2] == SLASH:
            first = position + 3
            break
        if byte in (SLASH, QUESTION, HASH, DOT):
            break
    if first == start and end - start > 2 and data[start] == SLASH and data[start + 1] == SLASH:
        first = start + 2
    last = first
    while last < end and data[last] not in (SLASH, QUESTION, HASH, BACKSLASH):
        if data[last] == AT:
            first = last + 1
        last += 1
    behind = first
    if behind < last and data[behind] == 0x5B:  # [IPv6]
        while behind < last and data[behind] != 0x5D:
            behind += 1
        return first + 1, behind
    while behind < last and data[behind] != COLON:
        behind += 1
    while behind > first and data[behind - 1] == DOT:
        behind -= 1
    return first, behind


@kernel
def match_addresses(data, offsets, tables, table):  # type: ignore[no-untyped-def]
    """int64[k, 5]: row, entry, whether it is the whole host, and the host's first and last + 1 byte, for each entry
    that an address (one a row) is under."""
    found, size = np.empty((64, 5), np.int64), 0
    points, hits = np.empty(LONGEST, np.int64), np.empty((LONGEST, 2), np.int64)
    for row in range(len(offsets) - 1):
        first, last = _host_of(data, offsets[row], offsets[row + 1])
        count = _as_host(data, first, last, tables, points)
        found, size = _append(found, size, row, first, last, _suffixes(points, count, table, hits), hits)
    return found[:size].copy()


@inlined
def _append(found, size, row, first, last, number, hits):  # type: ignore[no-untyped-def]
    while size + number > len(found):
        grown = np.empty((2 * len(found), 5), np.int64)
        grown[:size] = found[:size]
        found = grown
    for hit in range(number):
        found[size, 0], found[size, 1], found[size, 2] = row, hits[hit, 0], hits[hit, 1]
        found[size, 3], found[size, 4] = first, last
        size += 1
    return found, size


@inlined
def _is_name(byte):  # type: ignore[no-untyped-def]
    """A letter, a digit, a hyphen, an underscore; of ASCII."""
    return (
        (byte >= 0x61 and byte <= 0x7A)
        or (byte >= 0x41 and byte <= 0x5A)
        or (byte >= 0x30 and byte <= 0x39)
        or byte in (HYPHEN, UNDERSCORE)
    )


@inlined
def _letter_before(data, position, start, tables):  # type: ignore[no-untyped-def]
    """Width of the letter beyond ASCII that ends at `position`, 0 where there is none."""
    if position <= start or data[position - 1] < 0x80:
        return np.int64(0)
    back = position - 1
    while back > start and (data[back] & 0xC0) == 0x80:
        back -= 1
    flags, _, _ = classed(data, back, tables)
    return position - back if flags & (WORD | UNSPACED) else np.int64(0)


@inlined
def _letter_at(data, position, end, tables):  # type: ignore[no-untyped-def]
    if position >= end or data[position] < 0x80:
        return np.int64(0)
    flags, _, width = classed(data, position, tables)
    return width if flags & (WORD | UNSPACED) else np.int64(0)


@kernel
def _next_dot(data, position, end):  # type: ignore[no-untyped-def]
    # A function of its own, not inlined: among the variables of the search it runs at a tenth of the speed.
    while position < end and data[position] != DOT:
        position += 1
    return position


@inlined
def _run_before(data, position, start, tables, wide):  # type: ignore[no-untyped-def]
    """The first byte of the run of names and dots that ends at `position`."""
    while position > start:
        width = np.int64(_is_name(data[position - 1]) or data[position - 1] == DOT)
        if not width and wide:
            width = _letter_before(data, position, start, tables)
        if not width:
            break
        position -= width
    return position


@inlined
def _run_behind(data, position, end, tables, wide):  # type: ignore[no-untyped-def]
    """The last + 1 byte of the run of names and dots that begins at `position`."""
    while position < end:
        width = np.int64(_is_name(data[position]) or data[position] == DOT)
        if not width and wide:
            width = _letter_at(data, position, end, tables)
        if not width:
            break
        position += width
    return position


@inlined
def _is_mark(byte):  # type: ignore[no-untyped-def]
    return byte in (HYPHEN, UNDERSCORE, DOT)


@kernel
def _inside(data, first, last):  # type: ignore[no-untyped-def]
    """(first, last + 1) byte of a run without the hyphens, underscores and dots around it."""
    while first < last and _is_mark(data[first]):
        first += 1
    while last > first and _is_mark(data[last - 1]):
        last -= 1
    return first, last


@kernel
def _sentence(data, first, last):  # type: ignore[no-untyped-def]
    """Where a run ends at a dot between `com` and `Then`: two labels at least before it, the one in front begun in
    lower case, the one behind with a capital and then a small letter (or alone). `last` where there is no such dot."""
    dots, label = 0, first
    for position in range(first, last):
        if data[position] != DOT:
            continue
        dots += 1
        small = position > label and data[label] >= 0x61 and data[label] <= 0x7A
        label = position + 1
        if dots < 2 or not small or label == last or data[label] < 0x41 or data[label] > 0x5A:
            continue
        if label + 1 == last or data[label + 1] >= 0x61:
            return position
    return last


@kernel
def _listed(data, first, last, tables, table, points, hits):  # type: ignore[no-untyped-def]
    count = _as_host(data, first, last, tables, points)
    return _suffixes(points, count, table, hits)


@kernel
def match_texts(data, offsets, tables, table, wide):  # type: ignore[no-untyped-def]
    """The same for the host names that stand in n texts, with or without a scheme, and behind the `@` of an e-mail.

    A host is a run of names with dots between; hyphens and underscores around it are no part of it unless listed so,
    and a word that begins a sentence right behind it (`evil.com.Then`) is cut off where the run as a whole is not
    listed. With `wide`, letters beyond ASCII are part of a run as well and it is
    looked up whole, else they end it: `访问evil.com看看` holds `evil.com`. Runs over LONGEST characters are none.
    """
    found, size = np.empty((64, 5), np.int64), 0
    points, hits = np.empty(LONGEST, np.int64), np.empty((LONGEST, 2), np.int64)
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        done = start  # what lies before has been read
        position = start
        while True:
            position = _next_dot(data, position, end)
            if position == end:
                break
            first = _run_before(data, position, done, tables, wide)
            last = _run_behind(data, position, end, tables, wide)
            done = position = last
            while first < last and data[first] == DOT:
                first += 1
            while last > first and data[last - 1] == DOT:
                last -= 1
            if last - first < 3 or last - first > 4 * LONGEST or (done < end and data[done] == AT):
                continue
            number = _listed(data, first, last, tables, table, points, hits)
            if not number:
                inner_first, inner_last = _inside(data, first, last)
                if inner_last - inner_first >= 3 and (inner_first > first or inner_last < last):
                    first, last = inner_first, inner_last
                    number = _listed(data, first, last, tables, table, points, hits)
            if not number:
                behind = _sentence(data, first, last)
                if behind < last:
                    last = behind
                    number = _listed(data, first, last, tables, table, points, hits)
            found, size = _append(found, size, row, first, last, number, hits)
    return found[:size].copy()
