"""Runs of tokens that stand in several places: found by windows, named by their content, and cut.

A window is `width` tokens of one text in a row. Texts are walked in a given order, so that of equal windows the one
that is met first is the one that stays.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.codepoints import SPACE, UNSPACED, WORD
from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.shingles import BASE
from aigc_data.kernels.tokens import MIX, SEED, STEP, classed, hash_tokens, most_tokens

EMPTY = np.uint32(0xFFFFFFFF)


@kernel
def token_hashes(data, offsets, tables, order):  # type: ignore[no-untyped-def]
    """(hashes uint64[t], row_offsets int64[n + 1]): the tokens of all texts, row `order[0]` first."""
    row_offsets = np.zeros(len(offsets), np.int64)
    most = 0
    for row in range(len(offsets) - 1):
        most += most_tokens(offsets[row + 1] - offsets[row])
    hashes = np.empty(most, np.uint64)  # what is not written takes no memory
    for place in range(len(order)):
        row, begin = order[place], row_offsets[place]
        count, _ = hash_tokens(data, offsets[row], offsets[row + 1], tables, hashes[begin:])
        row_offsets[place + 1] = begin + count
    return hashes[: row_offsets[-1]], row_offsets


@inlined
def _bits_for(count):  # type: ignore[no-untyped-def]
    bits = 10
    while (np.int64(1) << bits) < count:
        bits += 1
    return bits


@inlined
def _roll(hashes, first, i, width, leaving, rolling):  # type: ignore[no-untyped-def]
    """The polynomial of the window that begins at token `i`, from that of the one before; `first` begins the row."""
    if i == first:
        for j in range(i, i + width - 1):
            rolling = rolling * BASE + hashes[j]
        return rolling * BASE + hashes[i + width - 1]
    return rolling * BASE + hashes[i + width - 1] - hashes[i - 1] * leaving


@inlined
def _counter(value, mix, shift):  # type: ignore[no-untyped-def]
    """(byte, bit) of a value's counter of two bits; each of the multipliers sees other bits of the value."""
    slot = np.int64(((value ^ (value >> np.uint64(32))) * mix) >> shift)
    return slot >> 2, np.uint8((slot & 3) * 2)


@inlined
def _count(seen, value, mix, shift):  # type: ignore[no-untyped-def]
    place, bit = _counter(value, mix, shift)
    if (seen[place] >> bit) & np.uint8(3) < 2:
        seen[place] += np.uint8(1) << bit


@inlined
def _is_alone(seen, value, mix, shift):  # type: ignore[no-untyped-def]
    place, bit = _counter(value, mix, shift)
    return (seen[place] >> bit) & np.uint8(3) < 2


