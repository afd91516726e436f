"""What the models of a recipe say of texts, as columns of the quality layer."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from aigc_data.recipe import QualityMeasure
from aigc_data.text.models import classifier, perplexity


def model_signals(texts: pa.ChunkedArray, langs: pa.ChunkedArray, params: QualityMeasure) -> dict[str, np.ndarray]:
    """`model_score` (int16[n], 0..1000) and `perplexity` (float32[n], bits a character) of n texts, as far as the
    recipe names models; -1 where a model does not know the language, or the text has no character.

    Paths in `params` are absolute. Raises UsageError and IntegrityError as `load` does.
    """
    found: dict[str, np.ndarray] = {}
    if params.classifier != "off":
        score = _classifier(params.classifier, _version(params.classifier)).score(texts, langs)
        found["model_score"] = np.where(np.isnan(score), -1, np.rint(1000 * score)).astype(np.int16)
    if params.perplexity != "off":
        bits = _perplexity(params.perplexity, _version(params.perplexity)).bits(texts, langs)
        found["perplexity"] = np.where(np.isnan(bits), -1, bits).astype(np.float32)
    return found


def _version(path: str) -> tuple[int, int]:
    """What tells a file from the one that stood there before, (0, 0) for none: `load` says then what is wrong."""
    if not os.path.isfile(path):
        return 0, 0
    stat = os.stat(path)
    return stat.st_size, stat.st_mtime_ns


# A worker measures many shards with one model.
@lru_cache(maxsize=1)
def _classifier(path: str, version: tuple[int, int]) -> classifier.Classifier:
    return classifier.load(Path(path), purpose=classifier.QUALITY)


@lru_cache(maxsize=1)
def _perplexity(path: str, version: tuple[int, int]) -> perplexity.LanguageModels:
    return perplexity.load(Path(path))
