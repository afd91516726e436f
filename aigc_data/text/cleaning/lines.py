"""Lines that are cut although their document stays: boilerplate, policy notices, lines that stood before.

`find_lines_to_cut` judges lines of cleaned texts, and `drop` takes them out; where they stood before cleaning, spans.py
says. What a line is, it is by itself (or by an equal line before it), so that a text that was
cut once has nothing more to cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from aigc_data.kernels import lines as k
from aigc_data.kernels.codepoints import HAN_PAIRS, TABLES
from aigc_data.text.arrow import strings_from, text_buffers
from aigc_data.text.cleaning.line_patterns import LONGEST, RULES, is_of
from aigc_data.text.licenses.notices import read_notices

#: In the order in which a line's kind is sought.
KINDS = (*RULES, "repeated")
CUTS = pa.list_(pa.struct({"kind": pa.string(), "start": pa.int64(), "end": pa.int64()}))
#: A line of its own: it begins and ends as a sentence does, so that a text wrapped at 70 columns loses no half
#: sentence, a formula no introduction, and code, tables and headings nothing.
_SENTENCE = re.compile(
    r"[^\W\d_a-z](?:(?!\]\()[^|{}`$])*[.!?。！？．…][\"'”’」』)）\]】]{0,3}|[\"'“‘「『(（](?:(?!\]\()[^"
    r"|{}`$])*[.!?。！？．…][\"'”’」』)）\]】]{0,3}"
)


class Lines(NamedTuple):
    """Lines to cut: text number, byte positions in it (int64[m], in order) and kind (uint8[m], places in KINDS)."""

    rows: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    kinds: np.ndarray


def find_lines_to_cut(texts: pa.LargeStringArray, *, kinds: Sequence[str], repeated_tokens: int) -> Lines:
    """The lines of `kinds` (names of KINDS) in n cleaned texts; none in a text of which nothing would be left.

    A sentence on a line of its own, not indented, of `repeated_tokens` tokens or more is repeated where it stood before
    in its text, byte for byte. Boilerplate and policy lines have LONGEST bytes at most, and none holds a licence notice
    that `licenses.notices` reads, "all rights reserved" included: what a text says of its rights stays readable.
    """
    data, offsets = text_buffers(texts)
    rows, starts, ends = lines_of(texts)
    found = np.full(len(rows), len(KINDS), np.uint8)
    for kind, line, text in _triggered(data, starts, ends, tuple(kind for kind in RULES if kind in kinds)):
        if found[line] == len(KINDS) and is_of(RULES[kind], text) and next(read_notices(text), None) is None:
            found[line] = KINDS.index(kind)
    if "repeated" in kinds:
        again = k.repeated_lines(data, rows, starts, ends, repeated_tokens, TABLES)
        for line in np.flatnonzero(again).tolist():  # a few in a thousand
            if found[line] == len(KINDS) and _is_prose(data, offsets[rows[line]], starts[line], ends[line]):
                found[line] = KINDS.index("repeated")
    cut = found < len(KINDS)
    left = np.zeros(len(offsets), bool)
    left[rows[~cut]] = True
    cut &= left[rows]
    return Lines(rows[cut], starts[cut], ends[cut], found[cut])


def among(texts: pa.LargeStringArray, lines: Lines, rows: np.ndarray) -> tuple[pa.LargeStringArray, Lines]:
    """Some of the texts (`rows` int64[], ascending) by themselves, and the lines that are in them."""
    part = texts.take(pa.array(rows))
    inside = np.isin(lines.rows, rows)
    own = np.searchsorted(rows, lines.rows[inside])
    shifts = text_buffers(part)[1][own] - text_buffers(texts)[1][lines.rows[inside]]
    return part, Lines(own, lines.starts[inside] + shifts, lines.ends[inside] + shifts, lines.kinds[inside])


def drop(texts: pa.LargeStringArray, lines: Lines) -> pa.LargeStringArray:
    """The texts without these lines and the line feeds behind them; blank lines stay."""
    data, offsets = text_buffers(texts)
    return strings_from(*k.drop_lines(data, offsets, *lines[:3]))


def lines_of(texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(text number, byte positions) int64[m] each: the lines that are not blank, without their indentation, of all
    texts of two lines or more."""
    data, offsets = text_buffers(texts)
    breaks = offsets[0] + np.flatnonzero(data[offsets[0] : offsets[-1]] == 0x0A)
    rows, starts, ends = k.find_lines(data, offsets, breaks, TABLES)
    return rows, starts, ends


