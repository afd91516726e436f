"""The cosine kernels against plain Python."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels.cosine import cosine_pairs, hash_rows, lead_rows, norms_of

rows_of = st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=12)


def cosine(a, b):
    scale = math.hypot(*a) * math.hypot(*b)
    return sum(x * y for x, y in zip(a, b, strict=True)) / scale if scale else 0.0


def led(vectors, threshold, most, leaders):
    links, gone = [], set()
    for i in range(leaders):
        if i in gone:
            continue
        near = [(i, j) for j in range(i + 1, len(vectors)) if j not in gone]
        near = [(i, j) for i, j in near if cosine(vectors[i], vectors[j]) >= threshold]
        links += near
        gone |= {j for _, j in near} if len(near) > most else set()
    return links, gone


@settings(deadline=None)
@given(rows_of)
def test_cosine_pairs__are_those_of_plain_python(rows):
    vectors = np.array(rows, np.float32)
    left, right = np.indices((len(rows), len(rows))).reshape(2, -1)
    seen = cosine_pairs(vectors, norms_of(vectors), left, right)
    assert np.allclose(seen, [cosine(rows[i], rows[j]) for i, j in zip(left, right, strict=True)], atol=1e-12)
    assert (seen <= 1).all()


@settings(deadline=None)
@given(rows_of)
def test_hash_rows__tells_rows_apart(rows):
    hashes = hash_rows(np.array(rows, np.int16)).tolist()
    assert len(set(hashes)) == len({tuple(row) for row in rows})
    assert len(set(zip(hashes, map(tuple, rows), strict=True))) == len(set(hashes))


@settings(deadline=None)
@given(rows_of, st.integers(0, 4), st.integers(1, 12), st.sampled_from([0.45, 0.75, 0.95]))
def test_lead_rows__are_those_of_plain_python(rows, most, leaders, threshold):
    leaders = min(leaders, len(rows))
    # Every other row of a larger matrix, so that places and indices differ.
    vectors = np.repeat(np.array(rows, np.float32), 2, axis=0)
    places = np.arange(len(rows)) * 2
    gone = np.zeros(len(rows), np.bool_)
    near = np.ones((leaders, len(rows)), np.bool_)
    left, right, _ = lead_rows(near, places, vectors, norms_of(vectors), threshold, most, gone)
    links, taken = led(rows, threshold, most, leaders)
    assert list(zip((left // 2).tolist(), (right // 2).tolist(), strict=True)) == links
    assert set(np.flatnonzero(gone).tolist()) == taken


def test_lead_rows__compares_only_what_is_near():
    vectors = np.ones((3, 2), np.float32)
    near = np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]], np.bool_)
    left, right, strength = lead_rows(near, np.arange(3), vectors, norms_of(vectors), 0.9, 9, np.zeros(3, np.bool_))
    assert (left.tolist(), right.tolist(), strength.round(6).tolist()) == ([0], [2], [1.0])
