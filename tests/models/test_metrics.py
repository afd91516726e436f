"""Metrics against their definitions."""

import math
from itertools import pairwise

import numpy as np
import pytest

from aigc_data.models.metrics import (
    calibration_error,
    precision_at_recall,
    reliability,
    roc_auc,
    roc_curve,
    wilson,
)


@pytest.fixture(scope="module")
def scored() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    labels = random.random(300) < 0.3
    return np.round(random.normal(size=300) + labels, 1), labels  # rounded: ties


def test_roc_auc__is_the_share_of_pairs_in_order(scored) -> None:
    scores, labels = scored
    pairs = [(a > b) + (a == b) / 2 for a in scores[labels] for b in scores[~labels]]
    value, low, high = roc_auc(scores, labels)
    assert value == pytest.approx(np.mean(pairs))
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(400):
        rows = random.integers(0, 300, 300)
        drawn.append(roc_auc(scores[rows], labels[rows]).value)
    assert (low, high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.012)


def test_roc_auc__at_the_ends() -> None:
    labels = np.array([True] * 10 + [False] * 30)
    assert roc_auc(labels * 1.0, labels) == pytest.approx((1, 0.05**0.1, 1))
    assert roc_auc(-1.0 * labels, labels) == pytest.approx((0, 0, 1 - 0.05**0.1))
    assert roc_auc(np.zeros(40), labels).value == 0.5
    assert math.isnan(roc_auc(np.zeros(3), np.ones(3, bool)).value)


def test_precision_at_recall__cuts_at_the_highest_score_that_finds_enough() -> None:
    labels = np.array([True] * 10 + [False] * 5)
    scores = np.array([9, 8, 7, 6, 5, 4, 3, 2, 1, -5, 8.5, 1, 0, 0, -9])
    assert precision_at_recall(scores, labels).value == pytest.approx(9 / 11)  # nine of ten, and two of five above 1
    assert precision_at_recall(scores, labels, 1.0).value == pytest.approx(10 / 14)
    one, other = (precision_at_recall(scores, labels, seed=3) for _ in range(2))
    assert one == other
    assert one.low <= one.value <= one.high


def test_wilson__literal() -> None:
    assert wilson(8, 10) == pytest.approx((0.8, 0.490162, 0.943318), abs=1e-5)
    assert wilson(0, 5) == pytest.approx((0, 0, 0.434482), abs=1e-5)
    assert math.isnan(wilson(0, 0).value)


def test_roc_curve__goes_from_corner_to_corner(scored) -> None:
    scores, labels = scored
    points = roc_curve(scores, labels)
    assert points[0] == (0, 0)
    assert points[-1] == (1, 1)
    assert len(points) <= 101
    assert points == sorted(points)
    area = sum((c - a) * (b + d) / 2 for (a, b), (c, d) in pairwise(points))
    assert area == pytest.approx(roc_auc(scores, labels).value, abs=0.005)


def test_reliability__bins_and_their_error() -> None:
    chances, labels = np.array([0.05, 0.05, 0.95, 1.0]), np.array([False, True, True, True])
    (low, share, rows), (high, all_good, _) = reliability(chances, labels)
    assert (low, share.value, rows) == (pytest.approx(0.05), 0.5, 2)
    assert (high, all_good.value) == (pytest.approx(0.975), 1)
    assert calibration_error(chances, labels) == pytest.approx((0.45 + 0.025) / 2)
