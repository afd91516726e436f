"""Who stays among near-duplicates.

Greedy, in a given order, each removal verified against a row that stays.
"""

from __future__ import annotations

import numpy as np

from aigc_data.kernels.buckets import agreements
from aigc_data.kernels.flags import kernel


@kernel
def elect_in_order(starts, neighbours, similarities, neighbour_starts, sig8, least, cap):  # type: ignore[no-untyped-def]
    """Elect inside each cluster: (kept_by int64[n], edge int64[n], strength float64[n]).

    Candidates are numbered so that each cluster is the run `starts[c]:starts[c + 1]`, best first. Candidate
    i's links are `neighbours[neighbour_starts[i]:neighbour_starts[i + 1]]` with `similarities`. `sig8` is
    uint8[n, K]. A similarity below 0 says that the two were compared and are unlike. `kept_by[i]` is -1 for a row that
    stays, else the row that i repeats: among the kept rows
    with a link the most similar one (the better one of equals), with its similarity as `strength` and the
    index of the link as `edge`; without a link (`edge` -1), among the best `cap` kept rows the one whose
    signature agrees most, if in `least` values or more and not known as unlike, with the number of them as `strength`.
    """
    n = len(sig8)
    kept_by, by_edge, strength = np.full(n, -1, np.int64), np.full(n, -1, np.int64), np.zeros(n, np.float64)
    kept, unlike = np.empty(n, np.int64), np.full(n, -1, np.int64)
    for cluster in range(len(starts) - 1):
        count = 0
        for i in range(starts[cluster], starts[cluster + 1]):
            for edge in range(neighbour_starts[i], neighbour_starts[i + 1]):
                other, similarity = neighbours[edge], similarities[edge]
                if similarity < 0:
                    unlike[other] = i
                if similarity < 0 or other >= i or kept_by[other] >= 0:
                    continue
                better = similarity > strength[i] or (similarity == strength[i] and other < kept_by[i])
                if kept_by[i] < 0 or better:
                    kept_by[i], by_edge[i], strength[i] = other, edge, similarity
            if kept_by[i] < 0:
                for k in range(min(count, cap)):
                    if unlike[kept[k]] == i:
                        continue
                    same = agreements(sig8[i], sig8[kept[k]])
                    if same >= least and same > strength[i]:
                        kept_by[i], strength[i] = kept[k], same
            if kept_by[i] < 0:
                kept[count] = i
                count += 1
    return kept_by, by_edge, strength
