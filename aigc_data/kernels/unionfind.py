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
def join(parents, left, right):  # type: ignore[no-untyped-def]
    """Add edges `left[i]` to `right[i]` to a forest in place; `parents` (integers[n]) begins as 0..n-1."""
    for i in range(len(left)):
        a, b = _root(parents, np.int64(left[i])), _root(parents, np.int64(right[i]))
        # The smaller root always wins, so the root of a component is its smallest node whatever the order
        # of edges.
        if a < b:
            parents[b] = a
        else:
            parents[a] = b


@kernel
def flatten(parents):  # type: ignore[no-untyped-def]
    """Make each node's parent the smallest node of its component, in place."""
    for node in range(len(parents)):
        parents[node] = _root(parents, node)


def smallest_of_component(n: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """For each of n nodes the smallest node of its component (int64[n]); edges are `left[i]` to `right[i]`."""
    parents = np.arange(n)
    join(parents, left, right)
    flatten(parents)
    return parents
