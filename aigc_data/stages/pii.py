"""pii: where personal data stands. Only records of the kinds that the recipe names are dropped; the rest is
render's.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data import columns
from aigc_data.recipe import PiiMeasure, PiiRules
from aigc_data.stage import Map
from aigc_data.text.pii import RELEASE_CONFIDENCE, find_spans


def measure(rows: pa.Table, params: PiiMeasure) -> pa.Table:
    """columns.PII of each row's `clean.text`."""
    spans, tokens = find_spans(rows["clean.text"], kinds=params.kinds, regions=params.regions)
    return pa.Table.from_arrays([spans, pa.array(tokens)], schema=columns.PII)


def judge(measured: pa.Table, rules: PiiRules) -> pa.Array:
    """`pii:<kind>` for the first of `drop_kinds` that is present, `pii:dense` for a text that is a list of
    people.

    Only spans that a release would act on by default (confidence of at least 50) count.
    """
    spans = measured["spans"].combine_chunks()
    flat = pc.list_flatten(spans)
    sure = pc.greater_equal(pc.struct_field(flat, "confidence"), RELEASE_CONFIDENCE)
    row_of = pc.list_parent_indices(spans).filter(sure).to_numpy()
    kinds = pc.struct_field(flat, "kind").filter(sure).to_numpy(zero_copy_only=False)
    counts = np.bincount(row_of, minlength=len(spans))
    tokens = np.maximum(measured["tokens"].to_numpy(), 1)
    reasons = np.full(len(spans), None, object)
    reasons[(counts >= rules.dense_from) & (counts * 1000 > rules.max_spans_per_1000_tokens * tokens)] = "pii:dense"
    for kind in reversed(rules.drop_kinds):
        reasons[row_of[kinds == kind]] = f"pii:{kind}"
    return pa.array(reasons, pa.string())


STAGE = Map(
    name="pii",
    reads=("clean.text",),
    schema=columns.PII,
    measure=measure,
    judge=judge,
    libraries=("numba", "phonenumbers", "pyarrow"),
)
