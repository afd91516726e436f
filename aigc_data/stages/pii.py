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


def checks(measured: pa.Table, rules: PiiRules) -> pa.Table:
    """One rule for each of `drop_kinds` that is present, and `dense` for a text that is a list of people.

    Only spans that a release would act on by default (confidence of at least 50) count.
    """
    spans = measured["spans"].combine_chunks()
    flat = pc.list_flatten(spans)
    sure = pc.greater_equal(pc.struct_field(flat, "confidence"), RELEASE_CONFIDENCE)
    row_of = pc.list_parent_indices(spans).filter(sure).to_numpy()
    kinds = pc.struct_field(flat, "kind").filter(sure).to_numpy(zero_copy_only=False)
    counts = np.bincount(row_of, minlength=len(spans))
    tokens = np.maximum(measured["tokens"].to_numpy(), 1)
    broken: dict[str, np.ndarray] = {
        kind: np.bincount(row_of[kinds == kind], minlength=len(spans)) > 0 for kind in rules.drop_kinds
    }
    broken["dense"] = (counts >= rules.dense_from) & (counts * 1000 > rules.max_spans_per_1000_tokens * tokens)
    return pa.table(broken)


STAGE = Map(
    name="pii",
    reads=("clean.text",),
    schema=columns.PII,
    measure=measure,
    checks=checks,
    libraries=("numba", "phonenumbers", "pyarrow"),
)
