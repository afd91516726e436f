"""Cleaning: wrong decodings undone, Unicode normalised, what cannot be seen removed, remnants of HTML and lines of
boilerplate cut, blanks and line breaks evened out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.kernels import scrub as k
from aigc_data.text.arrow import strings_from, text_buffers
from aigc_data.text.cleaning import lines as cutting
from aigc_data.text.cleaning.character_classes import Form, classes, inspection, normalised, with_runs_in_order
from aigc_data.text.cleaning.folding import in_traditional, to_simplified
from aigc_data.text.cleaning.html_remnants import are_evident, end_tags, strip_remnants
from aigc_data.text.cleaning.mojibake import repair
from aigc_data.text.cleaning.mojibake_clues import pair_table
from aigc_data.text.cleaning.spans import spans_in

Folding = Literal["keep", "simplified"]

MOJIBAKE, NFC, HTML, FOLDED = 64, 32, 128, 256
_LINES = 512  # and the next two bits: lines.KINDS
#: Names of the rules that can change a text and their bits, in the order in which they are listed.
RULES = (
    ("mojibake", MOJIBAKE),
    ("html", HTML),
    ("nfc", NFC),
    ("control", k.DID_CONTROL),
    ("zero-width", k.DID_ZERO_WIDTH),
    ("bidi", k.DID_BIDI),
    ("whitespace", k.DID_WHITESPACE),
    ("newline", k.DID_NEWLINE),
    ("han", FOLDED),
    *((kind, _LINES << place) for place, kind in enumerate(cutting.KINDS)),
)
#: One pass may uncover work for another (a combining mark behind a removed character). Two rounds are common,
#: three rare.
MAX_ROUNDS = 8
_BLANKS_ONLY = k.DID_WHITESPACE | k.DID_NEWLINE


@dataclass(frozen=True)
class Cleaned:
    """Texts (large_string, none null) and, for each, the bits of RULES that changed it (uint16) and the lines that were
    cut from it (lines.CUTS): code points of the text as it came."""

    texts: pa.LargeStringArray
    masks: np.ndarray
    cuts: pa.ListArray


def clean(
    texts: pa.Array | pa.ChunkedArray,
    *,
    form: Form,
    mojibake: bool,
    html: bool = False,
    fold_han: Folding = "keep",
    cut_lines: Sequence[str] = (),
    repeated_tokens: int = 10,
) -> Cleaned:
    """Clean n strings; a null becomes the empty text. `clean(clean(x)) == clean(x)`.

    Rows that a fast scan flags are normalised (UAX #15), repaired and rid of HTML in Python; the rest happens in one
    kernel pass. `cut_lines` are names of lines.KINDS; a text of which no line would be left keeps them all. Raises
    StageError where Han are to be folded and OpenCC is not installed.
    """
    base = strings_from(*text_buffers(texts))
    switches = _Switches(form, mojibake, html, cut_lines, repeated_tokens)
    current, masks = _in_rounds(base, form, mojibake, None if html else _nowhere(len(base)))
    rows, left, lines = _cut(current, switches)
    if fold_han == "simplified":
        # Whether a text is Chinese in traditional characters is asked of what is left of it, as the next cleaning
        # would ask; and lines that differed in their characters may be repeated now.
        traditional = in_traditional(_replace(current, rows, left))
        if len(traditional):
            current, masks = _folded(current, masks, traditional, form)
            rows, left, lines = _cut(current, switches)
    part, lines = cutting.among(current, lines, rows)
    spans = _spans(base.take(pa.array(rows)), part, masks[rows], lines, form, mojibake)
    known = np.array([own is not None for own in spans], bool)
    lines = cutting.Lines(*(field[known[lines.rows]] for field in lines))
    np.bitwise_or.at(masks, rows[lines.rows], np.uint16(_LINES) << lines.kinds.astype(np.uint16))
    rows, left = rows[known], left.take(pa.array(np.flatnonzero(known)))
    return Cleaned(_replace(current, rows, left), masks, _cuts(len(current), rows, [own for own in spans if own]))


class _Switches(NamedTuple):
    form: Form
    mojibake: bool
    html: bool
    cut_lines: Sequence[str]
    repeated_tokens: int


def _cut(texts: pa.LargeStringArray, switches: _Switches) -> tuple[np.ndarray, pa.LargeStringArray, cutting.Lines]:
    """The rows that lose lines, what is left of each, and the lines (of all rows).

    Blank lines meet and a first line loses its indentation. Where more than that would come of it (the word that spoke
    of markup is gone), nothing is cut, so that a second cleaning finds what the first one found.
    """
    form, mojibake, html, kinds, repeated_tokens = switches
    found = cutting.find_lines_to_cut(texts, kinds=kinds, repeated_tokens=repeated_tokens)
    rows = np.unique(found.rows)
    left = cutting.drop(*cutting.among(texts, found, rows))
    left, did = _in_rounds(left, form, mojibake, None if html else _nowhere(len(rows)))
    settled = np.flatnonzero((did & ~np.uint16(_BLANKS_ONLY)) == 0)
    return rows[settled], left.take(pa.array(settled)), found


def changed_rules(masks: np.ndarray) -> pa.ListArray:
    """list<string>[n]: the names of the bits in each mask, [] for none."""
    # There are few different lists; each is made once.
    used, which = np.unique(masks, return_inverse=True)
    lists = pa.array([[name for name, bit in RULES if mask & bit] for mask in used.tolist()], pa.list_(pa.string()))
    return lists.take(pa.array(which)) if len(masks) else pa.array([], pa.list_(pa.string()))


def _in_rounds(
    texts: pa.LargeStringArray, form: Form, mojibake: bool, html: np.ndarray | None
) -> tuple[pa.LargeStringArray, np.ndarray]:
    """Rounds until nothing changes; (texts, mask of what they did). `html` (objects[n]) says in which rows remnants of
    HTML go: those that have a set (of end tags beside the text); None: where they are evident."""
    current, masks = texts, np.zeros(len(texts), np.uint16)
    pending = np.arange(len(current))
    table = inspection(form, mojibake)
    for _ in range(MAX_ROUNDS):
        part = current if len(pending) == len(current) else current.take(pa.array(pending))
        part, did, flags = _once(part, form, mojibake, None if html is None else html[pending])
        masks[pending] |= did
        if len(pending) == len(current):
            current = part
        else:
            current = _replace(current, pending, part)
        again = (did & ~np.uint16(_BLANKS_ONLY)) != 0
        # Blanks alone uncover nothing, except where a run that became one now ends a wrongly decoded
        # sequence, or where a line that shows a tag is now a line of its own.
        spaced = np.flatnonzero((did != 0) & ~again & ((flags & (k.SEEN_LEAD | k.SEEN_MARKUP)) != 0))
        if len(spaced):
            found = k.inspect(*text_buffers(part.take(pa.array(spaced))), table, pair_table())
            again[spaced] = (found & (k.SEEN_MOJIBAKE | k.SEEN_MARKUP)) != 0
        pending = pending[again]
        if not len(pending):
            break
    return current, masks


def _once(
    texts: pa.LargeStringArray, form: Form, mojibake: bool, html: np.ndarray | None
) -> tuple[pa.LargeStringArray, np.ndarray, np.ndarray]:
    """One round: repair, strip, normalise, scrub; (texts, mask of what it did, what was seen before)."""
    data, offsets = text_buffers(texts)
    flags = k.inspect(data, offsets, inspection(form, mojibake), pair_table())
    if html is not None:
        flags &= np.where([ends is not None for ends in html], np.uint8(0xFF), ~np.uint8(k.SEEN_MARKUP))
    did = np.zeros(len(flags), np.uint16)
    rows, changed = [], []
    telling = flags & ~np.uint8(k.SEEN_LEAD | k.SEEN_RUN)
    for row in np.flatnonzero(telling):  # the few rows with a composition, a suspicious pair, something like a tag
        before = text = texts[int(row)].as_py()
        if flags[row] & k.SEEN_MOJIBAKE:
            text = repair(text)
            did[row] |= MOJIBAKE if text != before else 0
        if flags[row] & k.SEEN_MARKUP:
            stripped = strip_remnants(text) if html is None else strip_remnants(text, html[row])
            if stripped != text and (html is not None or _are_remnants(text, stripped)):
                did[row] |= HTML
                text = stripped
        # What changed is looked at again in the next round, and so is an accent behind a terminal's escape sequence: it
        # belongs to the letter before that.
        if flags[row] & k.SEEN_DENORMAL and not did[row] and "\x1b" not in text:
            ordered = with_runs_in_order(text) if flags[row] & k.SEEN_RUN else text
            normal = normalised(ordered, form)
            did[row] |= NFC if normal != text else 0
            text = normal
        if did[row]:
            rows.append(row)
            changed.append(text)
    if rows:
        texts = _replace(texts, np.array(rows), pa.array(changed, pa.large_string()))
        data, offsets = text_buffers(texts)
    out, out_offsets, masks = k.scrub(data, offsets, classes())
    return strings_from(out, out_offsets), did | masks, flags


def _are_remnants(text: str, stripped: str) -> bool:
    # A text that is one tag and nothing else says something with it.
    return not (stripped == "" or stripped.isspace()) and are_evident(text)


def _nowhere(rows: int) -> np.ndarray:
    return np.full(rows, None, object)


def _folded(
    texts: pa.LargeStringArray, masks: np.ndarray, rows: np.ndarray, form: Form
) -> tuple[pa.LargeStringArray, np.ndarray]:
    before = texts.take(pa.array(rows))
    folded = pa.array([normalised(text, form) for text in to_simplified(before.to_pylist())], pa.large_string())
    masks[rows[pc.not_equal(before, folded).to_numpy(zero_copy_only=False)]] |= FOLDED
    return _replace(texts, rows, folded), masks


def _spans(
    bases: pa.LargeStringArray,
    texts: pa.LargeStringArray,
    masks: np.ndarray,
    lines: cutting.Lines,
    form: Form,
    mojibake: bool,
) -> list[list[tuple[str, int, int]] | None]:
    """Where `lines` of the cleaned texts stand in the base texts."""
    stripped = _nowhere(len(bases))
    for row in np.flatnonzero(masks & HTML):  # few
        stripped[row] = end_tags(bases[int(row)].as_py())

    def clean_pieces(pieces: list[str], owners: list[int]) -> list[str]:
        cleaned, did = _in_rounds(pa.array(pieces, pa.large_string()), form, mojibake, stripped[owners])
        again = np.flatnonzero(masks[owners] & FOLDED)
        return (_folded(cleaned, did, again, form)[0] if len(again) else cleaned).to_pylist()

    return spans_in(bases, texts, lines, ends=stripped.tolist(), next_line=not mojibake, clean=clean_pieces)


def _cuts(rows: int, cut: np.ndarray, spans: list[list[tuple[str, int, int]]]) -> pa.ListArray:
    lengths = np.zeros(rows, np.int64)
    lengths[cut] = [len(part) for part in spans]
    flat = pa.array([dict(zip(("kind", "start", "end"), span, strict=True)) for part in spans for span in part], _CUT)
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32()), flat)


_CUT = cutting.CUTS.value_type


def _replace(texts: pa.LargeStringArray, rows: np.ndarray, by: pa.LargeStringArray) -> pa.LargeStringArray:
    mask = np.zeros(len(texts), bool)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), by)
