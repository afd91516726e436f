"""The election against a plain reference, and over literal cases in both languages."""

import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data import columns
from aigc_data.errors import UsageError
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe.election import ELECTION, compare, elect
from aigc_data.text.dedupe.sketch import estimate

SIZE = 16


def links_of(*rows):
    filled = [(a, b, s, m[0] if m else "jaccard") for a, b, s, *m in rows]
    arrays = [pa.array(c) for c in zip(*filled, strict=True)] if filled else [[], [], [], []]
    return pa.table(arrays, schema=columns.DEDUPE_LINKS)


def unlike(n):
    return np.repeat(np.arange(n, dtype=np.uint8)[:, None], SIZE, axis=1)


def elected(cluster, exact, links=(), order=None, sig8=None, threshold=0.8, **more):
    order = np.arange(len(cluster)) if order is None else np.asarray(order)
    sig8 = unlike(len(cluster)) if sig8 is None else sig8
    cluster, exact = np.array(cluster, np.int64), np.array(exact, np.int64)
    table = elect(cluster, exact, order, links_of(*links), sig8, threshold=threshold, **more)
    assert table.schema == ELECTION
    return [(d, round(s, 3), m) for d, s, m in zip(*(c.to_pylist() for c in table.columns), strict=True)]


STAYS = (-1, 0.0, "")


def test_elect__cuts_a_chain_whose_ends_are_unlike():
    chain = [(0, 1, 0.9), (1, 2, 0.85)]
    assert elected([0, 0, 0], [0, 1, 2], chain) == [STAYS, (0, 0.9, "jaccard"), STAYS]
    assert elected([0, 0, 0], [0, 1, 2], chain, order=[1, 0, 2]) == [(1, 0.9, "jaccard"), STAYS, (1, 0.85, "jaccard")]
    assert elected([0, 0, 0], [0, 1, 2], chain, order=[2, 1, 0]) == [STAYS, (2, 0.85, "jaccard"), STAYS]


def test_elect__collapses_exact_copies_to_the_best_of_them():
    assert elected([3] * 3, [3] * 3, order=[2, 0, 1]) == [(1, 1.0, "exact"), STAYS, (1, 1.0, "exact")]


def test_elect__gives_copies_the_verdict_of_the_one_that_stands_for_them():
    # Rows 1 and 2 are copies; the link names their smallest rank, 1.
    assert elected([0, 0, 0], [0, 1, 1], [(0, 1, 0.9)]) == [STAYS, (0, 0.9, "jaccard"), (0, 0.9, "jaccard")]


def test_elect__holds_links_of_a_representative_that_is_not_living():
    # Rank 5 and its links are gone from the rows, its copies (exact 5) live.
    assert elected([2, 2, 2], [2, 5, 5], [(2, 5, 0.9), (5, 9, 0.95)], order=[2, 0, 1]) == [
        (1, 0.9, "jaccard"),
        STAYS,
        (1, 1.0, "exact"),
    ]


def test_elect__leaves_the_next_best_when_the_best_failed_another_rule():
    ranks, links = np.array([0, 1, 2]), [(0, 1, 0.9), (0, 2, 0.9), (1, 2, 0.95)]
    assert elected([0] * 3, ranks, links)[0] == STAYS
    passed = [1, 2]  # row 0 is not living
    assert elected([0] * 2, ranks[passed], links) == [STAYS, (0, 0.95, "jaccard")]


def test_elect__decides_pairs_without_a_link_by_their_signatures():
    sig8 = unlike(3)
    sig8[2] = sig8[0]
    sig8[2, :2] = 99
    guess = round(float(estimate(np.array([14]), SIZE)[0]), 3)
    assert elected([0] * 3, [0, 1, 2], sig8=sig8) == [STAYS, STAYS, (0, guess, "estimate")]
    assert elected([0] * 3, [0, 1, 2], sig8=sig8, threshold=0.9) == [STAYS] * 3
    assert elected([0, 1, 2], [0, 1, 2], sig8=sig8) == [STAYS] * 3  # another cluster


