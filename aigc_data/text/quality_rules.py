"""Thresholds over the quality signals: the first rule that a text fails. For the quality stage, and for born rows."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data import columns
from aigc_data.recipe import QualityRules, QualityThresholds
from aigc_data.text.quality import signals

#: What says little about a text of two lines: see QualityThresholds.line_rules_from.
LINE_SHARES = ("bullet_lines", "ellipsis_lines", "terminal_lines", "short_lines", "dup_lines")


def measured(texts: pa.ChunkedArray, langs: pa.ChunkedArray) -> pa.Table:
    """columns.QUALITY for each text; `langs` decides which of the two tables of stop words and thresholds applies."""
    rules = pc.if_else(pc.equal(langs, "zh"), "zh", "en")
    chinese = pc.equal(rules, "zh").to_numpy()
    return pa.table({"rules": rules, **signals(texts, chinese)}, schema=columns.QUALITY)


def first_failure(table: pa.Table, rules: QualityRules) -> pa.Array:
    """null keeps the row, else `quality:` and the first rule that fails, in the order of QualityThresholds'
    fields."""
    frame = pl.DataFrame(table)
    checks = [
        pl.when(_fails(pl.col("rules") == "zh", field, rules, frame.schema)).then(pl.lit(f"quality:{name}"))
        for field, name in rule_names()
    ]
    return frame.select(reason=pl.coalesce(checks))["reason"].to_arrow().cast(pa.string())


def rule_names() -> Iterator[tuple[str, str]]:
    """(threshold, rule) in order: dashes for underscores, and no `max-` where the signal has no other
    bound."""
    fields = [field for field in QualityThresholds.model_fields if field.startswith(("min_", "max_"))]
    for field in fields:
        signal = field.partition("_")[2]
        alone = field.startswith("max_") and f"min_{signal}" not in fields
        yield field, (signal if alone else field).replace("_", "-")


def _fails(chinese: pl.Expr, field: str, rules: QualityRules, schema: pl.Schema) -> pl.Expr:
    side, _, signal = field.partition("_")
    value = pl.col(signal)
    broken = []
    for thresholds in (rules.zh, rules.en):
        bound = getattr(thresholds, field)
        # In the column's own precision: 0.3 in single precision must not exceed a bound of 0.3.
        limit = pl.lit(bound, schema[signal])
        fails = pl.lit(False) if bound is None else value < limit if side == "min" else value > limit
        if signal in LINE_SHARES:
            fails &= pl.col("lines") >= thresholds.line_rules_from
        broken.append(fails)
    return pl.when(chinese).then(broken[0]).otherwise(broken[1])
