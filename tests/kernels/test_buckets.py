import numpy as np

from aigc_data.kernels.buckets import COMPARISONS, ROUNDS, lead_buckets


def entries(*buckets):
    return np.array([key << 32 | place for key, places in buckets for place in places], np.uint64)


def led(entered, sig8, emit, absorb, rows=None):
    rows = np.arange(len(sig8)) if rows is None else rows
    pairs, matches = lead_buckets(entered, rows, sig8, emit, absorb)
    return [(int(p) >> 32, int(p) & 0xFFFFFFFF, int(m)) for p, m in zip(pairs, matches, strict=True)]


def unlike(n, size=16):
    """n signatures that agree nowhere (n ≤ 256)."""
    return np.repeat(np.arange(n, dtype=np.uint8)[:, None], size, axis=1)


def test_lead_buckets__compares_with_the_leader_and_leads_what_is_left():
    sig8 = unlike(6)
    sig8[[2, 4]] = sig8[0]
    sig8[5] = sig8[3]
    assert led(entries((7, range(6))), sig8, 10, 10) == [(0, 2, 16), (0, 4, 16), (3, 5, 16)]


def test_lead_buckets__keeps_buckets_apart_and_reads_rows_through_their_places():
    sig8 = unlike(4)
    sig8[[0, 1, 3]] = 9
    assert led(entries((1, [0, 2]), (2, [1, 3])), sig8, 10, 10) == [(1, 3, 16)]
    assert led(entries((1, [0, 1])), sig8, 10, 10, np.array([2, 3])) == []
    assert led(entries((1, [0, 1])), sig8, 10, 10, np.array([3, 0])) == [(0, 1, 16)]


def test_lead_buckets__a_member_between_emit_and_absorb_is_paired_and_stays():
    sig8 = unlike(3)
    sig8[1, :12] = sig8[0, 0]  # 12 of 16 like the leader
    sig8[2] = sig8[1]
    sig8[2, 15] = 77
    assert led(entries((1, range(3))), sig8, 10, 14) == [(0, 1, 12), (0, 2, 12), (1, 2, 15)]
    assert led(entries((1, range(3))), sig8, 10, 12) == [(0, 1, 12), (0, 2, 12)]
    assert led(entries((1, range(3))), sig8, 13, 14) == [(1, 2, 15)]


def test_lead_buckets__of_one_kind_is_a_star():
    sig8 = np.zeros((5000, 16), np.uint8)
    assert led(entries((3, range(5000))), sig8, 16, 16) == [(0, place, 16) for place in range(1, 5000)]


def test_lead_buckets__stops_after_the_stated_rounds_in_a_large_bucket():
    sig8 = np.random.RandomState(0).randint(0, 256, (4096, 16), np.uint8)
    sig8[ROUNDS - 1, :], sig8[ROUNDS, :] = 1, 2
    sig8[4000], sig8[4001] = sig8[ROUNDS - 1], sig8[ROUNDS]
    assert led(entries((3, range(4096))), sig8, 16, 16) == [(ROUNDS - 1, 4000, 16)]


def test_lead_buckets__compares_all_pairs_of_a_small_bucket():
    size = int(COMPARISONS**0.5)
    sig8 = unlike(size)
    sig8[-1] = sig8[-2]
    assert led(entries((3, range(size))), sig8, 16, 16) == [(size - 2, size - 1, 16)]


def test_lead_buckets__of_nothing():
    assert led(entries(), unlike(2), 1, 1) == []
