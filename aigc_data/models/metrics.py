"""How good scores are at telling two classes apart, with intervals of 95 %."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

Z = 1.959964  # of the normal distribution, for 95 %
RESAMPLES = 500


class Estimate(NamedTuple):
    """A figure and its interval of 95 %; all nan where there is nothing to estimate it from."""

    value: float
    low: float
    high: float


UNKNOWN = Estimate(math.nan, math.nan, math.nan)


def roc_auc(scores: np.ndarray, labels: np.ndarray) -> Estimate:
    """The chance that a positive row scores above a negative one, ties counting half; scores float64[n], labels
    bool[n].

    The interval is that of DeLong, DeLong, Clarke-Pearson 1988, section 3, on the logit scale, where it stays inside
    0..1; where all pairs are in order it is one-sided, 1 - 0.05^(1 / rows of the smaller class).
    """
    positive, negative = scores[labels], scores[~labels]
    if not len(positive) or not len(negative):
        return UNKNOWN
    above = (_ranks(scores)[labels] - _ranks(positive)) / len(negative)
    below = 1 - (_ranks(scores)[~labels] - _ranks(negative)) / len(positive)
    value = float(above.mean())
    least = 0.05 ** (1 / min(len(positive), len(negative)))
    if value in (0.0, 1.0):
        return Estimate(value, least if value else 0.0, 1.0 if value else 1 - least)
    variance = sum(float(part.var(ddof=1)) / len(part) for part in (above, below) if len(part) > 1)
    reach = Z * math.sqrt(variance) / (value * (1 - value))
    middle = math.log(value / (1 - value))
    return Estimate(value, *(1 / (1 + math.exp(-(middle + side * reach))) for side in (-1, 1)))


def precision_at_recall(scores: np.ndarray, labels: np.ndarray, recall: float = 0.9, *, seed: int = 0) -> Estimate:
    """Precision where scores are cut so that at least `recall` of the positive rows lie at the cut or above it.

    The interval is a percentile bootstrap over rows of either class (RESAMPLES, from `seed`), each with its own cut.
    """
    positive, negative = np.sort(scores[labels]), np.sort(scores[~labels])
    if not len(positive) or not len(negative):
        return UNKNOWN
    random = np.random.Generator(np.random.PCG64(seed))
    found = []
    for _ in range(RESAMPLES):
        drawn = [np.sort(part[random.integers(0, len(part), len(part))]) for part in (positive, negative)]
        found.append(_precision(drawn[0], drawn[1], recall))
    low, high = np.percentile(found, [2.5, 97.5]).tolist()
    return Estimate(_precision(positive, negative, recall), low, high)


def wilson(hits: int, trials: int) -> Estimate:
    """A share and its interval (Wilson 1927)."""
    if not trials:
        return UNKNOWN
    share, z = hits / trials, Z * Z / trials
    middle = (share + z / 2) / (1 + z)
    reach = Z / (1 + z) * math.sqrt(share * (1 - share) / trials + z / (4 * trials))
    return Estimate(share, max(0.0, middle - reach), min(1.0, middle + reach))


def roc_curve(scores: np.ndarray, labels: np.ndarray, points: int = 101) -> list[tuple[float, float]]:
    """(false positive rate, recall) at up to `points` cuts, from (0, 0) to (1, 1)."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits, alarms = np.cumsum(labels[order])[last], np.cumsum(~labels[order])[last]
    x = np.concatenate([[0.0], alarms / max(alarms[-1], 1)])
    y = np.concatenate([[0.0], hits / max(hits[-1], 1)])
    chosen = np.unique(np.linspace(0, len(x) - 1, points).astype(int))
    return [(float(a), float(b)) for a, b in zip(x[chosen], y[chosen], strict=True)]


def reliability(chances: np.ndarray, labels: np.ndarray, bins: int = 10) -> list[tuple[float, Estimate, int]]:
    """(mean predicted chance, share of positive rows, rows) of the bins of equal width that hold a row."""
    place = np.minimum((chances * bins).astype(int), bins - 1)
    return [
        (float(chances[place == b].mean()), wilson(int(labels[place == b].sum()), int((place == b).sum())), int(n))
        for b, n in enumerate(np.bincount(place, minlength=bins))
        if n
    ]


def calibration_error(chances: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Mean distance between predicted chance and share of positive rows over the bins, by their rows (Naeini et al.
    2015, expected calibration error)."""
    return sum(n * abs(mean - share.value) for mean, share, n in reliability(chances, labels, bins)) / max(
        len(labels), 1
    )


def _precision(positive: np.ndarray, negative: np.ndarray, recall: float) -> float:
    """Of sorted scores."""
    needed = math.ceil(recall * len(positive) - 1e-9)
    cut = positive[len(positive) - max(needed, 1)]
    hits = len(positive) - np.searchsorted(positive, cut)
    alarms = len(negative) - np.searchsorted(negative, cut)
    return float(hits / (hits + alarms))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ties sharing their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]
