"""quality: what a text is like in numbers, and whether that is good enough."""

from __future__ import annotations

import pyarrow as pa

from aigc_data import columns
from aigc_data.recipe import QualityMeasure, QualityRules
from aigc_data.stage import Map
from aigc_data.text.quality.model_signals import model_signals
from aigc_data.text.quality.rules import failures, measured


def measure(rows: pa.Table, params: QualityMeasure) -> pa.Table:
    """columns.QUALITY for each row of `clean.text` and `clean.lang`."""
    texts, langs = rows["clean.text"], rows["clean.lang"]
    return measured(texts, langs, **model_signals(texts, langs, params))


def checks(table: pa.Table, rules: QualityRules) -> pa.Table:
    """One rule for each bound that is switched on, in the order of QualityThresholds' fields."""
    return failures(table, rules)


STAGE = Map(
    name="quality",
    reads=("clean.text", "clean.lang"),
    schema=columns.QUALITY,
    measure=measure,
    checks=checks,
    libraries=("numba", "polars"),
    files=("classifier", "perplexity"),
)
