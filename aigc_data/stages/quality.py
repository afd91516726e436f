"""quality: what a text is like in numbers, and whether that is good enough."""

from __future__ import annotations

import pyarrow as pa

from aigc_data import columns
from aigc_data.recipe import QualityMeasure, QualityRules
from aigc_data.stage import Map
from aigc_data.text.quality_rules import first_failure, measured


def measure(rows: pa.Table, params: QualityMeasure) -> pa.Table:
    """columns.QUALITY for each row of `clean.text` and `clean.lang`."""
    return measured(rows["clean.text"], rows["clean.lang"])


def judge(table: pa.Table, rules: QualityRules) -> pa.Array:
    """null keeps the row, else `quality:` and the first rule that fails."""
    return first_failure(table, rules)


STAGE = Map(
    name="quality",
    reads=("clean.text", "clean.lang"),
    schema=columns.QUALITY,
    measure=measure,
    judge=judge,
    libraries=("numba", "polars"),
)
