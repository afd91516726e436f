"""safety: terms of lexicons, blocked addresses and a classifier's opinion, and whether that is reason to drop a text.

The layer holds categories, numbers of terms and places; a term's words stand in the lexicon alone.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data import columns
from aigc_data.recipe import SafetyMeasure, SafetyRules
from aigc_data.stage import Map
from aigc_data.text.models import classifier
from aigc_data.text.safety import lexicon, urls
from aigc_data.text.safety.lexicon import Found, Lexicon
from aigc_data.text.safety.rules import count, is_dense, over

#: A path and what tells one content of it from the next, so that a worker reads a list once.
_File = tuple[str, int, int]


def measure(rows: pa.Table, params: SafetyMeasure) -> pa.Table:
    """columns.SAFETY for each row of `clean.text`, `clean.lang` and `url`.

    Raises StageError for a list that cannot be read or holds what it may not, UsageError for a model of another kind or
    purpose.
    """
    texts, langs = rows["clean.text"], rows["clean.lang"]
    terms = _lexicon(params.builtin, _files(params.lexicons))
    found = terms.find(texts, langs)
    counted = count(found, terms)
    blocked, links = _addresses(rows["url"], texts, params.urls)
    measured = {
        "spans": _spans(found, terms),
        "terms": pa.array(counted.terms),
        "weight": pa.array(counted.weight),
        "tokens": pa.array(found.tokens),
        "density": pa.array(counted.density),
        "model_score": _scores(texts, langs, params.classifier),
        "blocked": blocked,
        "blocked_links": links,
    }
    return pa.Table.from_arrays([measured[field.name] for field in columns.SAFETY], schema=columns.SAFETY)


def checks(table: pa.Table, rules: SafetyRules) -> pa.Table:
    """`blocked`, `blocked-links`, `model-score`, each category of `max_terms` by its id, `density`."""
    broken: dict[str, np.ndarray] = {}
    if rules.drop_blocked:
        broken["blocked"] = pc.not_equal(table["blocked"], "").to_numpy()
    if rules.max_blocked_links != "off":
        broken["blocked-links"] = table["blocked_links"].to_numpy() > rules.max_blocked_links
    if rules.max_model_score != "off":
        broken["model-score"] = table["model_score"].to_numpy() > rules.max_model_score
    if rules.max_terms:
        broken |= over(table["spans"].combine_chunks(), rules.max_terms)
    if rules.max_density != "off":
        broken["density"] = is_dense(table["density"].to_numpy(), table["weight"].to_numpy(), rules)
    return pa.table(broken) if broken else table.select([])


def _spans(found: Found, terms: Lexicon) -> pa.ListArray:
    parts = [
        terms.categories.take(pa.array(found.terms)),
        pa.array(found.terms.astype(np.int32)),
        pa.array(found.firsts),
        pa.array(found.lasts),
    ]
    counts = np.bincount(found.rows, minlength=len(found.tokens))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    spans = pa.StructArray.from_arrays(parts, fields=list(columns.TERM_SPAN))
    return pa.ListArray.from_arrays(pa.array(offsets), spans)


def _scores(texts: pa.ChunkedArray, langs: pa.ChunkedArray, path: str) -> pa.Array:
    if path == "off":
        return pa.array(np.full(len(texts), -1, np.int16))
    scores = _model(*_files((path,))).score(texts, langs)
    return pa.array(np.where(np.isnan(scores), -1, np.rint(np.nan_to_num(scores) * 1000)).astype(np.int16))


def _addresses(addresses: pa.ChunkedArray, texts: pa.ChunkedArray, paths: tuple[str, ...]) -> tuple[pa.Array, pa.Array]:
    if not paths:
        return pa.array([""] * len(texts), pa.string()), pa.array(np.zeros(len(texts), np.int64))
    lists = _block_lists(_files(paths))
    return lists.addresses(addresses), pa.array(lists.links(texts))


def _files(paths: tuple[str, ...]) -> tuple[_File, ...]:
    out = []
    for path in paths:
        # A missing file is reported by what reads it, with the key of the recipe.
        seen = Path(path).stat() if Path(path).is_file() else None
        out.append((path, seen.st_mtime_ns if seen else 0, seen.st_size if seen else 0))
    return tuple(out)


@lru_cache(maxsize=2)
def _lexicon(builtin: bool, files: tuple[_File, ...]) -> Lexicon:
    return lexicon.load([Path(path) for path, _, _ in files], builtin=builtin)


@lru_cache(maxsize=2)
def _block_lists(files: tuple[_File, ...]) -> urls.BlockList:
    return urls.load([Path(path) for path, _, _ in files])


@lru_cache(maxsize=2)
def _model(file: _File) -> classifier.Classifier:
    return classifier.load(Path(file[0]), purpose=classifier.SAFETY)


STAGE = Map(
    name="safety",
    reads=("clean.text", "clean.lang", "url"),
    schema=columns.SAFETY,
    measure=measure,
    checks=checks,
    libraries=("idna", "numba", "pyarrow"),
    files=("lexicons", "urls", "classifier"),
)
