"""From margins to probabilities.

Platt 1999, "Probabilistic outputs for support vector machines", with the targets of its section 2.2 and the Newton
steps of Lin, Lin, Weng 2007, "A note on Platt's probabilistic outputs", algorithm 1.
"""

from __future__ import annotations

import numpy as np

STEPS = 100


def platt(margins: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """(slope, intercept) such that 1 / (1 + exp(-(slope * margin + intercept))) is the chance of the positive class.

    margins float64[n], labels bool[n]. The targets are pulled towards one half as if one row more of each class had
    been seen, so that separable margins give no infinite slope. A slope below 0, which is what noise gives, is 0.
    """
    positives, negatives = int(labels.sum()), int((~labels).sum())
    targets = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, intercept = 0.0, float(np.log((positives + 1) / (negatives + 1)))
    loss = _loss(slope * margins + intercept, targets)
    for _ in range(STEPS):
        chance = sigmoid(slope * margins + intercept)
        gradient = np.array([np.sum((chance - targets) * margins), np.sum(chance - targets)])
        if np.abs(gradient).max() < 1e-7 * max(len(margins), 1):
            break
        weight = chance * (1 - chance)
        cross = np.sum(weight * margins)
        curvature = np.array([[np.sum(weight * margins**2), cross], [cross, np.sum(weight)]]) + 1e-10 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-10:
            new = slope - size * step[0], intercept - size * step[1]
            new_loss = _loss(new[0] * margins + new[1], targets)
            if new_loss < loss:
                slope, intercept, loss = float(new[0]), float(new[1]), new_loss
                break
            size /= 2
        else:
            break
    if slope < 0:
        return 0.0, float(np.log((positives + 1) / (negatives + 1)))
    return slope, intercept


def sigmoid(values: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) of float64[n], without overflow."""
    shrunk = np.exp(-np.abs(values))
    return np.where(values >= 0, 1, shrunk) / (1 + shrunk)


def _loss(values: np.ndarray, targets: np.ndarray) -> float:
    return float(np.sum(np.logaddexp(0, values) - targets * values))
