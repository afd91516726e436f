"""What a classifier's scores are worth on labelled texts: figures and curves, in all and for each language."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

from aigc_data.models.metrics import (
    Estimate,
    calibration_error,
    precision_at_recall,
    reliability,
    roc_auc,
    roc_curve,
)
from aigc_data.text.models.classifier import Classifier

RECALL = 0.9
#: What the figures of all languages together stand under.
ALL = "all"


def judge(model: Classifier, texts: pa.ChunkedArray, labels: np.ndarray, langs: pa.ChunkedArray) -> dict[str, Any]:
    """JSON: for ALL and each language with texts of both classes its figures and curves, and how many texts the model
    could not read for want of weights. Intervals are of 95 %."""
    scores = model.score(texts, langs).astype(np.float64)
    read = ~np.isnan(scores)
    names = np.asarray(langs.to_pylist(), object)
    parts = {ALL: read} | {name: read & (names == name) for name in sorted(set(names[read].tolist()))}
    found = {}
    for name, rows in parts.items():
        if 0 < labels[rows].sum() < rows.sum():
            found[name] = _figures(scores[rows], labels[rows])
    return {"unread": int((~read).sum()), "parts": found}


def _figures(chances: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    return {
        "good": int(labels.sum()),
        "bad": int((~labels).sum()),
        "roc_auc": _listed(roc_auc(chances, labels)),
        # Filters look for what is to go: bad texts are what is found.
        "bad_precision_at_recall": {"recall": RECALL, "precision": _listed(precision_at_recall(-chances, ~labels))},
        "calibration_error": round(calibration_error(chances, labels), 6),
        "roc": [[round(x, 6), round(y, 6)] for x, y in roc_curve(chances, labels)],
        "reliability": [
            {"predicted": round(mean, 6), "found": _listed(share), "rows": rows}
            for mean, share, rows in reliability(chances, labels)
        ],
    }


def _listed(estimate: Estimate) -> list[float | None]:
    return [None if math.isnan(value) else round(value, 6) for value in estimate]
