"""Connected components."""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.flags import inlined, kernel


@inlined
def _root(parents, node):  # type: ignore[no-untyped-def]
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@kernel
def smallest_of_component(n, left, right):  # type: ignore[no-untyped-def]
    """For each of n nodes the smallest node of its component (int64[n]); edges are `left[i]` to
    `right[i]`."""
    parents = np.arange(n)
    for i in range(len(left)):
        a, b = _root(parents, np.int64(left[i])), _root(parents, np.int64(right[i]))
        # The smaller root always wins, so the root of a component is its smallest node whatever the order
        # of edges.
        if a < b:
            parents[b] = a
        else:
            parents[a] = b
    for node in range(n):
        parents[node] = _root(parents, node)
    return parents