def test_elect__never_guesses_about_a_pair_that_was_compared():
    sig8 = unlike(3)
    sig8[1] = sig8[2] = sig8[0]  # all three look the same
    apart = links_of((0, 1, 0.7), (1, 2, 0.75))
    assert elected([0] * 3, [0, 1, 2], sig8=sig8) == [STAYS, (0, 1.0, "estimate"), (0, 1.0, "estimate")]
    assert elected([0] * 3, [0, 1, 2], sig8=sig8, unlike=apart) == [STAYS, STAYS, (0, 1.0, "estimate")]
    # A link of the same pair of rows elsewhere is not touched by it.
    linked = elected([0] * 3, [0, 1, 2], [(0, 1, 0.9)], sig8=sig8, unlike=links_of((0, 2, 0.7), (1, 2, 0.7)))
    assert linked == [STAYS, (0, 0.9, "jaccard"), STAYS]


def test_elect__prefers_a_link_and_among_links_the_most_similar():
    links = [(0, 3, 0.85), (1, 3, 0.95), (2, 3, 0.95, "estimate")]
    assert elected([0] * 4, [0, 1, 2, 3], links)[3] == (1, 0.95, "jaccard")
    assert elected([0] * 4, [0, 1, 2, 3], links, order=[0, 2, 1, 3])[3] == (2, 0.95, "estimate")


def test_elect__compares_with_so_many_kept_rows_and_no_more():
    sig8 = unlike(6)
    sig8[5] = sig8[3]
    assert elected([0] * 6, range(6), sig8=sig8, cap=4)[5] == (3, 1.0, "estimate")
    assert elected([0] * 6, range(6), sig8=sig8, cap=3)[5] == STAYS


def test_elect__of_no_rows():
    assert elected([], [], [(0, 1, 0.9)], sig8=np.zeros((0, SIZE), np.uint8)) == []


