from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels.jaccard import jaccard_pairs, sorted_sets

SETS = st.lists(st.lists(st.integers(0, 6) | st.integers(0, 2**32 - 1), max_size=12), min_size=1, max_size=6)


@settings(deadline=None)
@given(SETS)
def test_jaccard_pairs__equals_python_sets(rows):
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
    hashes, starts = sorted_sets(np.array([h for r in rows for h in r], np.uint32), offsets)
    assert [hashes[a:b].tolist() for a, b in pairwise(starts)] == [sorted(set(r)) for r in rows]
    left, right = (m.ravel() for m in np.meshgrid(np.arange(len(rows)), np.arange(len(rows))))
    expected = [
        len(a & b) / max(len(a | b), 1)
        for a, b in ((set(rows[i]), set(rows[j])) for i, j in zip(left, right, strict=True))
    ]
    assert jaccard_pairs(hashes, starts, left, right).tolist() == expected
