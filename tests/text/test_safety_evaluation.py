"""Figures of agreement, held to numbers worked out by hand or by scikit-learn's definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aigc_data.text.safety.evaluation import agreement, auc, by_type, share


def test_share__is_wilsons() -> None:
    # Brown, Cai and DasGupta 2001: 0 of 10 and 5 of 10.
    assert share(5, 10) == pytest.approx((0.5, 0.2366, 0.7634), abs=1e-4)
    assert share(0, 10) == pytest.approx((0.0, 0.0, 0.2775), abs=1e-4)
    assert share(10, 10).high == pytest.approx(1.0)
    assert all(math.isnan(x) for x in share(0, 0))


def test_agreement__counts() -> None:
    flags = np.array([True, True, True, False, False, False, False, False])
    labels = np.array([True, True, False, True, True, False, False, False])
    found = agreement(flags, labels)
    assert found[:3] == (8, 4, 3)
    assert (found.precision.value, found.recall.value) == (pytest.approx(2 / 3), 0.5)
    assert found.f1.value == pytest.approx(4 / 7)
    assert found.f1.low < 4 / 7 < found.f1.high
    assert agreement(flags, labels) == found
    none = agreement(np.zeros(3, bool), np.zeros(3, bool))
    assert math.isnan(none.precision.value)
    assert math.isnan(none.f1.value)
    assert agreement(np.zeros(0, bool), np.zeros(0, bool)).rows == 0


def test_auc__ties_count_half() -> None:
    labels = np.array([False, True, False, True])
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), labels).value == 1.0
    assert auc(np.array([1.0, 1.0, 1.0, 1.0]), labels).value == 0.5
    assert auc(np.array([0.5, 0.2, 0.1, 0.2]), labels).value == pytest.approx(0.5)
    assert math.isnan(auc(np.array([0.5]), np.array([True])).value)


def test_by_type__negative_tests_come_first() -> None:
    flags = np.array([True, False, True, True])
    labels = np.array([True, True, False, False])
    rows = by_type(flags, labels, np.array(["slur", "slur", "quote", "quote"], object))
    assert [(r.type, r.rows, r.positives, r.flagged.value) for r in rows] == [("quote", 2, 0, 1.0), ("slur", 2, 2, 0.5)]
