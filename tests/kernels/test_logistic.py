"""Dual coordinate descent against the conditions of the optimum."""

import numpy as np
import pytest

from aigc_data.kernels.logistic import fit, margins

BUCKETS = 64


@pytest.fixture(scope="module")
def problem():
    random = np.random.default_rng(3)
    rows = [np.sort(random.choice(BUCKETS, random.integers(0, 9), replace=False)) for _ in range(120)]
    truth = random.normal(size=BUCKETS)
    labels = np.array([truth[row].sum() + random.normal() > 0 for row in rows])
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    dense = np.zeros((len(rows), BUCKETS + 1))
    for number, row in enumerate(rows):
        dense[number, row] = 1 / np.sqrt(max(len(row), 1))
    dense[:, -1] = 1
    return np.concatenate(rows).astype(np.uint32), offsets, labels, dense


@pytest.mark.parametrize("strength", [0.1, 3.0, 50.0])
def test_fit__gradient_of_the_penalised_loss_is_zero(problem, strength) -> None:
    features, offsets, labels, dense = problem
    bounds = np.where(labels, 2 * strength, strength)
    chosen = np.arange(0, len(labels), 2)
    weights, _ = fit(features, offsets, chosen, labels, bounds, BUCKETS, 2000, 1e-5, 0)
    x, side = dense[chosen], np.where(labels[chosen], 1.0, -1.0)
    slope = -bounds[chosen] * side / (1 + np.exp(side * (x @ weights)))
    assert np.abs(weights + x.T @ slope).max() < 1e-3 * strength
    assert margins(features, offsets, chosen, weights) == pytest.approx(x @ weights)


def test_fit__same_seed_same_bits(problem) -> None:
    features, offsets, labels, _ = problem
    rows, bounds = np.arange(len(labels)), np.ones(len(labels))
    one, other = (fit(features, offsets, rows, labels, bounds, BUCKETS, 5, 0.0, 1)[0] for _ in range(2))
    assert one.tobytes() == other.tobytes()
