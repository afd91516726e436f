"""What is left of a span: a placeholder, its shape, or itself.

Redaction is repeated on the rows it changed until the detectors find nothing more there: taking one value out
can lay open another (a label moves next to a number, a long local part becomes short enough). A finding has a
letter other than x or a digit other than 0, and each round leaves fewer of these outside the placeholders, so
the rounds end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.columns import TEXT
from aigc_data.text.pii.scan import KINDS, REGIONS, RELEASE_CONFIDENCE, find_spans

PLACEHOLDERS = {kind: f"[{kind.upper()}]" for kind in KINDS}
ACTIONS = ("redact", "mask", "keep")

_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")


def redact(
    texts: pa.Array | pa.ChunkedArray,
    spans: pa.Array | pa.ChunkedArray,
    *,
    actions: Mapping[str, str],
    min_confidence: int = RELEASE_CONFIDENCE,
    kinds: Iterable[str] = KINDS,
    regions: tuple[str, ...] = REGIONS,
) -> pa.Array:
    """The texts (large_string[n]; null stays null) with each span of at least `min_confidence` replaced by
    its action.

    `spans` is the list<SPAN> array that `find_spans` gave for these texts with the same `kinds` and
    `regions`. A kind without an action is redacted: "redact" puts "[EMAIL]" there, "mask" turns letters into
    x and digits into 0, "keep" leaves it. The detectors find nothing in the result but what is kept. Raises
    ValueError for an unknown action or kind.
    """
    if unknown := set(actions) - set(KINDS):
        raise ValueError(f"unknown kinds of personal data: {sorted(unknown)}; expected some of {list(KINDS)}")
    if unknown := set(actions.values()) - set(ACTIONS):
        raise ValueError(f"unknown actions: {sorted(unknown)}; expected some of {list(ACTIONS)}")
    kinds = tuple(kinds)
    result = _one_array(texts).cast(TEXT)
    rows = np.arange(len(result))  # the rows that `pending` speaks of
    pending = _one_array(spans)
    while True:
        hit = np.flatnonzero(rows_to_replace(pending, actions, min_confidence))
        if not len(hit):
            return result
        rows = rows[hit]
        # Only rows that hold something to replace are touched one by one.
        rewritten = pa.array(
            [
                _rewrite(text, found, actions, min_confidence)
                for text, found in zip(result.take(rows).to_pylist(), pending.take(hit).to_pylist(), strict=True)
            ],
            TEXT,
        )
        mask = np.zeros(len(result), bool)
        mask[rows] = True
        result = pc.replace_with_mask(result, pa.array(mask), rewritten)
        pending, _ = find_spans(rewritten, kinds=kinds, regions=regions)


def scrub(
    texts: pa.Array | pa.ChunkedArray,
    *,
    actions: Mapping[str, str],
    min_confidence: int = RELEASE_CONFIDENCE,
    kinds: Iterable[str] = KINDS,
    regions: tuple[str, ...] = REGIONS,
) -> pa.Array:
    """Find and redact in one go, for fields that have no layer of their own, such as URLs; null stays
    null.
    """
    kinds = tuple(kinds)
    spans, _ = find_spans(texts, kinds=kinds, regions=regions)
    return redact(texts, spans, actions=actions, min_confidence=min_confidence, kinds=kinds, regions=regions)


def _one_array(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def rows_to_replace(spans: pa.Array, actions: Mapping[str, str], min_confidence: int) -> np.ndarray:
    """bool[n]: which rows hold a span that is neither kept nor too uncertain."""
    hit = np.zeros(len(spans), bool)
    flat = pc.list_flatten(spans)
    if not len(flat):
        return hit
    kept = pa.array([kind for kind, action in actions.items() if action == "keep"], pa.string())
    wanted = pc.and_(
        pc.greater_equal(pc.struct_field(flat, "confidence"), min_confidence),
        pc.invert(pc.is_in(pc.struct_field(flat, "kind"), value_set=kept)),
    )
    hit[pc.list_parent_indices(spans).filter(wanted).to_numpy()] = True
    return hit


def _rewrite(text: str, spans: list[dict[str, Any]], actions: Mapping[str, str], min_confidence: int) -> str:
    pieces, at = [], 0
    for span in spans:
        action = actions.get(span["kind"], "redact")
        if span["confidence"] < min_confidence or action == "keep":
            continue
        value = text[span["start"] : span["end"]]
        shape = _LETTER.sub("x", _DIGIT.sub("0", value))
        pieces += [text[at : span["start"]], PLACEHOLDERS[span["kind"]] if action == "redact" else shape]
        at = span["end"]
    return "".join([*pieces, text[at:]])
