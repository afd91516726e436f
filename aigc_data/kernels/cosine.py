"""Cosine similarity of rows of a float matrix, and leader clustering on it."""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined, kernel
from aigc_data.kernels.tokens import MIX, SEED, finished


@inlined
def _cosine(vectors, norms, i, j):  # type: ignore[no-untyped-def]
    # One sum after the other in float64: the same bits whatever the number of threads. Rows of norm 0 are
    # similar to nothing.
    total = 0.0
    for k in range(vectors.shape[1]):
        total += np.float64(vectors[i, k]) * np.float64(vectors[j, k])
    scale = norms[i] * norms[j]
    return min(total / scale, 1.0) if scale > 0 else 0.0


@kernel
def norms_of(vectors):  # type: ignore[no-untyped-def]
    """Euclidean norm (float64[n]) of each row of `vectors` (float32[n, d])."""
    out = np.zeros(len(vectors), np.float64)
    for i in range(len(vectors)):
        for k in range(vectors.shape[1]):
            out[i] += np.float64(vectors[i, k]) * np.float64(vectors[i, k])
        out[i] = np.sqrt(out[i])
    return out


@kernel
def cosine_pairs(vectors, norms, left, right):  # type: ignore[no-untyped-def]
    """Cosine (float64[m]) of the rows `left[i]` and `right[i]` (int64[m]) of `vectors` (float32[n, d])."""
    out = np.empty(len(left), np.float64)
    for pair in range(len(left)):
        out[pair] = _cosine(vectors, norms, left[pair], right[pair])
    return out


@kernel
def hash_rows(grid):  # type: ignore[no-untyped-def]
    """A 64-bit hash (uint64[n]) of each row of `grid` (int16[n, d])."""
    out = np.empty(len(grid), np.uint64)
    for i in range(len(grid)):
        state = SEED
        for k in range(grid.shape[1]):
            state = ((state << np.uint64(23) | state >> np.uint64(41)) ^ np.uint64(np.uint16(grid[i, k]))) * MIX
        out[i] = finished(state)
    return out


@kernel
def lead_rows(near, rows, vectors, norms, threshold, most, gone):  # type: ignore[no-untyped-def]
    """Links among the rows of one cluster: (leader int64[m], follower int64[m], cosine float64[m]).

    `rows` (int64[c], ascending) are indices into `vectors` (float32[n, d]); `near[i, j]` (bool[l, c], l <= c) says
    whether rows[i] and rows[j] are worth comparing. Each of the first l rows leads in turn, unless an earlier leader
    took it along: what comes after it and has a cosine of `threshold` or more is linked with it. A leader with more
    than `most` followers takes them along, so that there are at most (most + 1) c links and not c² / 2. `gone`
    (bool[c]) marks rows that were taken along, before and after the call: it is written to.
    """
    left, right = np.empty(1024, np.int64), np.empty(1024, np.int64)
    strength, found = np.empty(1024, np.float64), 0
    for i in range(len(near)):
        if gone[i]:
            continue
        if found + len(rows) > len(left):
            room = 2 * len(left) + len(rows)
            left, right = _moved(left, room, found), _moved(right, room, found)
            strength = _moved(strength, room, found)
        first = found
        for j in range(i + 1, len(rows)):
            if not near[i, j] or gone[j]:
                continue
            cosine = _cosine(vectors, norms, rows[i], rows[j])
            if cosine >= threshold:
                left[found], right[found], strength[found] = i, j, cosine
                found += 1
        if found - first > most:
            for k in range(first, found):
                gone[right[k]] = True
    return rows[left[:found]], rows[right[:found]], strength[:found].copy()


@inlined
def _moved(array, room, used):  # type: ignore[no-untyped-def]
    larger = np.empty(room, array.dtype)
    larger[:used] = array[:used]
    return larger