def plain(cluster, exact, order, links, sig8, least):
    """The definition, one row at a time."""
    n, verdict, kept = len(cluster), {}, {}
    for row in sorted(range(n), key=lambda r: order[r]):
        twin = next((r for r in sorted(verdict, key=lambda r: order[r]) if exact[r] == exact[row]), None)
        if twin is not None:
            verdict[row] = (twin, 1.0, "exact") if verdict[twin] == STAYS else verdict[twin]
            continue
        mine = kept.setdefault(cluster[row], [])
        known = [
            (links[frozenset((exact[row], exact[k]))], -order[k], k)
            for k in mine
            if frozenset((exact[row], exact[k])) in links
        ]
        guessed = [(int((sig8[row] == sig8[k]).sum()), -order[k], k) for k in mine]
        if known:
            best = max(known)
            verdict[row] = (best[2], round(best[0], 3), "jaccard")
        elif guessed and max(guessed)[0] >= least:
            best = max(guessed)
            verdict[row] = (best[2], round(float(estimate(np.array([best[0]]), SIZE)[0]), 3), "estimate")
        else:
            verdict[row] = STAYS
            mine.append(row)
    return [verdict[row] for row in range(n)]


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32 - 1), st.integers(1, 14))
def test_elect__equals_the_plain_definition_in_any_row_order(seed, n):
    rng = np.random.RandomState(seed)
    classes = rng.randint(0, n, n)
    cluster = classes % 3
    # Representatives have ranks of their own, beyond those of the rows.
    exact = classes * 7 + 5
    order = rng.permutation(n) * 3
    sig8 = np.zeros((n, SIZE), np.uint8)
    for c in set(classes):
        sig8[classes == c] = rng.randint(0, 2, SIZE)
    possible = [(a, b) for a in set(exact) for b in set(exact) if a < b and (a - 5) // 7 % 3 == (b - 5) // 7 % 3]
    links = {frozenset(p): rng.choice([0.8, 0.9, 0.95]) for p in possible if rng.rand() < 0.4}
    rows = [(*sorted(map(int, pair)), s) for pair, s in links.items()] + [(5, 7 * n + 5, 0.99)]
    expected = plain(cluster, exact, order, links, sig8, 13)
    assert elected(cluster, exact, rows, order, sig8, threshold=0.8) == expected
    mixed = rng.permutation(n)
    back = np.argsort(mixed)
    again = elected(cluster[mixed], exact[mixed], rows[::-1], order[mixed], sig8[mixed], threshold=0.8)
    assert [(mixed[d] if d >= 0 else -1, s, m) for d, s, m in (again[i] for i in back)] == expected


@pytest.mark.slow
def test_elect__of_a_million_copies_and_of_a_million_alike_is_linear():
    n = 1_000_000
    zero, sig8 = np.zeros(n, np.int64), np.zeros((n, 128), np.uint8)
    elect(zero[:10], zero[:10], np.arange(10), links_of(), sig8[:10], threshold=0.8)
    start = time.process_time()
    copies = elect(zero, zero, np.arange(n)[::-1], links_of(), sig8, threshold=0.8)
    assert set(copies["duplicate_of"].to_pylist()[:-1]) == {n - 1}
    alike = elect(zero, np.arange(n), np.arange(n), links_of(), sig8, threshold=0.8)
    assert set(alike["duplicate_of"].to_pylist()[1:]) == {0}
    assert time.process_time() - start < 30


LONG = "the data set is the key to every model that anyone will train on it next year and in the years after "
HAN = "数据是关键所在模型只在其后谁掌握了干净而有授权的文本谁就能在明年重新训练而只握有权重的人只好等待别人分享"


def compared(texts, ids=None, **params):
    ids = ids or [f"id{i}" for i in range(len(texts))]
    table = compare(pa.array(texts, pa.large_string()), pa.array(ids), DedupeMeasure(**params))
    return {i: tuple(row.values()) for i, row in zip(ids, table.to_pylist(), strict=True)}


def test_compare__keeps_the_longest_then_the_smallest_id():
    found = compared([LONG, LONG + "indeed", "else", HAN, HAN.replace("明年", "后年"), "好", "好。"], list("gfedcba"))
    assert found["f"] == ("f", "f", "", 0.0)
    assert found["g"][:3] == ("f", "f", "f")
    assert found["g"][3] == pytest.approx(18 / 19, abs=1e-6)
    assert found["e"] == ("e", "e", "", 0.0)
    assert found["c"] == ("c", "c", "", 0.0)
    assert found["d"][:3] == ("c", "c", "c")
    # "好。" is longer than "好" and has the smaller id.
    assert found["b"] == ("a", "a", "a", 1.0)
    assert found["a"] == ("a", "a", "", 0.0)


def test_compare__names_the_group_of_looser_likeness():
    half = " ".join(f"w{i}" for i in range(300)), " ".join(f"w{i + (1000 if i > 200 else 0)}" for i in range(300))
    found = compared([*half, "x", None, None, ""])
    assert [found[f"id{i}"][:3] for i in range(2)] == [("id0", "id0", ""), ("id1", "id0", "")]
    assert [found[f"id{i}"][:2] for i in range(2, 6)] == [(f"id{i}",) * 2 for i in range(2, 6)]


def test_compare__gives_each_id_the_same_verdict_in_any_order():
    texts = [LONG, LONG + "indeed", LONG.upper(), HAN, HAN + "。", "yes", "no", ""]
    ids = [f"{i:02}" for i in np.random.RandomState(3).permutation(8)]
    mixed = np.random.RandomState(1).permutation(8)
    assert compared([texts[i] for i in mixed], [ids[i] for i in mixed]) == compared(texts, ids)


def test_compare__of_no_rows():
    assert compare(pa.array([], pa.string()), pa.array([], pa.string()), DedupeMeasure()).column_names == [
        "cluster",
        "group",
        "duplicate_of",
        "similarity",
    ]


@pytest.mark.parametrize("ids", [["a", "a"], ["a", None]])
def test_compare__refuses_ids_that_do_not_name_one_row(ids):
    with pytest.raises(UsageError, match="an id is null or occurs twice"):
        compare(pa.array(["x", "y"]), pa.array(ids), DedupeMeasure())


@pytest.mark.parametrize("texts", [["t158146", "t357850"], ["t204177", "t249851"], ["t201285", "t342977"]])
def test_compare__texts_of_one_shingle_are_no_copies_because_their_hashes_collide(texts):
    found = compared(texts)
    assert [row[2] for row in found.values()] == ["", ""]  # duplicate_of
    assert [row[0] for row in found.values()] == ["id0", "id1"]  # cluster


def test_compare__one_token_many_times_is_the_same_however_often():
    found = compared(["ha " * 8, "ha " * 9, "哈" * 8, "哈" * 9])
    assert [row[2:] for row in found.values()] == [("id1", 1.0), ("", 0.0), ("id3", 1.0), ("", 0.0)]
