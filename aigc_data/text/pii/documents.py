"""Redaction inside JSON documents, which stay JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.columns import TEXT
from aigc_data.text.pii.rendering import rows_to_replace, scrub
from aigc_data.text.pii.scan import KINDS, REGIONS, RELEASE_CONFIDENCE, find_spans


def scrub_json(
    texts: pa.Array | pa.ChunkedArray,
    *,
    actions: Mapping[str, str],
    min_confidence: int = RELEASE_CONFIDENCE,
    kinds: Iterable[str] = KINDS,
    regions: tuple[str, ...] = REGIONS,
) -> pa.Array:
    """JSON texts (large_string[n]) without personal data in keys, strings or numbers; null stays null.

    Strings are read unescaped and together with their key, so that `{"phone": …}` counts as a label. A number
    that is personal data becomes a string. Rows without a finding keep their bytes; what is not JSON is
    scrubbed as plain text.
    """
    kinds = tuple(kinds)
    result = (texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts).cast(TEXT)
    given: dict[str, Any] = {"actions": actions, "min_confidence": min_confidence, "kinds": kinds, "regions": regions}
    spans, _ = find_spans(result, kinds=kinds, regions=regions)
    # A backslash may hide a value from a scan of the text as it stands.
    escaped = pc.fill_null(pc.match_substring(result, "\\"), False).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(rows_to_replace(spans, actions, min_confidence) | escaped)
    if not len(rows):
        return result
    mask = np.zeros(len(result), bool)
    mask[rows] = True
    rewritten = pa.array([_document(text, given) for text in result.take(rows).to_pylist()], TEXT)
    return pc.replace_with_mask(result, pa.array(mask), rewritten)


def _document(text: str, given: dict[str, Any]) -> str:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _plain([text], given)[0]
    before: list[str] = []

    def note(label: str, leaf: str) -> str:
        before.append(label + leaf)
        return leaf

    _walk(value, note)
    if (after := _plain(before, given)) == before:
        clean = value
    else:
        changed = iter(zip(before, after, strict=True))
        clean = _walk(value, lambda label, leaf: _without(label, leaf, *next(changed), given))
    # Labels reach over fields: what the release's residual scan sees is the document as text, so that is
    # scrubbed as well.
    written = orjson.dumps(clean).decode() if clean is not value else text
    once_more = _plain([written], given)[0]
    if once_more == written:
        return written
    if _is_json(once_more):
        return once_more
    quoted = orjson.dumps(_walk(clean, lambda _, leaf: leaf, quote=True)).decode()
    once_more = _plain([quoted], given)[0]
    return once_more if _is_json(once_more) else orjson.dumps(once_more).decode()


def _without(label: str, leaf: str, before: str, after: str, given: dict[str, Any]) -> str:
    if after == before:
        return leaf
    return after[len(label) :] if after.startswith(label) else _plain([leaf], given)[0]


def _walk(value: Any, visit: Callable[[str, str], str], label: str = "", quote: bool = False) -> Any:
    """A copy of the document with every key, string and number replaced by what `visit(label, leaf)` makes of
    it.
    """
    if isinstance(value, dict):
        pairs = []
        for key, inner in value.items():
            pairs.append((visit("", key), _walk(inner, visit, f"{key}: ", quote)))
        return dict(pairs)
    if isinstance(value, list):
        return [_walk(inner, visit, label, quote) for inner in value]
    if isinstance(value, str):
        return visit(label, value)
    if value is None or isinstance(value, bool):
        return value
    text = orjson.dumps(value).decode()
    seen = visit(label, text)
    return seen if quote or seen != text else value


def _plain(texts: list[str], given: dict[str, Any]) -> list[str]:
    return scrub(pa.array(texts, TEXT), **given).to_pylist()


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
