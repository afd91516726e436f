"""Training a classifier: cross-validation chooses the strength and calibrates, then all rows are learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.errors import UsageError
from aigc_data.kernels import logistic
from aigc_data.kernels.codepoints import TABLES
from aigc_data.kernels.ngrams import feature_rows
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.arrow import text_buffers
from aigc_data.text.dedupe import pairs as dedupe
from aigc_data.text.dedupe.sketch import sketch
from aigc_data.text.models.calibration import platt
from aigc_data.text.models.classifier import ANY, Classifier, Options

#: Passes over the rows at most, and the gradient that ends them sooner.
PASSES, ENOUGH = 60, 0.02
#: Rows from which one fold alone is predicted: it is large enough to choose and to calibrate by.
MANY = 50_000
#: Near-duplicates for splits: the defaults of the dedupe stage; what is half alike stays together too.
_NEAR = DedupeMeasure()


def train(
    texts: pa.Array | pa.ChunkedArray,
    labels: np.ndarray,
    langs: Sequence[str] | pa.Array | pa.ChunkedArray,
    *,
    options: Options | None = None,
) -> Classifier:
    """A classifier of n texts, `labels` (bool[n]) being true for the positive class.

    Each language with `min_examples` rows of either class gets weights; both classes weigh the same while they are
    learnt, whatever their numbers, and calibration puts the numbers back. C is the one whose cross-validated,
    calibrated log loss is least; near-duplicates are in one fold. The order of the rows changes nothing.
    Raises UsageError when lengths differ, or when no language has enough examples.
    """
    options = options or Options()
    table = _ordered(texts, labels, langs)
    labels = table["label"].to_numpy().astype(np.bool_)
    lang = np.asarray(table["lang"].to_pylist(), object)
    folds = deal(table["text"], labels, options.folds, seed=options.seed)
    rows_of = {name: np.flatnonzero(lang == name) for name in sorted(set(lang.tolist()) - {ANY})}
    if options.pooled or ANY in lang:
        rows_of[ANY] = np.arange(len(labels))
    enough = {
        name: rows
        for name, rows in sorted(rows_of.items())
        if min(labels[rows].sum(), (~labels[rows]).sum()) >= options.min_examples
    }
    if not enough:
        raise UsageError(
            f"no language has {options.min_examples} texts of either class",
            expected=f"at least {options.min_examples} good and {options.min_examples} bad texts of one language",
            do="add texts, or lower min_examples",
        )
    fitted = [
        _fit(table["text"].take(pa.array(rows)), labels[rows], folds[rows], options, name)
        for name, rows in enough.items()
    ]
    skipped = {
        name: [int(labels[rows].sum()), int((~labels[rows]).sum())]
        for name, rows in rows_of.items()
        if name not in enough
    }
    return Classifier(
        options,
        tuple(enough),
        np.stack([f.weights for f in fitted]),
        np.array([f.bias for f in fitted]),
        np.array([f.calibration for f in fitted]),
        {"languages": {name: f.facts for name, f in zip(enough, fitted, strict=True)}, "too_few": skipped},
    )


def deal(texts: pa.Array | pa.ChunkedArray, labels: np.ndarray, parts: int, *, seed: int) -> np.ndarray:
    """The part (int64[n], 0..parts - 1) of each of n labelled texts: near-duplicates in one, labels spread evenly.

    Depends on the texts and the seed alone, as long as they come in an order of their own.
    """
    sketches = sketch(texts, _NEAR)
    group = near_duplicates(texts, sketches)
    first = np.flatnonzero(group == np.arange(len(group)))
    mixed = (sketches["exact_hi"].to_numpy()[first] ^ np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    order = np.lexsort((mixed, labels[first]))
    part = np.zeros(len(group), np.int64)
    part[first[order]] = np.arange(len(first)) % parts
    return part[group]


def near_duplicates(texts: pa.Array | pa.ChunkedArray, sketches: pa.Table | None = None) -> np.ndarray:
    """For each of n texts the first text (int64[n]) of its near-duplicates, itself when it has none before it."""
    sketches = sketch(texts, _NEAR) if sketches is None else sketches
    candidates = dedupe.pairs(sketches, np.arange(len(texts), dtype=np.uint64), _NEAR)
    a, b = (candidates[name].to_numpy().astype(np.int64) for name in ("a", "b"))
    short = sketches["shingles"].to_numpy() <= 1
    sets = dedupe.shingle_sets(texts, _NEAR)
    links, _ = dedupe.verify(candidates, sets, short, a, b, _NEAR)
    found = dedupe.resolve(links, candidates, len(texts), _NEAR)["group"].to_numpy()
    return np.asarray(found, np.int64)


class _Fitted(NamedTuple):
    weights: np.ndarray
    bias: float
    calibration: tuple[float, float]
    facts: dict[str, Any]


def _ordered(texts: Any, labels: np.ndarray, langs: Any) -> pa.Table:
    """The rows in an order that is their own: by language, text and label."""
    if not isinstance(langs, pa.Array | pa.ChunkedArray):
        langs = pa.array(list(langs), pa.string())
    if not len(texts) == len(labels) == len(langs):
        raise UsageError(f"{len(texts)} texts, {len(labels)} labels and {len(langs)} languages", expected="as many")
    columns = {"lang": langs.cast(pa.string()), "text": texts.cast(pa.large_string())}
    table = pa.table({**columns, "label": np.asarray(labels).astype(np.int8)})
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in ("lang", "text", "label")])
    return table.take(order).combine_chunks()


def _fit(texts: pa.ChunkedArray, labels: np.ndarray, folds: np.ndarray, options: Options, lang: str) -> _Fitted:
    size = np.array(options.sizes(lang), np.int64)
    features, offsets = feature_rows(*text_buffers(texts), TABLES, size, options.buckets, options.tokens)
    tried = []
    for strength in sorted(options.strengths):
        rows, margins = _predicted(features, offsets, labels, folds, strength, options)
        slope, intercept = platt(margins, labels[rows])
        loss = _log_loss(slope * margins + intercept, labels[rows])
        tried.append((loss, strength, (slope, intercept)))
    loss, strength, calibration = min(tried)
    everything = np.arange(len(labels))
    weights = _learn(features, offsets, everything, labels, strength, options)
    facts = {
        "positive": int(labels.sum()),
        "negative": int((~labels).sum()),
        "strength": strength,
        "log_loss": round(loss, 6),
        "tried": [[s, round(x, 6)] for x, s, _ in tried],
    }
    return _Fitted(weights[:-1].astype(np.float32), float(weights[-1]), calibration, facts)


def _predicted(
    features: np.ndarray, offsets: np.ndarray, labels: np.ndarray, folds: np.ndarray, strength: float, options: Options
) -> tuple[np.ndarray, np.ndarray]:
    """(rows int64[m], margins float64[m]) of rows by weights that have not seen their fold."""
    found_rows, found = [], []
    for fold in range(1 if len(labels) >= MANY else options.folds):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(inside) == 0 or len(set(labels[outside].tolist())) < 2:
            continue
        weights = _learn(features, offsets, outside, labels, strength, options)
        found_rows.append(inside)
        found.append(logistic.margins(features, offsets, inside, weights))
    if not found:
        raise UsageError("the texts of one class are near-duplicates of one another", expected="different texts")
    return np.concatenate(found_rows), np.concatenate(found)


def _learn(
    features: np.ndarray, offsets: np.ndarray, rows: np.ndarray, labels: np.ndarray, strength: float, options: Options
) -> np.ndarray:
    positive = labels[rows].sum()
    bounds = np.where(labels, len(rows) / (2 * positive), len(rows) / (2 * (len(rows) - positive))) * strength
    return logistic.fit(features, offsets, rows, labels, bounds, options.buckets, PASSES, ENOUGH, options.seed)[0]


def _log_loss(values: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(np.logaddexp(0, values) - labels * values))
