"""Licence notices inside texts: what the first and the last bytes of a text say about its licence.

Aho-Corasick over heads and tails picks the rows that hold any of the trigger words; only those meet the patterns.
A notice is a statement ("licensed under …", 本文采用…许可, a Creative Commons link): an article about the MIT licence
has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from aigc_data.text.arrow import strings_from, text_buffers
from aigc_data.text.licenses.classes import CLASSES
from aigc_data.text.licenses.expressions import NOASSERTION, class_of, join, normalise
from aigc_data.text.licenses.names import ALL_RIGHTS_RESERVED, NON_COMMERCIAL, RESEARCH_ONLY
from aigc_data.text.licenses.patterns import NAMES, PATTERNS, RESERVED, STATEMENT_ZH, STATEMENTS, TRIGGERS


class Notice(NamedTuple):
    """A licence statement: code points `start` to `end` of the text, and the SPDX expression that it means."""

    start: int
    end: int
    expression: str


class Notices(NamedTuple):
    """Per row: the expression ("" for none) and where its most restrictive notice stands (code points, -1 for none)."""

    expressions: list[str]
    starts: np.ndarray
    ends: np.ndarray


def find_notices(texts: pa.Array | pa.ChunkedArray, *, reach: int) -> Notices:
    """Notices in the first and last `reach` bytes (cut to whole characters) of n texts (strings; null has none)."""
    data, offsets = text_buffers(texts)
    count = len(offsets) - 1
    starts, ends = np.full(count, -1), np.full(count, -1)
    expressions = [""] * count
    if reach == 0 or count == 0:
        return Notices(expressions, starts, ends)
    cuts = _cuts(data, offsets, reach)
    pieces = strings_from(data, np.append(cuts.ravel(), offsets[-1]))
    heads, tails = pieces.take(pa.array(np.arange(count) * 3)), pieces.take(pa.array(np.arange(count) * 3 + 2))
    hit = _may_hold(heads) | _may_hold(tails)
    # A few rows in a hundred are left, and each has two short pieces to look at.
    for row in np.flatnonzero(hit).tolist():
        found = list(read_notices(heads[row].as_py()))
        if tail := tails[row].as_py():
            before = len(data[offsets[row] : cuts[row, 2]].tobytes().decode())
            found += [Notice(n.start + before, n.end + before, n.expression) for n in read_notices(tail)]
        if found := telling(found):
            worst = max(found, key=lambda n: (CLASSES.index(class_of(n.expression)), -n.start))
            expressions[row] = join([n.expression for n in found])
            starts[row], ends[row] = worst.start, worst.end
    return Notices(expressions, starts, ends)


def read_notices(text: str) -> Iterator[Notice]:
    """All notices of one short text, in no order."""
    lowered = text.lower()
    for pattern in PATTERNS:
        if not any(word in lowered for word in pattern.words):
            continue
        for match in pattern.regex.finditer(text):
            if expression := pattern.meaning(match):
                yield Notice(*match.span(), expression)
    for match in STATEMENT_ZH.finditer(text):
        if NAMES.search(match[1]) and (expression := _licence(match[1])):
            yield Notice(*match.span(), expression)
    for statement in STATEMENTS:
        for match in statement.finditer(text):
            if NAMES.search(match[1]) and (named := _named(match[1])):
                expression, length = named
                yield Notice(match.start(), match.start(1) + length, expression)
    for match in RESERVED.finditer(text):
        yield Notice(*match.span(), ALL_RIGHTS_RESERVED)


def telling(found: list[Notice]) -> list[Notice]:
    """Without the general statements that a more precise one beside them explains."""
    precise = [n for n in found if n.expression != ALL_RIGHTS_RESERVED]
    if any(n.expression != NON_COMMERCIAL and class_of(n.expression) == "non-commercial" for n in precise):
        precise = [n for n in precise if n.expression != NON_COMMERCIAL]
    names = {n.expression for n in precise}
    # "CC BY-SA" beside "CC BY-SA 4.0": the one with a version says more.
    vague = {
        name for name in names if any(n != name and n.startswith(name.removeprefix("LicenseRef-") + "-") for n in names)
    }
    choices = {operand for name in names if " OR " in name for operand in name.split(" OR ")}
    return [n for n in precise if n.expression not in vague | choices] or found


def _named(text: str) -> tuple[str, int] | None:
    """(expression, length) of the longest beginning of `text`, cut between words, that names a licence."""
    text = re.split(r"\s[(（]", text)[0]
    ends = [m.start() for m in re.finditer(r"[\s,.，、)）]|$", text)]
    for end in reversed(ends[:16]):
        if expression := _licence(text[:end]):
            return expression, len(text[:end].rstrip(" .,，。、"))
    return None


def _licence(name: str) -> str:
    """The expression of a name inside a sentence, "" when it is none: words such as "academic" alone are none there."""
    expression = normalise(name)
    if expression in (NOASSERTION, ALL_RIGHTS_RESERVED, NON_COMMERCIAL, RESEARCH_ONLY):
        return ""
    return expression


def _may_hold(pieces: pa.Array) -> np.ndarray:
    column = pl.Series(pl.from_arrow(pieces), dtype=pl.String)
    return column.str.contains_any(list(TRIGGERS), ascii_case_insensitive=True).to_numpy()


def _cuts(data: np.ndarray, offsets: np.ndarray, reach: int) -> np.ndarray:
    """int64[n, 3]: where head, middle and tail of each text begin; a text of at most two reaches is all head."""
    first, last = offsets[:-1], offsets[1:]
    head = np.where(last - first <= 2 * reach, last, first + reach)
    tail = np.where(last - first <= 2 * reach, last, last - reach)
    for _ in range(3):  # a character has at most three bytes after its first
        head = head + _continues(data, head, last)
        tail = tail + _continues(data, tail, last)
    return np.stack([first, head, tail], axis=1)


def _continues(data: np.ndarray, at: np.ndarray, last: np.ndarray) -> np.ndarray:
    """int64[n]: 1 where byte `at` is inside the text and goes on with a character, else 0."""
    inside = at < last
    byte = data[np.where(inside, at, 0)] if len(data) else np.zeros(len(at), np.uint8)
    return (inside & ((byte & 0xC0) == 0x80)).astype(np.int64)
