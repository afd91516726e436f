"""From matches to numbers a row, and from those to the verdict on terms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_data.recipe import SafetyRules
from aigc_data.text.safety.categories import CATEGORIES, covers
from aigc_data.text.safety.lexicon import Found, Lexicon


class Counted(NamedTuple):
    """For n texts: matches and the weight of the different terms among them (int64[n]), weight of all matches a 1,000
    tokens (float32[n])."""

    terms: np.ndarray
    weight: np.ndarray
    density: np.ndarray


def count(found: Found, terms: Lexicon) -> Counted:
    """The numbers of each text. A term that stands there often counts once in `weight`, each time in `density`."""
    rows, most = len(found.tokens), max(len(terms.terms), 1)
    different = np.unique(found.rows * most + found.terms)
    heft = np.bincount(found.rows, terms.weights[found.terms], rows)
    return Counted(
        np.bincount(found.rows, minlength=rows).astype(np.int64),
        np.bincount(different // most, terms.weights[different % most], rows).astype(np.int64),
        (1000 * heft / np.maximum(found.tokens, 1)).astype(np.float32),
    )


def is_dense(density: np.ndarray, weight: np.ndarray, rules: SafetyRules) -> np.ndarray:
    """Texts (bool[n]) that are full of different terms: none is dropped for saying one thing often."""
    if rules.max_density == "off":
        return np.zeros(len(density), bool)
    return (density > rules.max_density) & (weight >= rules.min_weight)


def over(spans: pa.ListArray, most: dict[str, int]) -> dict[str, np.ndarray]:
    """For each category of `most`, or front of some, the texts (bool[n]) with more of its terms than allowed."""
    row_of = pc.list_parent_indices(spans).to_numpy()
    filed = pc.struct_field(pc.list_flatten(spans), "category")
    broken = {}
    for rule, allowed in most.items():
        wanted = pa.array([one for one in CATEGORIES if covers(rule, one)], pa.string())
        hits = row_of[pc.is_in(filed, wanted).to_numpy(zero_copy_only=False)]
        broken[rule] = np.bincount(hits, minlength=len(spans)) > allowed
    return broken