@inlined
def _counters_for(windows):  # type: ignore[no-untyped-def]
    """(counters uint8[], shift): eight counters of two bits to a window, or more."""
    bits = _bits_for(windows * 8)
    return np.zeros((np.int64(1) << bits) // 4, np.uint8), np.uint64(64 - bits)


@kernel
def repeating_windows(hashes, row_offsets, width):  # type: ignore[no-untyped-def]
    """uint8[t]: 0 where the window that begins at a token is surely the only one of its kind.

    Equal windows have equal hashes, so none that repeats is missed. Each round of counting leaves one in eight of
    those that do not repeat; the second and the third look at what the first has left alone.
    """
    alive = np.zeros(len(hashes), np.uint8)
    windows = np.int64(0)
    for row in range(len(row_offsets) - 1):
        windows += max(np.int64(0), row_offsets[row + 1] - row_offsets[row] - width + 1)
    if windows == 0:
        return alive
    leaving = np.uint64(1)
    for _ in range(width):
        leaving *= BASE
    seen, shift = _counters_for(windows)
    for row in range(len(row_offsets) - 1):
        first, rolling = row_offsets[row], np.uint64(0)
        for i in range(first, row_offsets[row + 1] - width + 1):
            rolling = _roll(hashes, first, i, width, leaving, rolling)
            _count(seen, rolling, MIX, shift)
    values, count = np.empty(windows, np.uint64), 0
    for row in range(len(row_offsets) - 1):
        first, rolling = row_offsets[row], np.uint64(0)
        for i in range(first, row_offsets[row + 1] - width + 1):
            rolling = _roll(hashes, first, i, width, leaving, rolling)
            if not _is_alone(seen, rolling, MIX, shift):
                alive[i], values[count] = 1, rolling
                count += 1
    for mix in (STEP, SEED):
        seen, shift = _counters_for(count)
        for value in values[:count]:
            _count(seen, value, mix, shift)
        read, count = 0, 0
        for i in range(len(alive)):
            if not alive[i]:
                continue
            value = values[read]
            read += 1
            if _is_alone(seen, value, mix, shift):
                alive[i] = 0
            else:
                values[count] = value
                count += 1
    return alive


@kernel
def segments_of(alive, row_offsets, width):  # type: ignore[no-untyped-def]
    """(starts int64[s], ends int64[s]): the runs of tokens that living windows cover, row by row."""
    starts, ends = np.empty(len(alive), np.int64), np.empty(len(alive), np.int64)
    count = 0
    for row in range(len(row_offsets) - 1):
        begin = count
        for i in range(row_offsets[row], row_offsets[row + 1]):
            if alive[i]:
                if count > begin and i <= ends[count - 1]:
                    ends[count - 1] = i + width
                else:
                    starts[count], ends[count] = i, i + width
                    count += 1
    return starts[:count].copy(), ends[:count].copy()


@inlined
def _named(first, second, left, right, i, table, mask):  # type: ignore[no-untyped-def]
    """The smallest place with the same pair of names that was entered; enters `i` when there is none."""
    slot = np.uint64(left) << np.uint64(32) | np.uint64(right)
    slot = (slot ^ (slot >> np.uint64(29))) * MIX
    at = np.int64((slot ^ (slot >> np.uint64(32))) & mask)
    while table[at] != EMPTY:
        other = np.int64(table[at])
        if first[other] == left and second[other] == right:
            return table[at]
        at = (at + 1) & np.int64(mask)
    table[at] = i
    return np.uint32(i)


@kernel
def window_names(hashes, starts, ends, width):  # type: ignore[no-untyped-def]
    """uint32[m]: for each window of `width` tokens in the segments, put one after the other, where its like is first.

    Windows of 1, 2, 4, … tokens get names (the place where their content occurs first) and those of twice the length
    by the pair of their halves' names; at last two that overlap make `width`. Names are compared, not hashed, so
    equal names are equal windows. Places at which a window would leave its segment hold nothing of use.
    """
    bounds = np.zeros(len(starts) + 1, np.int64)
    for segment in range(len(starts)):
        bounds[segment + 1] = bounds[segment] + ends[segment] - starts[segment]
    total = bounds[-1]
    table = np.empty(np.int64(1) << _bits_for(total * 2), np.uint32)
    mask = np.uint64(len(table) - 1)
    names, longer = np.empty(total, np.uint32), np.empty(total, np.uint32)
    # Single tokens: the two halves of their hashes.
    tokens = np.empty((2, total), np.uint32)
    table[:] = EMPTY
    for segment in range(len(starts)):
        shift = starts[segment] - bounds[segment]
        for i in range(bounds[segment], bounds[segment + 1]):
            tokens[0, i], tokens[1, i] = hashes[i + shift] >> np.uint64(32), hashes[i + shift]
            names[i] = _named(tokens[0], tokens[1], tokens[0, i], tokens[1, i], i, table, mask)
    length = np.int64(1)
    while length < width:
        further = min(length, width - length)  # where the second window begins
        table[:] = EMPTY
        second = names[further:]
        for segment in range(len(starts)):
            for i in range(bounds[segment], bounds[segment + 1] - length - further + 1):
                longer[i] = _named(names, second, names[i], second[i], i, table, mask)
        names, longer = longer, names
        length += further
    return names


@kernel
def cut_tokens(names, starts, ends, row_offsets, width):  # type: ignore[no-untyped-def]
    """(places int64[c], firsts int64[c], lasts int64[c]): runs of tokens that repeat what came before.

    A place is that of a row in the order of walking, in ascending order; `firsts` and `lasts` count the tokens of
    that row, the last one not included. A window is cut when its like stands earlier and the two do not overlap.
    """
    places, spans = np.empty(len(names) + 1, np.int64), np.empty((2, len(names) + 1), np.int64)
    count, base, place = 0, np.int64(0), 0
    for segment in range(len(starts)):
        while row_offsets[place + 1] <= starts[segment]:
            place += 1
        size = ends[segment] - starts[segment]
        shift = starts[segment] - base - row_offsets[place]
        for i in range(base, base + size - width + 1):
            if np.int64(names[i]) + width > i:
                continue
            first = i + shift
            if count and places[count - 1] == place and first <= spans[1, count - 1]:
                spans[1, count - 1] = first + width
            else:
                places[count], spans[0, count], spans[1, count] = place, first, first + width
                count += 1
        base += size
    return places[:count].copy(), spans[0, :count].copy(), spans[1, :count].copy()


@kernel
def token_spans(data, offsets, tables, run_rows, firsts, lasts):  # type: ignore[no-untyped-def]
    """(starts int64[c], ends int64[c]): where runs of tokens begin and end in their texts, in code points.

    `run_rows` int64[n + 1] says which runs are whose. A run ends where the next token begins, so that what parts
    tokens goes with those before it; at the end of the text the white space before the run goes too.
    """
    starts, ends = np.empty(len(firsts), np.int64), np.empty(len(firsts), np.int64)
    for row in range(len(offsets) - 1):
        run, last_run = run_rows[row], run_rows[row + 1]
        position, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        point, token, inside = np.int64(0), np.int64(-1), False  # the token that we are in or that was before
        solid, bare = np.int64(0), np.int64(0)  # behind the last that is no white space; the same before the run
        opened = False
        while position < end and run < last_run:
            flags, _, width = classed(data, position, tables)
            if flags & UNSPACED or (flags & WORD and not inside):
                token += 1
                if opened and token == lasts[run]:
                    ends[run] = point
                    run += 1
                    opened = False
                if run < last_run and token == firsts[run]:
                    starts[run], bare = point, solid
                    opened = True
            inside = (flags & WORD) != 0
            point += 1
            position += width
            if not flags & SPACE:
                solid = point
        if opened:
            starts[run], ends[run] = bare, point
    return starts, ends
