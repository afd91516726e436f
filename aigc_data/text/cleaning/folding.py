"""Traditional Chinese in simplified characters, by OpenCC's phrases; for recipes that ask for it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from aigc_data.errors import StageError
from aigc_data.text.han_variants import TRADITIONAL_ONLY
from aigc_data.text.language.identify import identify

LETTERS = 80  # the model reads few: Han are counted over the whole text


def in_traditional(texts: pa.LargeStringArray) -> np.ndarray:
    """int64[]: the rows that are Chinese in traditional characters, as `identify` says (script Hant)."""
    column = pl.Series(pl.from_arrow(texts), dtype=pl.String)
    rows = np.flatnonzero(column.str.contains_any(sorted(TRADITIONAL_ONLY)).to_numpy())
    if not len(rows):
        return rows
    script = identify(texts.take(pa.array(rows)), letters=LETTERS).script
    return rows[np.array([name == "Hant" for name in script.to_pylist()], bool)]


def to_simplified(texts: list[str]) -> list[str]:
    """Each text line by line in simplified characters; no character but Han changes, and no line begins or ends
    elsewhere. Raises StageError where OpenCC is not installed."""
    convert = _converter().convert
    return ["\n".join(convert(line) for line in text.split("\n")) for text in texts]


@cache
def _converter() -> Any:
    try:
        import opencc
    except ImportError as error:
        raise StageError(
            "clean.measure.fold_han is `simplified`, and OpenCC is not installed",
            expected="the package opencc",
            do="pip install 'aigc-data[zh]', or set fold_han to `keep`",
        ) from error
    return opencc.OpenCC("t2s")
