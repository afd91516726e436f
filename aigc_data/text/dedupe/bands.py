"""How many bands of how many rows a MinHash signature is cut into (LSH).

A pair of similarity s shares at least one of b bands of r rows with probability 1 - (1 - s^r)^b
(Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4.2).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from aigc_data.errors import RecipeError
from aigc_data.recipe import DedupeMeasure

#: What the looser band set aims at, at `group_threshold`. 0.85 is what 128 permutations give at similarity
#: 0.5 without rows of 3, which would make every eighth pair of similarity 0.2 a candidate.
GROUP_RECALL = 0.85


class Bands(NamedTuple):
    """A band set, and the probability that it pairs two texts exactly at the threshold that it was made
    for."""

    bands: int
    rows: int
    recall: float


def band_curve(bands: int, rows: int, similarity: np.ndarray | float | None = None) -> np.ndarray:
    """Probability that a pair becomes a candidate, at each `similarity` (default 0.00, 0.05, …, 1.00)."""
    s = np.linspace(0, 1, 21) if similarity is None else np.asarray(similarity, np.float64)
    return 1 - (1 - s**rows) ** bands


def choose_bands(threshold: float, recall: float, permutations: int) -> Bands | None:
    """The band set with the fewest candidates below `threshold` whose recall at it is `recall` or more.

    Candidates are counted as the area under the curve up to the threshold. None when no band set reaches
    the recall.
    """
    below = (np.arange(1000) + 0.5) / 1000 * threshold
    best: tuple[float, Bands] | None = None
    for rows in range(1, permutations + 1):
        bands = _fewest_bands(threshold**rows, recall)
        if bands is None or bands * rows > permutations:
            continue
        found = Bands(bands, rows, float(band_curve(bands, rows, threshold)))
        area = float(band_curve(bands, rows, below).mean())
        if best is None or area < best[0]:
            best = area, found
    return None if best is None else best[1]


def plan(params: DedupeMeasure) -> tuple[Bands, Bands]:
    """(link, group) band sets of a recipe.

    Raises RecipeError when `recall` cannot be reached at `threshold`. The group set aims at GROUP_RECALL;
    where that is out of reach it takes the best there is, and its `recall` says so.
    """
    link = choose_bands(params.threshold, params.recall, params.permutations)
    if link is None:
        raise RecipeError(
            f"dedupe.measure: recall {params.recall} at threshold {params.threshold} is out of reach "
            f"with {params.permutations} permutations",
            expected="a share below 1 that some number of bands can find",
            do="lower `recall`, or raise `threshold` or `permutations`",
        )
    group = choose_bands(params.group_threshold, GROUP_RECALL, params.permutations)
    if group is None:  # one row a band finds the most
        recall = float(band_curve(params.permutations, 1, params.group_threshold))
        group = Bands(params.permutations, 1, recall)
    return link, group


def _fewest_bands(agree: float, recall: float) -> int | None:
    if agree >= 1:
        return 1
    if agree <= 0 or recall >= 1:
        return None
    return max(1, math.ceil(math.log1p(-recall) / math.log1p(-agree) - 1e-9))
