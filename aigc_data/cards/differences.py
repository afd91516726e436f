"""What differs between near-duplicates: words, and characters where words are not spaced, beside those of another text.

Differences may come late in a long text, so what is shown begins shortly before the first one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from aigc_data.cards.model import Piece

#: Code points that are compared at most, that are shown, and that stand before the first difference.
COMPARED = 3000
SHOWN = 300
_BEFORE = 60
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PART = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|\s+|.", re.DOTALL)
_Op = tuple[str, int, int, int, int]


def side_by_side(first: str, others: Sequence[str]) -> tuple[tuple[Piece, ...], list[tuple[Piece, ...]]]:
    """`first` as pieces, and each of the others with what is only in it ("ins") and only in the first ("del").

    All begin at the same place of the first text. An empty text has no pieces, and is compared with nothing.
    """
    words = _PART.findall(first)
    compared = [(_PART.findall(text), _opcodes(words, _PART.findall(text))) if text else ([], []) for text in others]
    changes = [op[1] for _, ops in compared for op in ops if op[0] != "equal"]
    start = _begin(words, min(changes, default=0))
    dots = [Piece("same", "…")] if start else []
    own = [*dots, Piece("same", "".join(words[start:]))] if words else []
    return _shown(own), [
        _shown([*dots, *_pieces(words, other, ops, start)] if other else []) for other, ops in compared
    ]


def _opcodes(first: list[str], other: list[str]) -> Sequence[_Op]:
    return difflib.SequenceMatcher(None, first, other, autojunk=False).get_opcodes()


def _begin(words: list[str], change: int) -> int:
    room = _BEFORE
    while change > 0 and room >= len(words[change - 1]):
        change -= 1
        room -= len(words[change])
    return change


def _pieces(first: list[str], other: list[str], ops: Sequence[_Op], start: int) -> list[Piece]:
    found = []
    for kind, a, a_end, b, b_end in ops:
        if kind == "equal":
            skipped = max(start - a, 0)
            found.append(Piece("same", "".join(other[b + skipped : b_end])))
            continue
        found += [Piece("del", "".join(first[a:a_end])), Piece("ins", "".join(other[b:b_end]))]
    return found


def _shown(pieces: list[Piece]) -> tuple[Piece, ...]:
    room, shown = SHOWN, []
    for piece in (p for p in pieces if p.text):
        if room <= 0:
            shown.append(Piece("same", "…"))
            break
        cut = len(piece.text) > room
        shown.append(Piece(piece.kind, piece.text[:room] + ("…" if cut else "")))
        room -= len(piece.text)
        if cut:
            break
    return tuple(shown)
