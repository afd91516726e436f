"""Windows of tokens: the filter misses none that repeats, and names are equal for equal windows alone."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels.substrings import repeating_windows, segments_of, window_names


def windows_of(hashes, row_offsets, width):
    """(where it begins, its content) of every window that stays in its row."""
    return [(i, tuple(hashes[i : i + width])) for a, b in pairwise(row_offsets) for i in range(a, b - width + 1)]


def stream(size, alphabet, seed):
    random = np.random.default_rng(seed)
    return random.integers(0, 1 << 63, alphabet, dtype=np.uint64)[random.integers(0, alphabet, size)]


# So many pairs share their first half that many of them meet in the table.
@pytest.mark.parametrize(("width", "alphabet"), [(1, 40_000), (2, 300), (3, 60), (5, 9), (50, 1)])
def test_window_names__says_where_each_window_is_first(width, alphabet):
    hashes = stream(60_000, alphabet, width)
    starts, ends = np.array([0, 20_000]), np.array([20_000, 60_000])
    names = window_names(hashes, starts, ends, width)
    first = {}
    for i, window in windows_of(hashes.tolist(), [0, 20_000, 60_000], width):
        assert names[i] == first.setdefault(window, i)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), max_size=12), max_size=5), st.integers(1, 5))
def test_repeating_windows__misses_none(rows, width):
    hashes = np.array([token * 0x9E3779B97F4A7C15 % (1 << 64) for row in rows for token in row], np.uint64)
    row_offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    alive = repeating_windows(hashes, row_offsets, width)
    windows = windows_of(hashes.tolist(), row_offsets.tolist(), width)
    contents = [content for _, content in windows]
    assert all(alive[i] for i, content in windows if contents.count(content) > 1)
    assert set(np.flatnonzero(alive)) <= {i for i, _ in windows}
    covered = {j for i in np.flatnonzero(alive) for j in range(i, i + width)}
    starts, ends = segments_of(alive, row_offsets, width)
    assert [j for a, b in zip(starts, ends, strict=True) for j in range(a, b)] == sorted(covered)


def test_repeating_windows__leaves_few_that_do_not_repeat():
    hashes = stream(300_000, 100_000, 7)
    row_offsets = np.arange(0, 300_001, 1_000)
    assert repeating_windows(hashes, row_offsets, 5).mean() < 0.004
    hashes[200_000:200_500] = hashes[500:1_000]
    assert repeating_windows(hashes, row_offsets, 5)[200_000:200_496].all()
