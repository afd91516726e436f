import numpy as np

from aigc_data.kernels.buckets import (
    COMPARISONS,
    ROUNDS,
    lead_buckets,
    query_buckets,
    shared_entries,
    without_loners,
)


def entries(*buckets):
    return np.array([key << 32 | place for key, places in buckets for place in places], np.uint64)


def led(entered, sig8, emit, absorb):
    return listed(*lead_buckets(entered, sig8, emit, absorb))


def listed(pairs, matches):
    return [(int(p) >> 32, int(p) & 0xFFFFFFFF, int(m)) for p, m in zip(pairs, matches, strict=True)]


def unlike(n, size=16):
    """n signatures that agree nowhere (n ≤ 256)."""
    return np.repeat(np.arange(n, dtype=np.uint8)[:, None], size, axis=1)


def test_lead_buckets__compares_with_the_leader_and_leads_what_is_left():
    sig8 = unlike(6)
    sig8[[2, 4]] = sig8[0]
    sig8[5] = sig8[3]
    assert led(entries((7, range(6))), sig8, 10, 10) == [(0, 2, 16), (0, 4, 16), (3, 5, 16)]


def test_lead_buckets__keeps_buckets_apart():
    sig8 = unlike(4)
    sig8[[0, 1, 3]] = 9
    assert led(entries((1, [0, 2]), (2, [1, 3])), sig8, 10, 10) == [(1, 3, 16)]


def test_query_buckets__compares_queries_with_the_first_of_the_index_in_their_bucket():
    sig8 = unlike(6)
    sig8[[0, 1, 2, 4]] = 9
    sig8[[3, 5]] = 8
    asked = entries((1, [0, 1, 4]), (2, [2, 5]), (3, [3, 5]), (4, [0, 1]), (5, [4, 5]))

    def found(index, queries, most=16):
        return listed(*query_buckets(asked, sig8, index, queries, 10, most))

    assert found((0, 4), (4, 6)) == [(0, 4, 16), (1, 4, 16), (3, 5, 16)]
    assert found((0, 4), (4, 6), most=1) == [(0, 4, 16), (3, 5, 16)]
    assert found((4, 6), (0, 4)) == [(0, 4, 16), (1, 4, 16), (3, 5, 16)]  # the other way round, the same pairs
    assert found((1, 4), (4, 5)) == [(1, 4, 16)]
    assert found((0, 0), (0, 6)) == []


def test_shared_entries__takes_who_enters_with_a_key_of_the_partition():
    keys, ranks = np.array([5, 9, 5, 7], np.uint32), np.array([3, 2, 1, 0], np.uint32)
    enters = np.array([True, True, True, False])
    assert shared_entries(keys, ranks, enters, 0, 1 << 32).tolist() == entries((5, [3]), (9, [2]), (5, [1])).tolist()
    assert shared_entries(keys, ranks, enters, 6, 10).tolist() == entries((9, [2])).tolist()


def test_without_loners__keeps_keys_that_two_have():
    entered = entries((1, [4]), (2, [0, 3]), (7, [1]), (8, [2, 5, 6]))
    assert entered[: without_loners(entered)].tolist() == entries((2, [0, 3]), (8, [2, 5, 6])).tolist()


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
