"""A row and its layers → what may be seen. The one function between raw personal data and everything that is shown.

augment, release, the card's examples and the residual checks all come here, so that they cannot disagree.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.recipe import PiiMeasure, ReleaseParams
from aigc_data.text.dedupe.cuts import any_cut, apply_cuts, move_spans
from aigc_data.text.pii import redact, scrub, scrub_json

#: What render_texts reads; a caller may read more beside it.
READS = ("clean.text", "dedupe.cuts", "pii.spans")


def render_texts(rows: pa.Table, pii: PiiMeasure, params: ReleaseParams) -> pa.Array:
    """`clean.text` of each row without `dedupe.cuts`, and with the spans of `pii.spans` acted on as the recipe says.

    large_string, never null; a text of which everything is cut is empty. Of a span that a cut takes a part, what is
    left is acted on like the whole; and as what a cut brings together may be a value that stood on two lines, texts
    with cuts are searched again.
    """
    cuts, how = rows["dedupe.cuts"], _how(pii, params)
    shown = redact(apply_cuts(rows["clean.text"], cuts), move_spans(rows["pii.spans"], cuts), **how)
    joined = pa.array(any_cut(cuts))
    if not pc.any(joined).as_py():
        return shown
    return pc.replace_with_mask(shown, joined, scrub(shown.filter(joined), **how))


def render_field(values: pa.ChunkedArray, pii: PiiMeasure, params: ReleaseParams) -> pa.Array:
    """A short field (`url`, `locator`) scanned and rendered like text; null stays null."""
    return scrub(values, **_how(pii, params)).cast(pa.string())


def render_meta(values: pa.ChunkedArray, pii: PiiMeasure, params: ReleaseParams) -> pa.Array:
    """`meta` scanned and rendered value by value, so that it stays JSON; null stays null."""
    return scrub_json(values, **_how(pii, params)).cast(pa.string())


def _how(pii: PiiMeasure, params: ReleaseParams) -> dict[str, Any]:
    return {
        "actions": params.actions,
        "min_confidence": params.min_pii_confidence,
        "kinds": pii.kinds,
        "regions": pii.regions,
    }
