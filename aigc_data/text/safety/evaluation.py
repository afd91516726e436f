"""How well flags and scores agree with labels: precision, recall, F1 and ROC-AUC, each with its 95 % interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

#: Standard normal deviate of a two-sided 95 % interval.
Z = 1.959963984540054
_DRAWS, _SEED = 4000, 20240229


class Rate(NamedTuple):
    """A share with its interval; nan where there is nothing to take a share of."""

    value: float
    low: float
    high: float


class Agreement(NamedTuple):
    """Of `rows` texts, `positives` of them positive, `flagged` flagged; precision, recall and F1 of the flags."""

    rows: int
    positives: int
    flagged: int
    precision: Rate
    recall: Rate
    f1: Rate


def share(hits: int, of: int) -> Rate:
    """hits / of with Wilson's score interval (Wilson 1927; Brown, Cai and DasGupta 2001)."""
    if not of:
        return Rate(float("nan"), float("nan"), float("nan"))
    p, z2 = hits / of, Z * Z
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = Z / (1 + z2 / of) * float(np.sqrt(p * (1 - p) / of + z2 / (4 * of * of)))
    return Rate(p, max(0.0, middle - half), min(1.0, middle + half))


def agreement(flags: np.ndarray, labels: np.ndarray) -> Agreement:
    """Flags (bool[n]) against labels (bool[n]).

    The interval of F1 is the middle 95 % of bootstrap draws of the four counts, from a fixed seed.
    """
    hit, flagged, positives = int((flags & labels).sum()), int(flags.sum()), int(labels.sum())
    counts = np.array([hit, flagged - hit, positives - hit, len(labels) - flagged - positives + hit])
    f1 = float(_f1(counts[None, :])[0])
    low = high = f1
    if not np.isnan(f1):
        draws = np.random.default_rng(_SEED).multinomial(len(labels), counts / len(labels), _DRAWS)
        low, high = np.nanquantile(_f1(draws), [0.025, 0.975])
    return Agreement(
        len(labels), positives, flagged, share(hit, flagged), share(hit, positives), Rate(f1, float(low), float(high))
    )


def _f1(counts: np.ndarray) -> np.ndarray:
    hit, false, missed = counts[:, 0], counts[:, 1], counts[:, 2]
    below = 2 * hit + false + missed
    return np.divide(2.0 * hit, below, out=np.full(len(counts), np.nan), where=below > 0)


def auc(scores: np.ndarray, labels: np.ndarray) -> Rate:
    """Area under the ROC curve of scores (float[n]), ties counted half, with the interval of Hanley and McNeil 1982."""
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return Rate(float("nan"), float("nan"), float("nan"))
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    area = float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    spread = area * (1 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)
    half = Z * float(np.sqrt(max(spread, 0.0) / (positives * negatives)))
    return Rate(area, max(0.0, area - half), min(1.0, area + half))


class TypeRow(NamedTuple):
    """One functional test: its rows, how many are positive, and the share that is flagged."""

    type: str
    rows: int
    positives: int
    flagged: Rate


def by_type(flags: np.ndarray, labels: np.ndarray, types: np.ndarray) -> list[TypeRow]:
    """One row for each type, tests of negative texts first, by name."""
    rows = []
    for name in np.unique(types):
        inside = types == name
        flagged = share(int(flags[inside].sum()), int(inside.sum()))
        rows.append(TypeRow(str(name), int(inside.sum()), int(labels[inside].sum()), flagged))
    return sorted(rows, key=lambda row: (row.positives > 0, row.type))
