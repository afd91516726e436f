"""Logistic regression with an L2 penalty over sparse rows of ones, by dual coordinate descent.

Yu, Huang, Lin 2011, "Dual coordinate descent methods for logistic regression and maximum entropy models", section 3
and algorithm 5 (liblinear's solver 7). One core, no learning rate, the same bits for the same rows and seed.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined, kernel

#: Newton steps for one coordinate at most, and how near the root is near enough.
INNER, NEAR = 50, 1e-4


@inlined
def _margin(features, begin, end, weights, scale):  # type: ignore[no-untyped-def]
    total = 0.0
    for place in range(begin, end):
        total += weights[features[place]]
    return total * scale


@inlined
def _solve(alpha, bound, curvature, slope):  # type: ignore[no-untyped-def]
    """The alpha in (0, bound) at which the one-variable dual is least, and the gradient that it had at `alpha`."""
    # Of alpha and bound - alpha the smaller one is moved: its logarithm is the one that matters.
    sign = 1.0
    if 0.5 * curvature * (bound - 2 * alpha) + slope < 0:
        sign = -1.0
    old = alpha if sign > 0 else bound - alpha
    z = old
    if bound - z < 0.5 * bound:
        z *= 0.1
    first = curvature * (z - old) + sign * slope + np.log(z / (bound - z))
    gradient = first
    for _ in range(INNER):
        if abs(gradient) < NEAR:
            break
        newton = z - gradient / (curvature + bound / ((bound - z) * z))
        z = 0.1 * z if newton <= 0 else newton
        gradient = curvature * (z - old) + sign * slope + np.log(z / (bound - z))
    return (z if sign > 0 else bound - z), abs(first)


@kernel
def fit(features, offsets, rows, labels, bounds, buckets, passes, enough, seed):  # type: ignore[no-untyped-def]
    """(weights float64[buckets + 1], passes made): the last weight is the bias's, penalised as the others are.

    features uint32[], offsets int64[n + 1]: distinct buckets of each row, each of value 1 / sqrt(their number).
    rows int64[m] says which rows are learnt from; labels bool[n]; bounds float64[n] is C of each row. Ends after
    `passes`, or when no row's dual gradient exceeds `enough`.
    """
    np.random.seed(seed)
    weights = np.zeros(buckets + 1)
    alphas = np.empty(len(rows))
    scales = np.empty(len(rows))
    for index in range(len(rows)):
        row = rows[index]
        alphas[index] = min(0.001 * bounds[row], 1e-8)
        scales[index] = 1 / np.sqrt(max(offsets[row + 1] - offsets[row], 1))
        _move(features, offsets[row], offsets[row + 1], weights, scales[index], alphas[index], labels[row])
    order = np.arange(len(rows))
    made = 0
    while made < passes:
        made += 1
        worst = 0.0
        for index in range(len(order) - 1, 0, -1):  # Fisher and Yates
            other = np.random.randint(0, index + 1)
            order[index], order[other] = order[other], order[index]
        for chosen in range(len(order)):
            index = order[chosen]
            row = rows[index]
            begin, end = offsets[row], offsets[row + 1]
            side = 1.0 if labels[row] else -1.0
            slope = side * (_margin(features, begin, end, weights, scales[index]) + weights[-1])
            curvature = (1.0 if end > begin else 0.0) + 1.0
            alpha, gradient = _solve(alphas[index], bounds[row], curvature, slope)
            worst = max(worst, gradient)
            _move(features, begin, end, weights, scales[index], alpha - alphas[index], labels[row])
            alphas[index] = alpha
        if worst < enough:
            break
    return weights, made


@inlined
def _move(features, begin, end, weights, scale, step, label):  # type: ignore[no-untyped-def]
    signed = step if label else -step
    weights[-1] += signed
    for place in range(begin, end):
        weights[features[place]] += signed * scale


@kernel
def margins(features, offsets, rows, weights):  # type: ignore[no-untyped-def]
    """float64[m]: the decision values of the named rows; `weights` as `fit` returned them."""
    out = np.empty(len(rows))
    for index in range(len(rows)):
        begin, end = offsets[rows[index]], offsets[rows[index] + 1]
        scale = 1 / np.sqrt(max(end - begin, 1))
        out[index] = _margin(features, begin, end, weights, scale) + weights[-1]
    return out