def _is_prose(data: np.ndarray, begin: int, start: int, end: int) -> bool:
    indented = start > begin and data[start - 1] != 0x0A
    return not indented and _SENTENCE.fullmatch(data[start:end].tobytes().decode()) is not None


def _triggered(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray, kinds: tuple[str, ...]
) -> Iterator[tuple[str, int, str]]:
    """(kind, line, text in lower case and simplified characters) of the lines that hold a trigger of that kind, kind
    after kind."""
    short = np.flatnonzero(ends - starts <= max(LONGEST.values())) if kinds else np.zeros(0, np.int64)
    said = k.phrases_in(data, starts[short], ends[short], *_automaton(kinds)) if kinds else np.zeros(0, np.uint8)
    for place, kind in enumerate(kinds):
        for line in short[said & (1 << place) != 0].tolist():
            if ends[line] - starts[line] <= LONGEST[kind]:
                text = data[starts[line] : ends[line]].tobytes().decode()
                yield kind, line, text.lower().translate(_simplifying())


@cache
def _automaton(kinds: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(classes uint8[256], states int16[s, c], accepts uint8[s]) for kernels.lines.phrases_in: bit i says `kinds[i]`.
    Case is ignored in ASCII."""
    says: dict[bytes, int] = {}
    for place, kind in enumerate(kinds):
        for trigger in _spellings(kind):
            says[trigger.encode()] = says.get(trigger.encode(), 0) | 1 << place
    phrases = sorted(says)
    letters = sorted(set(b"".join(phrases)))
    classes = np.zeros(256, np.uint8)
    classes[letters] = np.arange(1, len(letters) + 1)
    for small in range(0x61, 0x7B):
        classes[small - 0x20] = classes[small]
    states = np.zeros((sum(map(len, phrases)) + 1, len(letters) + 1), np.int16)
    accepts, parents = np.zeros(len(states), np.uint8), [(0, 0)]
    for phrase in phrases:
        state = 0
        for byte in phrase:
            if not states[state, classes[byte]]:
                parents.append((state, int(classes[byte])))
                states[state, classes[byte]] = len(parents) - 1
            state = int(states[state, classes[byte]])
        accepts[state] |= says[phrase]
    states, accepts = states[: len(parents)], accepts[: len(parents)]
    _link(states, accepts, parents)
    for table in (classes, states, accepts):
        table.setflags(write=False)
    return classes, states, accepts


def _link(states: np.ndarray, accepts: np.ndarray, parents: list[tuple[int, int]]) -> None:
    """Where a state goes on no longer, what it shares with its longest suffix goes on."""
    depths = np.zeros(len(parents), np.int64)
    for state, (parent, _) in enumerate(parents[1:], 1):
        depths[state] = depths[parent] + 1
    tree, fails = states.copy(), np.zeros(len(parents), np.int64)
    for state in np.argsort(depths, kind="stable")[1:]:
        parent, letter = parents[state]
        fails[state] = states[fails[parent], letter] if parent else 0
        accepts[state] |= accepts[fails[state]]
        states[state] = np.where(tree[state] > 0, tree[state], states[fails[state]])


def _spellings(kind: str) -> Iterator[str]:
    """The triggers of a rule in every Han variant."""
    variants: dict[str, str] = {}
    for one, other in HAN_PAIRS.tolist():
        variants[chr(other)] = variants.get(chr(other), chr(other)) + chr(one)
    for trigger in RULES[kind].triggers:
        yield from map("".join, product(*(variants.get(character, character) for character in trigger)))


@cache
def _simplifying() -> dict[int, int]:
    return dict(HAN_PAIRS.tolist())
