"""What a detector sees and what it says."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable
from typing import NamedTuple

from aigc_data.kernels.candidates import SEPARATORS_BEYOND_ASCII

#: Code points before and after a number that a detector may read.
CONTEXT = 40

ZERO_WIDTH = "\u200b"
#: Full-width ASCII and typographic separators to ASCII, one code point for one, so that offsets hold.
FOLD = {0xFEE0 + code: code for code in range(0x21, 0x7F)} | {c: ord(t) for c, t in SEPARATORS_BEYOND_ASCII.items()}


class Finding(NamedTuple):
    """A span of personal data: code points `start` to `end` of what was scanned, and how sure the validator
    is (0..100).
    """

    start: int
    end: int
    kind: str
    validator: str
    confidence: int


def resolve_overlaps(findings: Iterable[Finding]) -> list[Finding]:
    """The findings without overlaps, in order: the more confident wins, then the longer, then the earlier."""
    taken: list[Finding] = []
    starts: list[int] = []
    for one in sorted(set(findings), key=lambda f: (-f.confidence, f.start - f.end, f.start, f.kind)):
        # Those taken lie apart and in order, so that only the two neighbours can overlap.
        at = bisect.bisect_left(starts, one.end)
        if at == 0 or taken[at - 1].end <= one.start:
            taken.insert(at, one)
            starts.insert(at, one.start)
    return taken


_LETTER_OR_DIGIT = re.compile(r"[A-Za-z0-9]")


def is_glued(text: str, start: int, end: int) -> bool:
    """Is text[start:end] a piece of something longer: an identifier, a path, a decimal, a dashed code?

    Only ASCII glues: a Han character next to a number is the next word.
    """
    return _glued_before(text, start) or _glued_after(text, end)


def _glued_before(text: str, start: int) -> bool:
    if start == 0:
        return False
    before = text[start - 1]
    if before == "_" or _LETTER_OR_DIGIT.match(before):
        return True
    return before in "-./" and start > 1 and _LETTER_OR_DIGIT.match(text[start - 2]) is not None


def _glued_after(text: str, end: int) -> bool:
    if end == len(text):
        return False
    after = text[end]
    if after == "_" or _LETTER_OR_DIGIT.match(after):
        return True
    return after in "-./" and end + 1 < len(text) and text[end + 1].isdigit()
