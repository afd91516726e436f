"""Thresholds over the quality signals: the first rule that a text fails. For the quality stage, and for born rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data import columns
from aigc_data.recipe import QualityRules, QualityThresholds
from aigc_data.text.quality.signals import signals

#: What says little about a text of two lines, and about one of ten tokens: QualityThresholds.line_rules_from,
#: token_rules_from.
LINE_RULES = (
    *("bullet_lines", "ellipsis_lines", "terminal_lines", "short_lines", "menu_lines", "dup_lines"),
    "dup_line_chars",
    *("char_dup_ratio", "javascript_lines", "policy_lines", "brace_lines"),
)
TOKEN_RULES = (
    *("symbol_ratio", "alpha_ratio", "newline_ratio", "sentence_tokens", "top_2gram", "top_3gram", "top_4gram"),
    *("dup_5gram", "dup_6gram", "dup_7gram", "dup_8gram", "dup_9gram", "dup_10gram"),
)

#: What models say, -1 where none was asked: no rule reads that.
MODEL_SCORES = ("model_score", "perplexity")

#: Which bounds make up each published filter.
FILTERS: dict[str, tuple[str, ...]] = {
    "gopher-quality": (
        *("min_tokens", "max_tokens", "min_mean_token_length", "max_mean_token_length", "max_symbol_ratio"),
        *("max_bullet_lines", "max_ellipsis_lines", "min_alpha_ratio", "min_stop_words"),
    ),
    "gopher-repetition": (
        *("max_dup_lines", "max_dup_line_chars", "max_dup_paragraphs", "max_dup_paragraph_chars", "max_top_2gram"),
        *("max_top_3gram", "max_top_4gram", "max_dup_5gram", "max_dup_6gram", "max_dup_7gram", "max_dup_8gram"),
        *("max_dup_9gram", "max_dup_10gram"),
    ),
    "c4": ("max_c4_marks", "min_c4_sentences"),
    "fineweb": ("min_terminal_lines", "max_short_lines", "max_char_dup_ratio", "max_newline_ratio"),
}

_EVERYWHERE = {"line_rules_from": 1, "token_rules_from": 0, "stop_words_from": 0}
_NOT_PUBLISHED = dict.fromkeys(
    (
        *(
            "min_sentences",
            "max_sentence_tokens",
            "max_menu_lines",
            "max_lorem_lines",
            "max_javascript_lines",
            "max_policy_lines",
        ),
        "max_brace_lines",
    ),
    "off",
)
#: The bounds as published: for English Gopher's (Rae et al. 2021, A.1.1 and table A1), C4's (Raffel et al. 2020, 2.2)
#: and FineWeb's (Penedo et al. 2024), for Chinese FineWeb-2's (configs/cmn_Hani.yml), which were tuned on words and not
#: on our tokens. To compare with; they drop many good texts (docs/signals.md).
PUBLISHED = QualityRules.model_validate(
    {
        "en": {
            **_EVERYWHERE, **_NOT_PUBLISHED, "min_tokens": 50, "max_tokens": 100_000, "min_mean_token_length": 3,
            "max_mean_token_length": 10, "max_symbol_ratio": 0.1, "max_bullet_lines": 0.9, "max_ellipsis_lines": 0.3,
            "min_alpha_ratio": 0.8, "min_stop_words": 2, "min_terminal_lines": 0.12, "max_short_lines": 0.67,
            "max_newline_ratio": 0.3, "max_dup_lines": 0.3, "max_dup_line_chars": 0.2, "max_char_dup_ratio": 0.01,
            "max_dup_paragraphs": 0.3, "max_dup_paragraph_chars": 0.2, "max_top_2gram": 0.20, "max_top_3gram": 0.18,
            "max_top_4gram": 0.16, "max_dup_5gram": 0.15, "max_dup_6gram": 0.14, "max_dup_7gram": 0.13,
            "max_dup_8gram": 0.12, "max_dup_9gram": 0.11, "max_dup_10gram": 0.10, "max_c4_marks": 0,
            "min_c4_sentences": 5,
        },
        "zh": {
            **_EVERYWHERE, **_NOT_PUBLISHED, "min_tokens": 50, "max_tokens": 100_000, "min_mean_token_length": 1,
            "max_mean_token_length": 5, "max_symbol_ratio": 0.1, "max_bullet_lines": 0.9, "max_ellipsis_lines": 0.3,
            "min_alpha_ratio": 0.735, "min_stop_words": 2, "min_terminal_lines": 0.106, "max_short_lines": "off",
            "max_newline_ratio": 0.178, "max_dup_lines": 0.287, "max_dup_line_chars": "off",
            "max_char_dup_ratio": 0.01, "max_dup_paragraphs": "off", "max_dup_paragraph_chars": "off",
            "max_top_2gram": 0.256, "max_top_3gram": 0.201, "max_top_4gram": 0.171, "max_dup_5gram": 0.198,
            "max_dup_6gram": 0.182, "max_dup_7gram": 0.167, "max_dup_8gram": 0.154, "max_dup_9gram": 0.140,
            "max_dup_10gram": 0.127, "max_c4_marks": "off", "min_c4_sentences": "off",
        },
    }
)  # fmt: skip


def measured(texts: pa.ChunkedArray, langs: pa.ChunkedArray, **scores: np.ndarray) -> pa.Table:
    """columns.QUALITY for each text; `langs` decides which words, definitions and thresholds apply.

    `scores` are the models' columns by name, where models were asked; -1 stands for the others.
    """
    rules = pc.if_else(pc.equal(langs, "zh"), "zh", "en")
    chinese = pc.equal(rules, "zh").to_numpy()
    unasked = {name: np.full(len(texts), -1) for name in MODEL_SCORES}
    return pa.table({"rules": rules, **signals(texts, chinese), **unasked, **scores}, schema=columns.QUALITY)


def failures(table: pa.Table, rules: QualityRules) -> pa.Table:
    """One boolean column for each rule that is on in either language, true where a row of columns.QUALITY breaks it,
    in the order of QualityThresholds' fields."""
    frame, on = pl.DataFrame(table), [pair for pair in rule_names() if _is_on(pair[0], rules)]
    if not on:
        return table.select([])  # no columns, but as many rows
    chinese = pl.col("rules") == "zh"
    return frame.select(_fails(chinese, field, rules, frame.schema).alias(name) for field, name in on).to_arrow()


def _is_on(field: str, rules: QualityRules) -> bool:
    return (getattr(rules.en, field), getattr(rules.zh, field)) != ("off", "off")


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
        if bound == "off":
            broken.append(pl.lit(False))
            continue
        # In the column's own precision: 0.3 in single precision must not exceed a bound of 0.3.
        limit = pl.lit(bound, schema[signal])
        fails = value < limit if side == "min" else value > limit
        if signal in LINE_RULES:
            fails &= pl.col("lines") >= thresholds.line_rules_from
        if signal in TOKEN_RULES:
            fails &= pl.col("tokens") >= thresholds.token_rules_from
        if signal in MODEL_SCORES:
            fails &= value >= 0
        if signal == "stop_words":
            fails &= pl.col("tokens") >= thresholds.stop_words_from
        broken.append(fails)
    return pl.when(chinese).then(broken[0]).otherwise(broken[1])
