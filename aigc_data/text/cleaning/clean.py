"""Cleaning: wrong decodings undone, Unicode normalised, what cannot be seen removed, remnants of HTML and lines of
boilerplate cut, blanks and line breaks evened out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.kernels import scrub as k
from aigc_data.text.arrow import strings_from, text_buffers
from aigc_data.text.cleaning import lines as cutting
from aigc_data.text.cleaning.character_classes import Form, classes, inspection, normalised, with_runs_in_order
from aigc_data.text.cleaning.folding import in_traditional, to_simplified
from aigc_data.text.cleaning.html_remnants import BREAK, are_evident, strip_remnants
from aigc_data.text.cleaning.mojibake import repair
from aigc_data.text.cleaning.mojibake_clues import pair_table

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
_BREAKS_AND_TAGS = re.compile(f"[\n\v\f\r\x85\u2028\u2029]|{BREAK}", re.IGNORECASE)


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
    data, offsets = text_buffers(texts)
    base = strings_from(data, offsets)
    current, masks = _in_rounds(base, form, mojibake, None if html else np.zeros(len(base), bool))
    if fold_han == "simplified":
        current, masks = _folded(current, masks, form)
    found = cutting.find_lines_to_cut(current, kinds=cut_lines, repeated_tokens=repeated_tokens)
    # Blank lines meet and a first line loses its indentation. Where more than that would come of it (the word that
    # spoke of markup is gone), nothing is cut, so that a second cleaning finds what the first one found.
    rows = np.unique(found.rows)
    left = cutting.drop(*cutting.among(current, found, rows))
    left, did = _in_rounds(left, form, mojibake, None if html else np.zeros(len(rows), bool))
    settled = np.flatnonzero((did & ~np.uint16(_BLANKS_ONLY)) == 0)
    rows, left = rows[settled], left.take(pa.array(settled))
    part, lines = cutting.among(current, found, rows)
    spans = _spans(base.take(pa.array(rows)), part, masks[rows], lines, form, mojibake)
    np.bitwise_or.at(masks, rows[lines.rows], np.uint16(_LINES) << lines.kinds.astype(np.uint16))
    return Cleaned(_replace(current, rows, left), masks, _cuts(len(current), rows, spans))


def changed_rules(masks: np.ndarray) -> pa.ListArray:
    """list<string>[n]: the names of the bits in each mask, [] for none."""
    # There are few different lists; each is made once.
    used, which = np.unique(masks, return_inverse=True)
    lists = pa.array([[name for name, bit in RULES if mask & bit] for mask in used.tolist()], pa.list_(pa.string()))
    return lists.take(pa.array(which)) if len(masks) else pa.array([], pa.list_(pa.string()))


def _in_rounds(
    texts: pa.LargeStringArray, form: Form, mojibake: bool, html: np.ndarray | None
) -> tuple[pa.LargeStringArray, np.ndarray]:
    """Rounds until nothing changes; (texts, mask of what they did). `html` (bool[n]) says in which rows
    remnants of HTML go; None: where they are evident."""
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
        flags &= np.where(html, np.uint8(0xFF), ~np.uint8(k.SEEN_MARKUP))
    did = np.zeros(len(flags), np.uint16)
    rows, changed = [], []
    telling = flags & ~np.uint8(k.SEEN_LEAD | k.SEEN_RUN)
    for row in np.flatnonzero(telling):  # the few rows with a composition, a suspicious pair, something like a tag
        before = text = texts[int(row)].as_py()
        if flags[row] & k.SEEN_MOJIBAKE:
            text = repair(text)
            did[row] |= MOJIBAKE if text != before else 0
        if flags[row] & k.SEEN_MARKUP:
            stripped = strip_remnants(text)
            if stripped != text and (html is not None or _are_remnants(text, stripped)):
                did[row] |= HTML
                text = stripped
        if flags[row] & k.SEEN_DENORMAL and not did[row]:  # what changed is looked at again in the next round
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


def _folded(texts: pa.LargeStringArray, masks: np.ndarray, form: Form) -> tuple[pa.LargeStringArray, np.ndarray]:
    rows = in_traditional(texts)
    if not len(rows):
        return texts, masks
    before = texts.take(pa.array(rows))
    after = [normalised(text, form) for text in to_simplified(before.to_pylist())]
    folded = pa.array(after, pa.large_string())
    masks[rows[pc.not_equal(before, folded).to_numpy(zero_copy_only=False)]] |= FOLDED
    return _replace(texts, rows, folded), masks


def _spans(
    bases: pa.LargeStringArray,
    texts: pa.LargeStringArray,
    masks: np.ndarray,
    lines: cutting.Lines,
    form: Form,
    mojibake: bool,
) -> list[list[tuple[str, int, int]]]:
    """Where `lines` of the cleaned texts stand in the base texts."""
    stripped = (masks & HTML) != 0

    def clean_pieces(pieces: list[str], owners: list[int]) -> list[str]:
        cleaned, _ = _in_rounds(pa.array(pieces, pa.large_string()), form, mojibake, stripped[owners])
        again = np.flatnonzero((masks[owners] & FOLDED) != 0)
        if len(again):
            folded = pa.array(to_simplified(cleaned.take(pa.array(again)).to_pylist()), pa.large_string())
            cleaned = _replace(cleaned, again, folded)
        return cleaned.to_pylist()

    return cutting.spans_in(bases, texts, lines, tags=_BREAKS_AND_TAGS, tagged=stripped, clean=clean_pieces)


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
