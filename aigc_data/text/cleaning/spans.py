"""Where lines of cleaned texts stood in the texts as they were before cleaning.

A base text is split at its line breaks into pieces. A piece that is cleaned by itself, with what its text says about it
(HTML that goes, Han that are folded), is a line of the cleaned text as a rule, or nothing, or several lines, or a part
of one with the next piece. No span is answered that does not give, cleaned in this way, the very line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from aigc_data.kernels import lines as k
from aigc_data.kernels.codepoints import TABLES
from aigc_data.text.arrow import text_buffers
from aigc_data.text.cleaning.html_remnants import lines_laid_bare
from aigc_data.text.cleaning.lines import KINDS, Lines, lines_of

#: Pieces that one line may run over, and how often a text may have such a line or one that is less than a piece: each
#: takes cleanings of its own.
_MOST_JOINED, _MOST_SEARCHED = 6, 32
_LONGEST_SEARCHED = 5_000  # code points
_LONGEST_BREAK = 24  # code points of base text, such as `&acirc;&euro;&uml;`, that became one line break

Span = tuple[int, int]
#: Cleans pieces; the second argument says which text each is of.
Clean = Callable[[list[str], list[int]], list[str]]


class Group(NamedTuple):
    """A span of a base text, and the lines (first and last + 1) that come of it; `known`: it gives them by itself."""

    span: Span
    first: int
    last: int
    known: bool = True


def spans_in(
    bases: pa.LargeStringArray,
    texts: pa.LargeStringArray,
    lines: Lines,
    *,
    ends: Sequence[frozenset[str] | None],
    next_line: bool,
    clean: Clean,
) -> list[list[tuple[str, int, int]] | None]:
    """For n texts and what they were cleaned from, the (kind, start, end) of `lines`, code points of the base text.

    `ends`: the end tags of each text that was rid of HTML, None for the others; `next_line`: whether U+0085 is a line
    break. Which piece is which line is guessed from their blanks, and held against the lines; where that fails, all
    pieces of the text are cleaned and put beside its lines. None for a text in which one of the lines is not found.
    """
    data = text_buffers(texts)[0]
    rows, starts, stops = lines_of(texts)
    order = np.arange(len(texts) + 1)
    own_firsts, bounds = np.searchsorted(rows, order), np.searchsorted(lines.rows, order)
    places = np.searchsorted(starts, lines.starts) - own_firsts[lines.rows]  # which of its text's lines each cut is
    pieces = k.find_pieces(*text_buffers(bases), next_line, TABLES)
    firsts = np.searchsorted(pieces[0], order)
    fits = (np.diff(own_firsts) == np.diff(firsts)) & np.array([one is None for one in ends], bool)
    asked = np.flatnonzero(fits[lines.rows])
    targets = pieces[:, (firsts[lines.rows] + places)[asked]]
    raw = text_buffers(bases)[0]
    spelt = [raw[a:b].tobytes().decode() for a, b in targets[1:3].T]
    spans = np.zeros((len(lines.rows), 2), np.int64)
    spans[asked] = targets[3:].T
    for cut, answer in zip(asked.tolist(), clean(spelt, lines.rows[asked].tolist()), strict=True):
        fits[lines.rows[cut]] &= answer.strip().encode() == data[lines.starts[cut] : lines.ends[cut]].tobytes()
    found = np.ones(len(texts), bool)
    for row, base in _bases(bases, np.flatnonzero(~fits), ends, next_line, clean).items():
        own = [data[starts[i] : stops[i]].tobytes().decode() for i in range(own_firsts[row], own_firsts[row + 1])]
        answers = base.find(own, places[bounds[row] : bounds[row + 1]].tolist())
        found[row] = answers is not None
        spans[bounds[row] : bounds[row + 1]] = answers or (0, 0)
    named = [(KINDS[kind], start, end) for kind, (start, end) in zip(lines.kinds, spans.tolist(), strict=True)]
    return [named[a:b] if found[row] else None for row, (a, b) in enumerate(pairwise(bounds))]


def _bases(
    bases: pa.LargeStringArray,
    rows: np.ndarray,
    ends: Sequence[frozenset[str] | None],
    next_line: bool,
    clean: Clean,
) -> dict[int, _Base]:
    """Some of the texts (few), with their pieces cleaned in one go."""
    texts = {row: bases[row].as_py() for row in rows.tolist()}
    pieces = [(row, span) for row, text in texts.items() for span in _split(text, ends[row], next_line)]
    answers = clean([texts[row][a:b] for row, (a, b) in pieces], [row for row, _ in pieces])
    cleaned: dict[int, list[tuple[Span, list[str]]]] = {row: [] for row in texts}
    for (row, span), answer in zip(pieces, answers, strict=True):
        if own := _visible_lines(answer):
            cleaned[row].append((span, own))
    return {row: _Base(row, text, cleaned[row], clean) for row, text in texts.items()}


class _Base:
    """One base text and its pieces: their spans, and the lines that each gives by itself."""

    def __init__(self, row: int, text: str, pieces: list[tuple[Span, list[str]]], clean: Clean) -> None:
        self._row, self._text, self._pieces, self._clean = row, text, pieces, clean
        self._searched = 0

    def find(self, lines: list[str], wanted: list[int]) -> list[Span] | None:
        """The spans of some of the lines of the cleaned text; None where one of them is not found."""
        groups = self._put_beside(lines)
        owners = {line: group for group in groups for line in range(group.first, group.last)}
        spans = []
        for line in wanted:
            group = owners.get(line)
            if group is None:
                return None
            whole = group.known and group.last - group.first == 1
            span = group.span if whole else self._searched_for(lines, group, line)
            if span is None:
                return None
            spans.append(span)
        return spans if all(a[1] <= b[0] for a, b in pairwise(spans)) else None

    def _put_beside(self, lines: list[str]) -> list[Group]:
        """Groups from the front as far as pieces, or a few of them together, are the next lines; from the back; and
        what is between."""
        front, piece, at = [], 0, 0
        while group := self._next_group(lines, piece, at):
            last, found = group
            front.append(found)
            piece, at = last, found.last
        back: list[Group] = []
        after, end = len(self._pieces), len(lines)
        while after > piece:
            span, own = self._pieces[after - 1]
            if end - len(own) < at or lines[end - len(own) : end] != own:
                break
            back.append(Group(span, end - len(own), end))
            after, end = after - 1, end - len(own)
        between = []
        if piece < after and at < end:
            between.append(Group((self._pieces[piece][0][0], self._pieces[after - 1][0][1]), at, end, known=False))
            between += _as_often(lines[at:end], self._pieces[piece:after], at)
        return [*front, *between, *reversed(back)]

    def _next_group(self, lines: list[str], piece: int, at: int) -> tuple[int, Group] | None:
        for last in range(piece + 1, min(piece + _MOST_JOINED, len(self._pieces)) + 1):
            span = (self._pieces[piece][0][0], self._pieces[last - 1][0][1])
            if last > piece + 1:
                if self._searched >= _MOST_SEARCHED:
                    return None
                self._searched += 1
            own = self._pieces[piece][1] if last == piece + 1 else self._lines_from(span)
            if own and lines[at : at + len(own)] == own:
                return last, Group(span, at, at + len(own))
        return None

    def _searched_for(self, lines: list[str], group: Group, line: int) -> Span | None:
        """A line that is a part of a group: it ends before the next one begins, and begins behind the one before."""
        start, end = group.span
        if self._searched >= _MOST_SEARCHED or end - start > _LONGEST_SEARCHED:
            return None
        self._searched += 1
        until = lines[group.first : line + 1]
        if line + 1 < group.last:
            following = _first(start, end, lambda place: len(self._lines_from((start, place))) > len(until))
            near = range(max(start, following - _LONGEST_BREAK), following + 1)
            end = next((place for place in near if self._lines_from((start, place)) == until), start)
        past = _first(start, end, lambda place: self._lines_from((place, end))[-1:] != [lines[line]])
        near = range(min(past + _LONGEST_BREAK, end), max(start, past - 1) - 1, -1)
        return next(((place, end) for place in near if self._lines_from((place, end)) == [lines[line]]), None)

    def _lines_from(self, span: Span) -> list[str]:
        return _visible_lines(self._clean([self._text[span[0] : span[1]]], [self._row])[0])


def _as_often(lines: list[str], pieces: list[tuple[Span, list[str]]], at: int) -> list[Group]:
    """The lines of which there are as many as pieces that give that line and no other."""
    places: dict[str, list[int]] = {}
    spans: dict[str, list[Span]] = {}
    for place, line in enumerate(lines, at):
        places.setdefault(line, []).append(place)
    for span, own in pieces:
        for line in own:
            spans.setdefault(line, []).append(span if len(own) == 1 else (0, 0))
    return [
        Group(span, place, place + 1)
        for line, own_places in places.items()
        if len(spans.get(line, [])) == len(own_places)
        for span, place in zip(spans[line], own_places, strict=True)
        if span[0] < span[1]
    ]


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first number from `low` on of which it holds; `high` where it holds of none before."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _visible_lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line and not line.isspace()]


_BREAK = {bare: re.compile(f"[\n\v\f\r{bare}\u2028\u2029]") for bare in ("", "\x85")}


def _split(base: str, ends: frozenset[str] | None, next_line: bool) -> list[Span]:
    """The pieces of a text, as kernels.lines.find_pieces has them; also split where tags begin lines."""
    bare = base if ends is None else lines_laid_bare(base, ends)
    edges = [edge for match in _BREAK["\x85" if next_line else ""].finditer(bare) for edge in match.span()]
    spans = zip([0, *edges[1::2]], [*edges[::2], len(base)], strict=True)
    return [(start, end) for start, end in spans if start < end]
